//! The operator's function. It has no URL: who may invoke it by IAM may do everything that it does. A call is one JSON
//! command ([`commands`]), the answer its result; a command that cannot be carried out is a function error with the reason.
//! A call that is repeated runs its command once ([`requests`]).

mod commands;
mod requests;

use hookline_aws::Deployment;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let deployment = Deployment::start()?;
    let deployment = &deployment;
    lambda_runtime::run(service_fn(async move |event: LambdaEvent<Value>| {
        requests::run_once(deployment, event.payload, &event.context.request_id).await.map_err(Error::from)
    }))
    .await
}
