//! The workers' choosing by itself: the board without tasks, store and clock. For tests that play all of these, and look
//! at who waits for whom.

use hookline_core::message::Attempt;

use super::item::Loaded;
use super::item::{Item, Work};
use super::lane::{FRESH, LATER, Lane};
use super::scheduler::{Board, InFlight, Start};

/// A row of the deliveries queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row {
    /// The messages of an endpoint host that wait for each other.
    pub line: Line,
    /// Epoch milliseconds.
    pub due: i64,
    /// Its number.
    pub number: i64,
}

/// What waits in line for an endpoint host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Line {
    /// Hash of the endpoint host.
    pub host: i64,
    /// Retries and redeliveries; otherwise first attempts.
    pub late: bool,
}

/// What the workers should do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chosen {
    /// Make the attempt of this row.
    Begin(Row),
    /// Load the first rows of a line that are due, and tell of them by [`Chooser::loaded`].
    Load {
        /// Which.
        line: Line,
        /// At most so many.
        most: usize,
    },
}

/// See the module.
pub struct Chooser {
    board: Board,
    /// What every row holds: nothing depends on it.
    attempt: Attempt,
}

impl Chooser {
    /// Of a process that has just begun.
    #[must_use]
    pub fn new(limits: InFlight, attempt: Attempt) -> Self {
        Self { board: Board::new(limits), attempt }
    }

    /// A row was written. A first attempt goes from hand to hand if there is room; all others wait in the table.
    pub fn put(&self, row: Row) {
        if row.line.late || !self.board.offer(self.item(row)) {
            self.note(row.line, row.due);
        }
    }

    /// The table has rows of a line, the first of them due then.
    pub fn note(&self, line: Line, due: i64) {
        self.board.note(lane(line), due);
    }

    /// Everything that should be done now.
    #[must_use]
    pub fn choose(&self, now: i64) -> Vec<Chosen> {
        let chosen = self.board.start(now).into_iter().filter_map(|start| match start {
            Start::Item(item) => {
                let line = line(item.lane)?;
                Some(Chosen::Begin(Row { line, due: item.due, number: item.number }))
            }
            Start::Load { lane, most, probing: _ } => Some(Chosen::Load { line: line(lane)?, most }),
        });
        chosen.collect()
    }

    /// Rows were loaded; `next` is when the first one is due that was not.
    pub fn loaded(&self, line: Line, rows: &[Row], next: Option<i64>, now: i64) {
        let items = rows.iter().map(|row| self.item(*row)).collect();
        self.board.loaded(lane(line), Some(Loaded { items, lost: Vec::new(), next }), now);
    }

    /// An attempt is over and its row is gone; `kept_up` tells whether the host answered in time.
    pub fn finished(&self, row: Row, kept_up: bool) {
        if kept_up {
            self.board.succeeded(row.line.host);
        } else {
            self.board.congested(row.line.host);
        }
        self.board.finished(lane(row.line), row.number);
    }

    fn item(&self, row: Row) -> Item {
        Item {
            lane: lane(row.line),
            number: row.number,
            due: row.due,
            work: Work::Attempt(self.attempt.clone()),
            origin: None,
            fresh: false,
            expired: false,
        }
    }
}

fn lane(line: Line) -> Lane {
    Lane::Deliveries { group: line.host, class: if line.late { LATER } else { FRESH } }
}

/// `None` for the events, which are never put here.
fn line(lane: Lane) -> Option<Line> {
    match lane {
        Lane::Events => None,
        Lane::Deliveries { group, class } => Some(Line { host: group, late: class == LATER }),
    }
}
