//! Sends the messages on the deliveries queue. May read and write the table, put attempts on the deliveries queue and
//! among its dead letters, open data keys, and send mails. The one function whose work is to connect to endpoints.

use std::sync::Arc;
use std::time::Duration;

use hookline_aws::Deployment;
use hookline_core::service::Service;
use hookline_egress::{Egress, EgressSettings};
use lambda_runtime::Error;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let deployment = Deployment::start()?;
    // A connection would not outlive the pause between two calls.
    let (allow, ports) = (deployment.settings.allow_cidrs.clone(), deployment.settings.allow_ports.clone());
    let egress =
        Egress::new(EgressSettings { allow, ports, idle_timeout: Duration::ZERO, ..EgressSettings::default() })?;
    let table = Arc::new(deployment.table().clone());
    let service = Service {
        queues: Arc::new(deployment.queues()),
        vault: Arc::new(deployment.vault()?),
        mail_limiter: table.clone(),
        mail_batches: table,
        mailer: Arc::new(deployment.mailer()?),
        transport: Arc::new(egress),
        ..deployment.service()
    };
    deployment.delivery(service)?.serve().await
}
