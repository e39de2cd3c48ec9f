//! Makes messages of the events on the events queue. May read the table and note events in it, hide messages of the
//! events queue, put attempts on the deliveries queue, and put what it cannot understand among the dead letters.

use std::sync::Arc;

use hookline_aws::Deployment;
use hookline_core::service::Service;
use lambda_runtime::Error;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let deployment = Deployment::start()?;
    let service = Service { queues: Arc::new(deployment.queues()), ..deployment.service() };
    deployment.event_fanout(service)?.serve().await
}
