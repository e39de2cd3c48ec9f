//! The webhooks with most failures, asked for on the side.
//!
//! Counts change every ten seconds, and calls per token are limited, so the service is asked every ten seconds, whatever the
//! interval of the display.

use std::collections::BTreeMap;
use std::time::Duration;

use hookline_core::values::{Clock as _, System};
use reqwest::Method;
use serde_json::Value;
use tokio::sync::watch;

use super::super::api_client::{ApiClient, reason};
use crate::output::CommandError;

/// How long an answer is shown.
const REFRESH: Duration = Duration::from_secs(10);
/// How many webhooks are shown.
const SHOWN: usize = 10;
/// How far back failures are counted: the hour before this one is whole.
const RANGE: Duration = Duration::from_hours(1);

/// What is known of the webhooks.
#[derive(Clone)]
pub(super) enum WebhookReport {
    /// There is no token to ask with.
    NoToken,
    /// The first answer is not there yet.
    Asking,
    /// The worst first, since this time.
    Failing(String, Vec<FailingWebhook>),
    /// Why the service did not say.
    Refused(String),
}

/// A webhook and its deliveries.
#[derive(Clone, Default)]
pub(super) struct FailingWebhook {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) succeeded: u64,
    pub(super) failed: u64,
    pub(super) dropped: u64,
}

/// The newest report.
pub(super) struct FailingWebhooks(watch::Receiver<WebhookReport>);

impl FailingWebhooks {
    /// Asks once, or from now on in the background.
    pub(super) async fn follow(api: Option<ApiClient>, once: bool) -> Self {
        let Some(api) = api else { return Self(watch::channel(WebhookReport::NoToken).1) };
        let mut reader = CountsReader { api, names: BTreeMap::new() };
        if once {
            return Self(watch::channel(reader.report().await).1);
        }
        let (reports, newest) = watch::channel(WebhookReport::Asking);
        tokio::spawn(async move {
            while reports.send(reader.report().await).is_ok() {
                tokio::time::sleep(REFRESH).await;
            }
        });
        Self(newest)
    }

    pub(super) fn report(&self) -> WebhookReport {
        self.0.borrow().clone()
    }
}

struct CountsReader {
    api: ApiClient,
    /// Names by id, asked for once.
    names: BTreeMap<u64, String>,
}

impl CountsReader {
    async fn report(&mut self) -> WebhookReport {
        self.read().await.unwrap_or_else(|error| match error {
            CommandError::Usage(reason) | CommandError::Failed(reason) => WebhookReport::Refused(reason),
            CommandError::Differs => WebhookReport::Asking,
        })
    }

    async fn read(&mut self) -> Result<WebhookReport, CommandError> {
        let since = (System.now() - RANGE).strftime("%Y-%m-%dT%H:00:00Z").to_string();
        let counts = self.get(&format!("/v1/counts?by=webhook&since={since}")).await?;
        let mut worst = worst(counts.as_array().map_or(&[], Vec::as_slice));
        for webhook in &mut worst {
            webhook.name = self.name(webhook.id).await?;
        }
        Ok(WebhookReport::Failing(since, worst))
    }

    /// The name of a webhook; empty if it has none or was deleted.
    async fn name(&mut self, id: u64) -> Result<String, CommandError> {
        if let Some(name) = self.names.get(&id) {
            return Ok(name.clone());
        }
        let (_, webhook) = self.api.call_once(Method::GET, &format!("/v1/webhooks/{id}?fields=name")).await?;
        let name = webhook["name"].as_str().unwrap_or_default().to_owned();
        self.names.insert(id, name.clone());
        Ok(name)
    }

    async fn get(&self, path: &str) -> Result<Value, CommandError> {
        let (status, answer) = self.api.call_once(Method::GET, path).await?;
        if status.is_success() {
            Ok(answer)
        } else {
            Err(CommandError::of(format!("the service refused the counts ({status}): {}", reason(&answer))))
        }
    }
}

/// The webhooks with most failures over all hours.
fn worst(hours: &[Value]) -> Vec<FailingWebhook> {
    let mut webhooks: BTreeMap<u64, FailingWebhook> = BTreeMap::new();
    for hour in hours {
        let number = |name: &str| hour[name].as_u64().unwrap_or_default();
        let id = number("webhook_id");
        let webhook = webhooks.entry(id).or_insert_with(|| FailingWebhook { id, ..FailingWebhook::default() });
        webhook.succeeded += number("succeeded");
        webhook.failed += number("failed");
        webhook.dropped += number("dropped");
    }
    let mut failing: Vec<_> = webhooks.into_values().filter(|webhook| webhook.failed + webhook.dropped > 0).collect();
    failing.sort_by_key(|webhook| std::cmp::Reverse(webhook.failed + webhook.dropped));
    failing.truncate(SHOWN);
    failing
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn failures_of_all_hours_count() {
        let hour = |webhook_id: u64, failed: u64, dropped: u64| json!({"webhook_id": webhook_id, "succeeded": 5, "failed": failed, "dropped": dropped});
        let mut hours = vec![hour(1, 3, 0), hour(2, 0, 0), hour(3, 1, 4), hour(1, 3, 0)];
        let found: Vec<_> = worst(&hours).iter().map(|one| (one.id, one.succeeded, one.failed, one.dropped)).collect();
        assert_eq!(found, [(1, 10, 6, 0), (3, 5, 1, 4)]);
        hours.extend((10..30).map(|id| hour(id, 1, 0)));
        assert_eq!(worst(&hours).len(), 10);
        assert!(worst(&[json!({"odd": true}), json!(7)]).is_empty());
    }
}
