//! The workers' choosing by itself: the scheduler without tasks, store and clock. For tests that play all of these, and look
//! at who waits for whom.

use hookline_core::message::Attempt;

use super::item::LoadedRows;
use super::item::{QueueItem, WorkItem};
use super::lane::{FRESH, LATER, Lane};
use super::scheduler::{ConcurrencyLimits, Scheduler, StartAction};

/// A row of the deliveries queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct BareRow {
    /// The messages of an endpoint host that wait for each other.
    pub line: BareLane,
    /// Epoch milliseconds.
    pub due: i64,
    /// Its number.
    pub number: i64,
}

/// What waits in line for an endpoint host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct BareLane {
    /// Hash of the endpoint host.
    pub host: i64,
    /// Retries and redeliveries; otherwise first attempts.
    pub late: bool,
}

/// What the workers should do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BareAction {
    /// Make the attempt of this row.
    Begin(BareRow),
    /// Load the first rows of a line that are due, and tell of them by [`BareScheduler::loaded`].
    Load {
        /// Which.
        line: BareLane,
        /// At most so many.
        most: usize,
    },
}

/// See the module.
pub struct BareScheduler {
    scheduler: Scheduler,
    /// What every row holds: nothing depends on it.
    attempt: Attempt,
}

impl BareScheduler {
    /// Of a process that has just begun.
    #[must_use]
    pub fn new(limits: ConcurrencyLimits, attempt: Attempt) -> Self {
        Self { scheduler: Scheduler::new(limits), attempt }
    }

    /// A row was written. A first attempt goes from hand to hand if there is room; all others wait in the table.
    pub fn put(&self, row: BareRow) {
        if row.line.late || !self.scheduler.offer(self.item(row)) {
            self.note(row.line, row.due);
        }
    }

    /// The table has rows of a line, the first of them due then.
    pub fn note(&self, line: BareLane, due: i64) {
        self.scheduler.note(lane(line), due);
    }

    /// Everything that should be done now.
    #[must_use]
    pub fn choose(&self, now: i64) -> Vec<BareAction> {
        let chosen = self.scheduler.start(now).into_iter().filter_map(|start| match start {
            StartAction::QueueItem(item) => {
                let line = line(item.lane)?;
                Some(BareAction::Begin(BareRow { line, due: item.due, number: item.number }))
            }
            StartAction::Load { lane, most, half_open: _ } => Some(BareAction::Load { line: line(lane)?, most }),
        });
        chosen.collect()
    }

    /// Rows were loaded; `next` is when the first one is due that was not.
    pub fn loaded(&self, line: BareLane, rows: &[BareRow], next: Option<i64>, now: i64) {
        let items = rows.iter().map(|row| self.item(*row)).collect();
        self.scheduler.loaded(lane(line), Some(LoadedRows { items, lost: Vec::new(), next }), now);
    }

    /// An attempt is over and its row is gone; `kept_up` tells whether the host answered in time.
    pub fn finished(&self, row: BareRow, kept_up: bool) {
        if kept_up {
            self.scheduler.succeeded(row.line.host);
        } else {
            self.scheduler.congested(row.line.host);
        }
        self.scheduler.finished(lane(row.line), row.number);
    }

    fn item(&self, row: BareRow) -> QueueItem {
        QueueItem {
            lane: lane(row.line),
            number: row.number,
            due: row.due,
            work: WorkItem::Attempt(self.attempt.clone()),
            origin: None,
            fresh: false,
            expired: false,
        }
    }
}

fn lane(line: BareLane) -> Lane {
    Lane::Deliveries { group: line.host, class: if line.late { LATER } else { FRESH } }
}

/// `None` for the events, which are never put here.
fn line(lane: Lane) -> Option<BareLane> {
    match lane {
        Lane::Events => None,
        Lane::Deliveries { group, class } => Some(BareLane { host: group, late: class == LATER }),
    }
}
