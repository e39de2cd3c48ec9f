//! The operator's function. It has no URL: who may invoke it by IAM may do everything that it does. A call is one JSON
//! command ([`commands`]), the answer its result; a command that cannot be carried out is a function error with the reason.

mod commands;

use hookline_aws::Deployment;
use lambda_runtime::{Error, LambdaEvent, service_fn};

use crate::commands::AdminCommand;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let deployment = Deployment::start()?;
    let deployment = &deployment;
    lambda_runtime::run(service_fn(async move |event: LambdaEvent<AdminCommand>| {
        commands::run(deployment, event.payload).await.map_err(Error::from)
    }))
    .await
}
