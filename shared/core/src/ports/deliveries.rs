//! The delivery log: claims and records of attempts.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::errors::PortResult;
use crate::ids::{AccountId, DeliveryId, EventId, MessageId, WebhookId};
use crate::model::{Attempt, Delivery, Outcome};
use crate::values::Condition;

/// Whether an attempt may be made that needs a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptClaim {
    /// It is ours until the lease ends.
    Won,
    /// Another process holds the claim until then.
    Busy {
        /// When their lease ends.
        until: Timestamp,
    },
    /// Its record is final.
    Final {
        /// When the attempt that follows it is due, if one does.
        next_attempt_at: Option<Timestamp>,
    },
}

/// Which record of an attempt stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordOutcome {
    /// The given one.
    Written,
    /// An earlier final record. It decides the outcome of the attempt.
    Stands {
        /// When the attempt that follows it is due, if one does.
        next_attempt_at: Option<Timestamp>,
    },
}

/// Which delivery records are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeliveryScope {
    /// Those of a webhook, also of a deleted one.
    Webhook(WebhookId),
    /// The account's failed, dropped, cancelled and skipped ones.
    Unsuccessful,
    /// All of an event.
    Event(EventId),
    /// All of a message.
    Message(MessageId),
}

/// A question to the delivery log. Always newest first.
#[derive(Debug, Clone)]
pub struct DeliveryQuery {
    /// Which records.
    pub scope: DeliveryScope,
    /// Conditions on the name of the event.
    pub event: Vec<Condition>,
    /// Conditions on the outcome.
    pub outcome: Vec<Condition>,
    /// Conditions on `created_at`.
    pub created_at: Vec<Condition>,
    /// Only records older than this one.
    pub older_than: Option<DeliveryId>,
    /// Only records newer than this one: the page that ends just before it.
    pub newer_than: Option<DeliveryId>,
    /// How many records: 1 to 100.
    pub per_page: u32,
}

/// A part of the delivery log.
#[derive(Debug, Clone)]
pub struct DeliveryPage {
    /// The records, newest first.
    pub items: Vec<Delivery>,
    /// There are older records after these.
    pub older: bool,
    /// There are newer records before these.
    pub newer: bool,
}

/// The delivery log. A record is listed by the time in its id.
#[async_trait]
pub trait Deliveries: Send + Sync {
    /// Claims an attempt that [needs it](Attempt::needs_claim), keyed (message, run, attempt).
    async fn claim_attempt(&self, attempt: &Attempt, now: Timestamp, lease_ends: Timestamp)
    -> PortResult<AttemptClaim>;
    /// Writes a record and, if it is final, makes the claim of its attempt final in the same step. A record that is
    /// final already stays as it is, and the answer says so; one that is `waiting` is replaced by a final one.
    async fn record(&self, delivery: &Delivery) -> PortResult<RecordOutcome>;
    /// Writes the records of messages that were skipped. Their content does not depend on the writer, so a record that
    /// exists may be written again.
    async fn record_skipped(&self, skipped: &[Delivery]) -> PortResult<()> {
        for delivery in skipped {
            self.record(delivery).await?;
        }
        Ok(())
    }
    /// One record of an account.
    async fn delivery(&self, account: &AccountId, id: DeliveryId, now: Timestamp) -> PortResult<Option<Delivery>>;
    /// A part of an account's records. An expired record counts as absent.
    async fn list_deliveries(
        &self,
        account: &AccountId,
        query: &DeliveryQuery,
        now: Timestamp,
    ) -> PortResult<DeliveryPage>;
    /// For every message of an event that has records: the message, and the outcome of its newest record (by run, then
    /// attempt), `Succeeded` if any succeeded.
    async fn outcomes_of_event(
        &self,
        account: &AccountId,
        event: &EventId,
        now: Timestamp,
    ) -> PortResult<Vec<(MessageId, Outcome)>>;
}
