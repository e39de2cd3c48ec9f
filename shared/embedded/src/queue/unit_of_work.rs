//! A unit of work from a queue, and the fence around its writes.
//!
//! The writes of a unit are answered before they are durable. Should one of them be undone (a full disk, a broken
//! transaction), everything that the unit writes later must not happen either, least of all its acknowledgement: then
//! the unit is *broken*, its later writes are refused, and the queue hands the message out again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hookline_core::account::AccountId;
use hookline_core::event::EventId;
use hookline_core::ports::{Answer, Fault};

tokio::task_local! {
    static CURRENT: Arc<UnitOfWork>;
}

/// One message of a queue, being worked on.
#[derive(Debug, Default)]
pub(crate) struct UnitOfWork {
    broken: AtomicBool,
    /// What is known of the event, so that nobody needs to look it up.
    pub(crate) origin: Option<EventOrigin>,
    /// The message came here straight from the acceptance of its event: nobody worked on it before.
    pub(crate) fresh: bool,
}

/// Numbers of the event that a unit is about.
#[derive(Debug, Clone)]
pub(crate) struct EventOrigin {
    /// Whose event.
    pub(crate) account_id: AccountId,
    /// The event.
    pub(crate) event_id: EventId,
    /// When it was accepted, epoch milliseconds.
    pub(crate) accepted_at: i64,
    /// The account's number.
    pub(crate) account: i64,
    /// The event's number.
    pub(crate) event: i64,
}

impl EventOrigin {
    /// True if it is that event that is meant.
    pub(crate) fn is(&self, account: &AccountId, event: &EventId) -> bool {
        self.event_id == *event && self.account_id == *account
    }
}

impl UnitOfWork {
    /// A unit about an event; `fresh` as its field says.
    pub(crate) fn new(origin: Option<EventOrigin>, fresh: bool) -> Self {
        Self { broken: AtomicBool::new(false), origin, fresh }
    }

    /// The unit that the current task works on.
    pub(crate) fn current() -> Option<Arc<Self>> {
        CURRENT.try_with(Arc::clone).ok()
    }

    /// Runs the work of a unit.
    pub(crate) async fn scope<T>(self: Arc<Self>, work: impl Future<Output = T>) -> T {
        CURRENT.scope(self, work).await
    }

    /// One of its writes was undone: none of the later ones may happen.
    pub(crate) fn mark_broken(&self) {
        self.broken.store(true, Ordering::Release);
    }

    /// True if one of its writes was undone.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Acquire)
    }

    /// Refuses what a broken unit asks.
    pub(crate) fn check(&self) -> Answer<()> {
        if self.is_broken() {
            Err(Fault::unavailable("store", "an earlier step of this work was undone"))
        } else {
            Ok(())
        }
    }
}
