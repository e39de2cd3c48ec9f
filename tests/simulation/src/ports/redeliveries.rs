//! Redelivery jobs behind the gate.

use async_trait::async_trait;
use hookline_core::account::AccountId;
use hookline_core::ports::{Answer, Begun, Redeliveries, RedeliveryPage, RedeliveryQuery};
use hookline_core::redeliver::{Job, Progress, Wanted};
use hookline_core::webhook::WebhookId;
use uuid::Uuid;

use super::Gated;
use crate::steps::Step;

#[async_trait]
impl Redeliveries for Gated {
    async fn count_redeliverable(&self, account: &AccountId, query: &RedeliveryQuery, most: u64) -> Answer<u64> {
        self.world.step(Step::CountRedeliverable, self.store.count_redeliverable(account, query, most)).await
    }

    async fn redeliverable(&self, account: &AccountId, query: &RedeliveryQuery) -> Answer<RedeliveryPage> {
        self.world.step(Step::Redeliverable, self.store.redeliverable(account, query)).await
    }

    async fn running_redelivery(
        &self,
        account: &AccountId,
        webhook: WebhookId,
        wanted: &Wanted,
    ) -> Answer<Option<Job>> {
        self.world.step(Step::RunningRedelivery, self.store.running_redelivery(account, webhook, wanted)).await
    }

    async fn begin_redelivery(&self, job: &Job) -> Answer<Begun> {
        let effect = async {
            let begun = self.store.begin_redelivery(job).await?;
            if begun == Begun::Started {
                self.world.lock().log.jobs.push(job.clone());
            }
            Ok(begun)
        };
        self.world.step(Step::BeginRedelivery, effect).await
    }

    async fn redelivery(&self, account: &AccountId, id: Uuid) -> Answer<Option<Job>> {
        self.world.step(Step::Redelivery, self.store.redelivery(account, id)).await
    }

    async fn redelivery_progress(&self, job: &Job, progress: Progress) -> Answer<()> {
        self.world.step(Step::RedeliveryProgress, self.store.redelivery_progress(job, progress)).await
    }
}
