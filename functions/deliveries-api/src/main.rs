//! Deliveries and redeliveries. May read and write the table, and put attempts on the deliveries queue.

use std::sync::Arc;

use hookline_aws::{Deployment, serve_api};
use hookline_core::service::Service;
use hookline_http::{AlwaysReady, Api, ApiFunction, ClientAddress, MemoryRateLimit, router_of};
use lambda_runtime::Error;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let deployment = Deployment::start()?;
    let api = Api {
        service: Service { queues: Arc::new(deployment.queues()), ..deployment.service() },
        readiness: Arc::new(AlwaysReady),
        rate_limit: deployment.rate_limit(MemoryRateLimit::default()),
    };
    serve_api(router_of(ApiFunction::Deliveries, api), ClientAddress, deployment.metrics()).await
}
