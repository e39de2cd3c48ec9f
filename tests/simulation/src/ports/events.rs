//! Events behind the gate.

use async_trait::async_trait;
use hookline_core::errors::PortResult;
use hookline_core::ids::{AccountId, EventId, WebhookId};
use hookline_core::model::Event;
use hookline_core::ports::{EventClaim, Events, StoredEvent};
use jiff::Timestamp;

use super::Gated;
use crate::steps::Step;

#[async_trait]
impl Events for Gated {
    async fn claim_event(&self, event: &Event, now: Timestamp, lease_ends: Timestamp) -> PortResult<EventClaim> {
        let effect = async {
            let claim = self.store.claim_event(event, now, lease_ends).await?;
            if let EventClaim::Begun { event, .. } = &claim {
                let mut state = self.world.lock();
                state.work().event = Some(event.clone());
                *state.log.fan_outs.entry((event.head.account.clone(), event.head.id.clone())).or_default() += 1;
            }
            Ok(claim)
        };
        self.world.step(Step::ClaimEvent, effect).await
    }

    async fn event_progress(&self, event: &Event, after: WebhookId, lease_ends: Timestamp) -> PortResult<()> {
        self.store.event_progress(event, after, lease_ends).await
    }

    async fn event_done(&self, event: &Event, matched: &[WebhookId]) -> PortResult<()> {
        let effect = async {
            self.store.event_done(event, matched).await?;
            let mut state = self.world.lock();
            let expected = state.work().matching.clone();
            let (mut missing, mut skipped) = (state.work().missing.clone(), state.work().skipped.clone());
            missing.sort_unstable();
            skipped.sort_unstable();
            if missing != skipped {
                state.violation(format!("an event was missed by {missing:?}, and {skipped:?} have a record of it"));
            }
            if matched != expected {
                let id = &event.head.id;
                state.violation(format!("event {id} matched {matched:?} and should {expected:?} (1)"));
            }
            // Of two that fan out at once, the first that comes to its end counts.
            let key = (event.head.account.clone(), event.head.id.clone());
            state.log.matching.entry(key).or_insert(expected);
            Ok(())
        };
        self.world.step(Step::EventDone, effect).await
    }

    async fn event(&self, account: &AccountId, id: &EventId, now: Timestamp) -> PortResult<Option<StoredEvent>> {
        self.world.step(Step::Event, self.store.event(account, id, now)).await
    }
}
