//! The delivery log: claims and records of attempts.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::errors::PortResult;
use crate::ids::{AccountId, DeliveryId, EventId, MessageId, WebhookId};
use crate::model::{Attempt, Delivery, EventName, LogPart, Outcome, SkippedChunk};
use crate::values::{Condition, FieldValue};

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

impl DeliveryQuery {
    /// Whether a record with these properties meets the conditions.
    #[must_use]
    pub fn admits(&self, event: &EventName, outcome: Outcome, created_at: Timestamp) -> bool {
        let all = |tests: &[Condition], value: FieldValue| tests.iter().all(|test| test.is_met_by(Some(&value), false));
        self.admits_outcome(outcome)
            && all(&self.event, FieldValue::Text(event.as_str().to_owned()))
            && all(&self.created_at, FieldValue::Time(created_at))
    }

    /// Whether a record with this outcome may meet the conditions.
    #[must_use]
    pub fn admits_outcome(&self, outcome: Outcome) -> bool {
        let in_scope =
            self.scope != DeliveryScope::Unsuccessful || !matches!(outcome, Outcome::Waiting | Outcome::Succeeded);
        let value = FieldValue::Text(outcome.as_str().to_owned());
        in_scope && self.outcome.iter().all(|test| test.is_met_by(Some(&value), false))
    }

    /// The times that `created_at` lies between, both included, as far as the conditions say.
    #[must_use]
    pub fn created_between(&self) -> (Option<Timestamp>, Option<Timestamp>) {
        let (mut from, mut to) = (None, None);
        for test in &self.created_at {
            if let Condition::Between { lower, upper } = test {
                if let Some((FieldValue::Time(lower), _)) = lower {
                    from = from.max(Some(*lower));
                }
                if let Some((FieldValue::Time(upper), _)) = upper {
                    to = Some(to.map_or(*upper, |to: Timestamp| to.min(*upper)));
                }
            }
        }
        (from, to)
    }
}

/// A part of the delivery log. It may have fewer records than asked for, or none, although there are more: a search among
/// skipped messages ends after a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryPage {
    /// The records, newest first.
    pub items: Vec<Delivery>,
    /// Where the page of older records begins: `older_than` of its query. `None` if there are none.
    pub older: Option<DeliveryId>,
    /// Where the page of newer records ends: `newer_than` of its query. `None` if there are none.
    pub newer: Option<DeliveryId>,
}

impl DeliveryPage {
    /// The page of a query, from up to `per_page + 1` records on its side of the cursor. `behind`: there are records on
    /// the other side.
    #[must_use]
    pub fn new(query: &DeliveryQuery, part: LogPart, behind: bool) -> Self {
        let (most, backwards) = (query.per_page as usize, query.newer_than.is_some());
        let LogPart { records: mut items, mut stopped } = part;
        if items.len() > most {
            items.truncate(most);
            stopped = items.last().map(|record| record.id);
        }
        let cursor = query.newer_than.or(query.older_than);
        let near = items.first().map(|record| record.id).or(cursor).filter(|_| behind);
        let (older, newer) = if backwards { (near, stopped) } else { (stopped, near) };
        if backwards {
            items.reverse();
        }
        Self { items, older, newer }
    }
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
    /// Writes chunks of skipped messages. A chunk that exists may be written again. The records of a chunk are found like
    /// all others.
    async fn record_skipped(&self, chunks: &[SkippedChunk]) -> PortResult<()>;
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
