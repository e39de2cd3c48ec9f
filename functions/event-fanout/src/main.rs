//! Makes messages of the events on the events queue. May read the table and note events in it, hide messages of the
//! events queue, put attempts on the deliveries queue, and put what it cannot understand among the dead letters.

use hookline_aws::Deployment;
use lambda_runtime::Error;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let deployment = Deployment::start()?;
    deployment.event_fanout(deployment.service(None))?.serve().await
}
