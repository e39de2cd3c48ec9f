//! The queues of events and of deliveries.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::errors::PortResult;
use crate::model::{Attempt, Event, MailStep, RecoveryStep, RedeliveryStep};

/// The two queues. What is put on a queue is delivered at least once, at or after its time.
#[async_trait]
pub trait Queues: Send + Sync {
    /// Puts events on the events queue, in one durable step each; answers for each, in order. An event that was put is
    /// accepted.
    async fn put_events(&self, events: &[Event]) -> Vec<PortResult<EventIntake>>;
    /// Puts attempts on the deliveries queue, each due at its `due_at`. `group` is the host hash, parallel to
    /// `attempts`.
    async fn put_attempts(&self, attempts: &[(u64, Attempt)]) -> PortResult<()>;
    /// Puts a step of a redelivery job on the deliveries queue, due at its `due_at`.
    async fn put_redelivery(&self, step: &RedeliveryStep) -> PortResult<()>;
    /// Puts a try of a disabled webhook on the deliveries queue.
    async fn put_recovery(&self, step: &RecoveryStep) -> PortResult<()>;
    /// Puts a mail that waits on the deliveries queue, due at its `due_at`.
    async fn put_mail(&self, step: &MailStep) -> PortResult<()>;
}

/// How an event came onto the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventIntake {
    /// It is accepted; a queue that does not look at ids accepts repeats as well, and fan-out finds them.
    Accepted,
    /// An event with its id, name and object was accepted before.
    Repeated,
    /// An event with its id, but another name or object was accepted before. This one is not.
    Conflict,
}

/// What becomes of a queue message that was worked on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// It is done: acknowledge it.
    Done,
    /// Not now: hand it back untouched until then.
    HandBack {
        /// When it may be seen again.
        until: Timestamp,
    },
    /// It is an event whose id belongs to another: it goes to the dead letters.
    Conflict,
}
