//! What waits in memory: messages of the queues, and where their rows are.

use hookline_core::event::Event;
use hookline_core::message::Attempt;
use hookline_core::{recover, redeliver};

use super::lane::Lane;
use super::unit_of_work::EventOrigin;

/// A message of a queue, in memory.
#[derive(Debug)]
pub(crate) struct QueueItem {
    pub(crate) lane: Lane,
    /// The number of its row.
    pub(crate) number: i64,
    /// Epoch milliseconds.
    pub(crate) due: i64,
    pub(crate) work: WorkItem,
    /// What is known of its event.
    pub(crate) origin: Option<EventOrigin>,
    /// See [`UnitOfWork`](super::unit_of_work::UnitOfWork).
    pub(crate) fresh: bool,
    /// Its run is over: it is ended, and nothing is sent.
    pub(crate) expired: bool,
}

impl QueueItem {
    pub(crate) fn key(&self) -> QueueKey {
        QueueKey { lane: self.lane, due: self.due, number: self.number }
    }
}

/// What is to be done.
#[derive(Debug)]
pub(crate) enum WorkItem {
    /// Fan out an event.
    Event(Event),
    /// Make an attempt.
    Attempt(Attempt),
    /// Send a page of messages again.
    Redelivery(redeliver::Step),
    /// Try a webhook that the service disabled.
    Recovery(recover::Step),
}

/// Where a message's row is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct QueueKey {
    pub(crate) lane: Lane,
    pub(crate) due: i64,
    pub(crate) number: i64,
}

/// Rows that were loaded.
#[derive(Debug, Default)]
pub(crate) struct LoadedRows {
    pub(crate) items: Vec<QueueItem>,
    /// Rows that nothing can be made of: their event is no longer kept, or they are unreadable.
    pub(crate) lost: Vec<QueueKey>,
    /// When the next row is due that was not loaded.
    pub(crate) next: Option<i64>,
}

/// An event that was accepted, as work.
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
        lane: Lane::Events,
        number,
        due,
        work: WorkItem::Event(event),
        origin: Some(origin),
        fresh: true,
        expired: false,
    }
}
