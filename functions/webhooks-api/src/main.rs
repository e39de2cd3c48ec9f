//! Webhooks and what belongs to them: `/webhooks*` but for deliveries, `/event_types*`, `/attachments*`,
//! `/endpoint_hosts*`, the verify callback, `GET /v1` and the OpenAPI document. May read and write the table, put attempts
//! on the deliveries queue, and make and open data keys. Opens connections for `POST /webhooks/:id/test?report=true` only.

use std::sync::Arc;
use std::time::Duration;

use hookline_aws::{Deployment, serve_api};
use hookline_core::service::Service;
use hookline_egress::{Egress, EgressSettings};
use hookline_http::{AlwaysReady, Api, ClientAddress, MemoryRateLimit, router};
use lambda_runtime::Error;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let deployment = Deployment::start()?;
    // A connection would not outlive the pause between two calls.
    let (allow, ports) = (deployment.settings.allow_cidrs.clone(), deployment.settings.allow_ports.clone());
    let egress =
        Egress::new(EgressSettings { allow, ports, idle_timeout: Duration::ZERO, ..EgressSettings::default() })?;
    let service = Service {
        queues: Arc::new(deployment.queues()),
        vault: Arc::new(deployment.vault()?),
        attachments: Arc::new(deployment.attachments()?),
        transport: Arc::new(egress),
        ..deployment.service()
    };
    let api = Api {
        service,
        readiness: Arc::new(AlwaysReady),
        rate_limit: deployment.rate_limit(MemoryRateLimit::default()),
    };
    serve_api(router(api), ClientAddress, deployment.metrics()).await
}
