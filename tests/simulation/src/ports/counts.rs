//! Counts. They are no step: counting cannot fail, and nothing waits for it.

use std::ops::RangeInclusive;
use std::time::Duration;

use async_trait::async_trait;
use hookline_core::errors::PortResult;
use hookline_core::ids::{AccountId, WebhookId};
use hookline_core::model::{Hour, HourlyCounts, Outcome};
use hookline_core::ports::{Counts, CountsScope};

use super::Gated;

#[async_trait]
impl Counts for Gated {
    fn count(&self, account: &AccountId, webhook: WebhookId, hour: Hour, outcome: Outcome, duration: Option<Duration>) {
        self.store.count(account, webhook, hour, outcome, duration);
    }

    fn count_filtered(&self, account: &AccountId, webhooks: &[WebhookId], hour: Hour) {
        self.store.count_filtered(account, webhooks, hour);
    }

    async fn store_counts(&self) -> PortResult<()> {
        self.store.store_counts().await
    }

    async fn counts(
        &self,
        account: &AccountId,
        scope: CountsScope,
        hours: RangeInclusive<Hour>,
    ) -> PortResult<Vec<HourlyCounts>> {
        self.store.counts(account, scope, hours).await
    }
}
