//! `hookline healthcheck`: whether a service can work, for the health check of a container.

use std::time::Duration;

use crate::arguments::HealthcheckArgs;
use crate::output::{CommandError, say};

/// How long the service may take to answer.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Asks `GET /readyz`. Fails unless the answer is 200.
pub(crate) async fn run(arguments: HealthcheckArgs) -> Result<(), CommandError> {
    let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
    let client = client.timeout(TIMEOUT).build().map_err(CommandError::of)?;
    let url = format!("{}/readyz", arguments.url.as_str().trim_end_matches('/'));
    match client.get(&url).send().await {
        Ok(answer) if answer.status() == 200 => {
            say("the service is ready");
            Ok(())
        }
        Ok(answer) => Err(CommandError::of(format!("the service is not ready: {url} answered {}", answer.status()))),
        Err(error) => Err(CommandError::of(format!("{url} does not answer: {}", error.without_url()))),
    }
}
