//! Webhook policies, discovery and JWKS, and `POST /token`. May read and write the table, and make and open data keys.

use std::sync::Arc;

use hookline_aws::{Deployment, serve_api};
use hookline_core::service::Service;
use hookline_http::{AlwaysReady, Api, ApiFunction, ClientAddress, MemoryRateLimit, router_of};
use lambda_runtime::Error;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let deployment = Deployment::start()?;
    let api = Api {
        service: Service { vault: Arc::new(deployment.vault()?), ..deployment.service() },
        readiness: Arc::new(AlwaysReady),
        rate_limit: deployment.rate_limit(MemoryRateLimit::default()),
    };
    serve_api(router_of(ApiFunction::Policies, api), ClientAddress, deployment.metrics()).await
}
