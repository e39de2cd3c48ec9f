//! Redelivery jobs behind the gate.

use async_trait::async_trait;
use hookline_core::errors::PortResult;
use hookline_core::ids::{AccountId, WebhookId};
use hookline_core::model::{JobProgress, RedeliveryFilter, RedeliveryJob};
use hookline_core::ports::{BeginJobOutcome, Redeliveries, RedeliveryPage, RedeliveryQuery};
use uuid::Uuid;

use super::Gated;
use crate::steps::Step;

#[async_trait]
impl Redeliveries for Gated {
    async fn count_redeliverable(&self, account: &AccountId, query: &RedeliveryQuery, most: u64) -> PortResult<u64> {
        self.world.step(Step::CountRedeliverable, self.store.count_redeliverable(account, query, most)).await
    }

    async fn redeliverable(&self, account: &AccountId, query: &RedeliveryQuery) -> PortResult<RedeliveryPage> {
        self.world.step(Step::Redeliverable, self.store.redeliverable(account, query)).await
    }

    async fn running_redelivery(
        &self,
        account: &AccountId,
        webhook: WebhookId,
        wanted: &RedeliveryFilter,
    ) -> PortResult<Option<RedeliveryJob>> {
        self.world.step(Step::RunningRedelivery, self.store.running_redelivery(account, webhook, wanted)).await
    }

    async fn begin_redelivery(&self, job: &RedeliveryJob) -> PortResult<BeginJobOutcome> {
        let effect = async {
            let begun = self.store.begin_redelivery(job).await?;
            if begun == BeginJobOutcome::Started {
                self.world.lock().log.jobs.push(job.clone());
            }
            Ok(begun)
        };
        self.world.step(Step::BeginRedelivery, effect).await
    }

    async fn redelivery(&self, account: &AccountId, id: Uuid) -> PortResult<Option<RedeliveryJob>> {
        self.world.step(Step::Redelivery, self.store.redelivery(account, id)).await
    }

    async fn redelivery_progress(&self, job: &RedeliveryJob, progress: JobProgress) -> PortResult<()> {
        self.world.step(Step::RedeliveryProgress, self.store.redelivery_progress(job, progress)).await
    }
}
