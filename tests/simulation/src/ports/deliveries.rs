//! The delivery log behind the gate. Every record is compared with the rules when it is written.

use async_trait::async_trait;
use hookline_core::errors::PortResult;
use hookline_core::ids::{AccountId, DeliveryId, EventId, MessageId};
use hookline_core::model::{Attempt, Delivery, Outcome, SkippedChunk};
use hookline_core::ports::{AttemptClaim, Deliveries, DeliveryPage, DeliveryQuery, RecordOutcome};
use jiff::Timestamp;

use super::Gated;
use crate::steps::Step;
use crate::world::End;

#[async_trait]
impl Deliveries for Gated {
    async fn claim_attempt(
        &self,
        attempt: &Attempt,
        now: Timestamp,
        lease_ends: Timestamp,
    ) -> PortResult<AttemptClaim> {
        let effect = async {
            let claim = self.store.claim_attempt(attempt, now, lease_ends).await?;
            let mut state = self.world.lock();
            if state.work().recovers {
                // The step makes its attempt itself: no queue handed it out.
                state.work().attempt = Some(attempt.clone());
                state.handed_out(attempt);
            }
            if let AttemptClaim::Final { next_attempt_at } = claim {
                state.work().end = End::Found(next_attempt_at);
            }
            Ok(claim)
        };
        self.world.step(Step::ClaimAttempt, effect).await
    }

    async fn record(&self, delivery: &Delivery) -> PortResult<RecordOutcome> {
        let effect = async {
            let recorded = self.store.record(delivery).await?;
            let mut state = self.world.lock();
            state.log.texts.push(format!("{delivery:?}"));
            match delivery.outcome {
                Outcome::Waiting | Outcome::Skipped => {}
                Outcome::Succeeded | Outcome::Failed | Outcome::Dropped | Outcome::Cancelled => {
                    state.judge(delivery, recorded);
                }
            }
            Ok(recorded)
        };
        self.world.step(Step::Record, effect).await
    }

    async fn record_skipped(&self, chunks: &[SkippedChunk]) -> PortResult<()> {
        let effect = async {
            self.store.record_skipped(chunks).await?;
            let mut state = self.world.lock();
            for chunk in chunks {
                state.log.texts.push(format!("{chunk:?}"));
                state.work().skipped.extend(chunk.webhooks.iter().map(|webhook| webhook.id));
                state.coverage.row("skipped");
            }
            Ok(())
        };
        self.world.step(Step::Record, effect).await
    }

    async fn delivery(&self, account: &AccountId, id: DeliveryId, now: Timestamp) -> PortResult<Option<Delivery>> {
        self.world.step(Step::Delivery, self.store.delivery(account, id, now)).await
    }

    async fn list_deliveries(
        &self,
        account: &AccountId,
        query: &DeliveryQuery,
        now: Timestamp,
    ) -> PortResult<DeliveryPage> {
        self.store.list_deliveries(account, query, now).await
    }

    async fn outcomes_of_event(
        &self,
        account: &AccountId,
        event: &EventId,
        now: Timestamp,
    ) -> PortResult<Vec<(MessageId, Outcome)>> {
        self.store.outcomes_of_event(account, event, now).await
    }
}
