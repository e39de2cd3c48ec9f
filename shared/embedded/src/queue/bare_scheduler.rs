//! The scheduler by itself, without tasks, store and clock: for tests that play all of these, and look at who waits for
//! whom.

use hookline_core::model::Attempt;

use super::item::{LoadedRows, QueueItem, WorkItem};
use super::lane::{AccountHost, DUE, Lane};
use super::scheduler::{ConcurrencyLimits, Scheduler, StartAction};

/// A row of the deliveries queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct BareRow {
    /// The messages that keep their order.
    pub lane: BareLane,
    /// Epoch milliseconds.
    pub due: i64,
    /// Its number.
    pub number: i64,
}

/// The messages of one webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct BareLane {
    /// Number of the account.
    pub account: i64,
    /// Hash of the endpoint host.
    pub host: i64,
    /// Id of the webhook.
    pub webhook: i64,
}

/// What the workers do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BareAction {
    /// Make the attempt of this row.
    Begin(BareRow),
    /// Load the first rows of a lane that are due, and pass them to [`BareScheduler::loaded`].
    Load {
        /// Which.
        lane: BareLane,
        /// At most so many.
        max: usize,
    },
}

/// See the module.
pub struct BareScheduler {
    scheduler: Scheduler,
    /// What every row holds: nothing depends on it.
    attempt: Attempt,
}

impl BareScheduler {
    /// Of a process that has just started.
    #[must_use]
    pub fn new(limits: ConcurrencyLimits, attempt: Attempt) -> Self {
        Self { scheduler: Scheduler::new(limits), attempt }
    }

    /// A row was written. A row that is due is worked on from memory if there is room.
    pub fn put(&self, row: BareRow, now: i64) {
        if row.due > now || !self.scheduler.offer(self.item(row)) {
            self.note(row.lane, row.due);
        }
    }

    /// The table has rows of a lane, the first of them due then.
    pub fn note(&self, lane: BareLane, due: i64) {
        self.scheduler.note(full(lane), due);
    }

    /// Everything that should be done now.
    #[must_use]
    pub fn start(&self, now: i64) -> Vec<BareAction> {
        let actions = self.scheduler.start(now).into_iter().filter_map(|action| match action {
            StartAction::Item(item) => {
                let lane = bare(item.lane)?;
                Some(BareAction::Begin(BareRow { lane, due: item.due, number: item.number }))
            }
            StartAction::Load { lane, max, half_open: _ } => Some(BareAction::Load { lane: bare(lane)?, max }),
        });
        actions.collect()
    }

    /// Rows were loaded; `next` is when the first one is due that was not.
    pub fn loaded(&self, lane: BareLane, rows: &[BareRow], next: Option<i64>, now: i64) {
        let items = rows.iter().map(|row| self.item(*row)).collect();
        self.scheduler.loaded(full(lane), Some(LoadedRows { items, lost: Vec::new(), next }), now);
    }

    /// An attempt ended and its row is deleted; `kept_up` tells whether the host answered in time.
    pub fn finished(&self, row: BareRow, kept_up: bool) {
        let BareLane { account, host, .. } = row.lane;
        let host = AccountHost { account, host };
        if kept_up {
            self.scheduler.succeeded(host);
        } else {
            self.scheduler.congested(host);
        }
        self.scheduler.finished(full(row.lane), row.number);
    }

    fn item(&self, row: BareRow) -> QueueItem {
        QueueItem {
            lane: full(row.lane),
            number: row.number,
            due: row.due,
            work: WorkItem::Attempt(self.attempt.clone()),
            origin: None,
            fresh: false,
            expired: false,
        }
    }
}

fn full(lane: BareLane) -> Lane {
    let BareLane { account, host, webhook } = lane;
    Lane::Deliveries { host: AccountHost { account, host }, webhook, class: DUE }
}

/// `None` for events, which are never put here.
fn bare(lane: Lane) -> Option<BareLane> {
    match lane {
        Lane::Events { .. } => None,
        Lane::Deliveries { host: AccountHost { account, host }, webhook, .. } => {
            Some(BareLane { account, host, webhook })
        }
    }
}
