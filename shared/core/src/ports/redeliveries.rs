//! Keeps redelivery jobs, and finds the messages that they send again.

use async_trait::async_trait;
use jiff::Timestamp;
use uuid::Uuid;

use crate::errors::PortResult;
use crate::ids::{AccountId, DeliveryId, WebhookId};
use crate::model::{Delivery, EventName, JobProgress, Outcome, RedeliveryFilter, RedeliveryJob};

/// Which messages of a webhook can be sent again: those of published events that have a record with one of the outcomes
/// in the time, but none that succeeded, and whose newest record (by run, then attempt) is neither waiting nor failed. The
/// record of a skipped message is the oldest of its message.
/// Records of the run `but_run` are left out of all of this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedeliveryQuery {
    /// The webhook.
    pub webhook: WebhookId,
    /// The outcomes.
    pub outcomes: Vec<Outcome>,
    /// The name of the event, if only one is wanted.
    pub event: Option<EventName>,
    /// `created_at` of the record is this or later.
    pub since: Option<Timestamp>,
    /// `created_at` of the record is earlier.
    pub before: Timestamp,
    /// The event was accepted then or later.
    pub accepted_from: Timestamp,
    /// Records of this run do not count: it is the job's own.
    pub but_run: u64,
    /// Only records after this one, in the order of their ids.
    pub after: Option<DeliveryId>,
    /// How many messages at most.
    pub most: u32,
    /// The time now: expired records count as absent.
    pub now: Timestamp,
}

/// A part of the messages that can be sent again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedeliveryPage {
    /// Of each message the oldest record that matches, oldest first. MUST be the same in every call, as long as these
    /// messages are not redelivered otherwise.
    pub items: Vec<Delivery>,
    /// Where the next part begins; `None` if there is nothing more. A page may be empty and still have a next one.
    pub next: Option<DeliveryId>,
}

/// How the beginning of a job went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BeginJobOutcome {
    /// It is stored.
    Started,
    /// A job of the same webhook that wants the same is still running.
    Running(Box<RedeliveryJob>),
}

/// Redelivery jobs. They are kept as long as delivery records.
#[async_trait]
pub trait Redeliveries: Send + Sync {
    /// Counts the messages that can be sent again, from the first page on; stops at `most`.
    async fn count_redeliverable(&self, account: &AccountId, query: &RedeliveryQuery, most: u64) -> PortResult<u64>;
    /// A part of the messages that can be sent again.
    async fn redeliverable(&self, account: &AccountId, query: &RedeliveryQuery) -> PortResult<RedeliveryPage>;

    /// The running job of a webhook that wants this, if there is one.
    async fn running_redelivery(
        &self,
        account: &AccountId,
        webhook: WebhookId,
        wanted: &RedeliveryFilter,
    ) -> PortResult<Option<RedeliveryJob>>;
    /// Stores a job, unless one of the same webhook that wants the same is running: in one conditional write.
    async fn begin_redelivery(&self, job: &RedeliveryJob) -> PortResult<BeginJobOutcome>;
    /// A job of an account.
    async fn redelivery(&self, account: &AccountId, id: Uuid) -> PortResult<Option<RedeliveryJob>>;
    /// Notes how far a job has come. MUST leave it as it is if it has come further or has ended.
    async fn redelivery_progress(&self, job: &RedeliveryJob, progress: JobProgress) -> PortResult<()>;
}
