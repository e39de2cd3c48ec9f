//! The scheduling decisions alone, without tasks, store and clock. Simulations drive it and measure who waits for whom.

use hookline_core::model::Attempt;

use super::item::LoadedRows;
use super::item::{QueueItem, WorkItem};
use super::lane::{FRESH, LATER, Lane};
use super::scheduler::{ConcurrencyLimits, Scheduler, StartAction};

/// A row of the deliveries queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct BareRow {
    /// The lane that the row waits in.
    pub line: BareLane,
    /// When it is due, in epoch milliseconds.
    pub due: i64,
    /// The row number.
    pub number: i64,
}

/// A lane: the rows for one endpoint host that wait for each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct BareLane {
    /// Hash of the endpoint host.
    pub host: i64,
    /// True for retries and redeliveries, false for first attempts.
    pub late: bool,
}

/// What a worker would do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BareAction {
    /// Make the attempt of this row.
    Begin(BareRow),
    /// Load the first due rows of a lane, then call [`BareScheduler::loaded`].
    Load {
        /// The lane.
        line: BareLane,
        /// How many rows at most.
        most: usize,
    },
}

/// See the module.
pub struct BareScheduler {
    scheduler: Scheduler,
    /// The content of every row; no decision depends on it.
    attempt: Attempt,
}

impl BareScheduler {
    /// The scheduler of a process that has just started.
    #[must_use]
    pub fn new(limits: ConcurrencyLimits, attempt: Attempt) -> Self {
        Self { scheduler: Scheduler::new(limits), attempt }
    }

    /// A row was written. A first attempt is kept in memory if there is room; every other row waits in the table.
    pub fn put(&self, row: BareRow) {
        if row.line.late || !self.scheduler.offer(self.item(row)) {
            self.note(row.line, row.due);
        }
    }

    /// The table has rows of a lane, and the first of them is due at `due`.
    pub fn note(&self, line: BareLane, due: i64) {
        self.scheduler.note(lane(line), due);
    }

    /// Everything to do now.
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

    /// Rows were loaded; `next` is the due time of the first row that was not.
    pub fn loaded(&self, line: BareLane, rows: &[BareRow], next: Option<i64>, now: i64) {
        let items = rows.iter().map(|row| self.item(*row)).collect();
        self.scheduler.loaded(lane(line), Some(LoadedRows { items, lost: Vec::new(), next }), now);
    }

    /// An attempt is finished and its row is deleted; `kept_up` says whether the host answered in time.
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

/// `None` for the events lane, which this type does not use.
fn line(lane: Lane) -> Option<BareLane> {
    match lane {
        Lane::Events => None,
        Lane::Deliveries { group, class } => Some(BareLane { host: group, late: class == LATER }),
    }
}
