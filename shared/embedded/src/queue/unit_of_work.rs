//! A unit of work: the processing of one message, and the fence around its writes.
//!
//! The writes of a unit return before they are durable. If one of them is rolled back (a full disk, a failed
//! transaction), later writes of the unit must not happen either, above all not its acknowledgement. The unit is then
//! *broken*: its later writes are refused, and the queue delivers the message again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hookline_core::errors::{PortError, PortResult};
use hookline_core::ids::{AccountId, EventId};

tokio::task_local! {
    static CURRENT: Arc<UnitOfWork>;
}

/// The processing of one message.
#[derive(Debug, Default)]
pub(crate) struct UnitOfWork {
    broken: AtomicBool,
    /// The number of the account that the message belongs to.
    pub(crate) account: i64,
    /// The stored event, so that it need not be looked up.
    pub(crate) origin: Option<EventOrigin>,
    /// The message came directly from the acceptance of its event, so it has not been processed before.
    pub(crate) fresh: bool,
}

/// The row numbers of an event.
#[derive(Debug, Clone)]
pub(crate) struct EventOrigin {
    /// The account of the event.
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
    /// True if this is the origin of the given event.
    pub(crate) fn is(&self, account: &AccountId, event: &EventId) -> bool {
        self.event_id == *event && self.account_id == *account
    }
}

impl UnitOfWork {
    /// A unit for a message of an account; for `origin` and `fresh` see the fields.
    pub(crate) fn new(account: i64, origin: Option<EventOrigin>, fresh: bool) -> Self {
        Self { broken: AtomicBool::new(false), account, origin, fresh }
    }

    /// The unit of the current task.
    pub(crate) fn current() -> Option<Arc<Self>> {
        CURRENT.try_with(Arc::clone).ok()
    }

    /// Runs `work` inside the unit.
    pub(crate) async fn scope<T>(self: Arc<Self>, work: impl Future<Output = T>) -> T {
        CURRENT.scope(self, work).await
    }

    /// Marks that a write was rolled back: no later write may happen.
    pub(crate) fn mark_broken(&self) {
        self.broken.store(true, Ordering::Release);
    }

    /// True if a write was rolled back.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Acquire)
    }

    /// Refuses further writes of a broken unit.
    pub(crate) fn check(&self) -> PortResult<()> {
        if self.is_broken() {
            Err(PortError::unavailable("store", "an earlier write of this unit of work was rolled back"))
        } else {
            Ok(())
        }
    }
}
