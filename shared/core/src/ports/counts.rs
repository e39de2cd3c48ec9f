//! Counts of ended deliveries, per webhook and hour (section 12).

use std::ops::RangeInclusive;
use std::time::Duration;

use async_trait::async_trait;

use crate::errors::PortResult;
use crate::ids::{AccountId, WebhookId};
use crate::model::{Hour, HourlyCounts, Outcome};

/// Whose counts are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CountsScope {
    /// One webhook's, also of a deleted one.
    Webhook(WebhookId),
    /// The account's, added up.
    Account,
    /// Those of the webhooks with most failures of each hour
    /// ([`most_failures`](HourlyCounts::most_failures)).
    MostFailures,
}

/// Counts, added when work ends. They are kept for 31 days.
#[async_trait]
pub trait Counts: Send + Sync {
    /// Counts a delivery of a published event that ended, in memory.
    fn count(&self, account: &AccountId, webhook: WebhookId, hour: Hour, outcome: Outcome, duration: Option<Duration>);
    /// Counts an event that the filters of these webhooks kept out, in memory.
    fn count_filtered(&self, account: &AccountId, webhooks: &[WebhookId], hour: Hour);
    /// Stores what was counted before. What cannot be stored stays counted in memory, for the next time.
    async fn store_counts(&self) -> PortResult<()>;
    /// The stored counts of an account in these hours, oldest first. An hour without any is left out.
    async fn counts(
        &self,
        account: &AccountId,
        scope: CountsScope,
        hours: RangeInclusive<Hour>,
    ) -> PortResult<Vec<HourlyCounts>>;
}
