//! Accepted events, as they are stored.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::errors::PortResult;
use crate::ids::{AccountId, EventId, WebhookId};
use crate::model::Event;

/// Where the fan-out of an event stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventClaim {
    /// It is ours until the lease ends: the event as it was first accepted, and the last webhook that has its message.
    Begun {
        /// The event whose content counts.
        event: Event,
        /// Fan-out goes on after this webhook.
        after: Option<WebhookId>,
    },
    /// Another process holds the claim until then.
    Busy {
        /// When their lease ends.
        until: Timestamp,
    },
    /// It was fanned out before.
    Done,
    /// Its id belongs to an event with another name or object: see [`EventHead::repeats`](crate::model::EventHead::repeats).
    Conflict,
}

/// An event as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    /// The event.
    pub event: Event,
    /// The webhooks that matched; `None` until fan-out is done.
    pub matched: Option<Vec<WebhookId>>,
}

/// Accepted events: claimed once, kept for redelivery.
#[async_trait]
pub trait Events: Send + Sync {
    /// Claims an event under its idempotency key, in one conditional write, and stores it. An expired event counts
    /// as absent.
    async fn claim_event(&self, event: &Event, now: Timestamp, lease_ends: Timestamp) -> PortResult<EventClaim>;
    /// Notes how far fan-out has come, and extends its lease.
    async fn event_progress(&self, event: &Event, after: WebhookId, lease_ends: Timestamp) -> PortResult<()>;
    /// Fan-out is done; these webhooks matched.
    async fn event_done(&self, event: &Event, matched: &[WebhookId]) -> PortResult<()>;
    /// One event of an account, unless it has expired.
    async fn event(&self, account: &AccountId, id: &EventId, now: Timestamp) -> PortResult<Option<StoredEvent>>;
}
