//! Messages of the queues in memory, and the keys of their rows.

use hookline_core::model::{Attempt, Event, MailStep, RecoveryStep, RedeliveryStep};

use super::lane::Lane;
use super::unit_of_work::EventOrigin;

/// A message of a queue, in memory.
#[derive(Debug)]
pub(crate) struct QueueItem {
    pub(crate) lane: Lane,
    /// The row number.
    pub(crate) number: i64,
    /// When it is due, in epoch milliseconds.
    pub(crate) due: i64,
    pub(crate) work: WorkItem,
    /// The stored event that it belongs to, if there is one.
    pub(crate) origin: Option<EventOrigin>,
    /// See [`UnitOfWork::fresh`](super::unit_of_work::UnitOfWork::fresh).
    pub(crate) fresh: bool,
    /// Its run has expired: it is closed without a request.
    pub(crate) expired: bool,
}

impl QueueItem {
    pub(crate) fn key(&self) -> QueueKey {
        QueueKey { lane: self.lane, due: self.due, number: self.number }
    }
}

/// The work that a message asks for.
#[derive(Debug)]
pub(crate) enum WorkItem {
    /// Fan out an event.
    Event(Event),
    /// Make an attempt.
    Attempt(Attempt),
    /// Put one page of a redelivery job on the queue.
    Redelivery(RedeliveryStep),
    /// Try a webhook that the service disabled.
    Recovery(RecoveryStep),
    /// Send a mail that waited.
    Mail(MailStep),
}

/// The key of a message's row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct QueueKey {
    pub(crate) lane: Lane,
    pub(crate) due: i64,
    pub(crate) number: i64,
}

/// The result of loading rows.
#[derive(Debug, Default)]
pub(crate) struct LoadedRows {
    pub(crate) items: Vec<QueueItem>,
    /// Rows that cannot be processed: the event is no longer stored, or the row is unreadable.
    pub(crate) lost: Vec<QueueKey>,
    /// The due time of the first row that was not loaded.
    pub(crate) next: Option<i64>,
}

/// The work item for an event that was just accepted.
pub(crate) fn fresh_event(event: Event, account: i64, number: i64) -> QueueItem {
    let origin = EventOrigin {
        account_id: event.head.account.clone(),
        event_id: event.head.id.clone(),
        accepted_at: event.head.accepted_at.as_millisecond(),
        account,
        event: number,
    };
    let due = origin.accepted_at;
    QueueItem {
        lane: Lane::Events { account },
        number,
        due,
        work: WorkItem::Event(event),
        origin: Some(origin),
        fresh: true,
        expired: false,
    }
}
