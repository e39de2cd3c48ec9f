//! The state of one lane in memory.

use std::collections::{HashSet, VecDeque};

use super::item::QueueItem;

/// The state of one lane in memory.
#[derive(Debug, Default)]
pub(crate) struct LaneState {
    /// Due messages, in order.
    pub(crate) ready: VecDeque<QueueItem>,
    /// The row numbers of messages that are in memory or in progress.
    pub(crate) taken: HashSet<i64>,
    /// Row numbers that finished while rows were being loaded. The load may still have read these rows.
    pub(crate) finished: HashSet<i64>,
    /// The due time of the first row that is not in memory; in the past if it waits for room.
    pub(crate) next_due: Option<i64>,
    /// Rows are being loaded.
    pub(crate) loading: bool,
    /// The lane is in the turns of its host.
    pub(crate) listed: bool,
    /// The lane waits for room in memory.
    pub(crate) parked: bool,
}

impl LaneState {
    /// True if the state can be dropped.
    pub(crate) fn is_empty(&self) -> bool {
        self.ready.is_empty() && self.taken.is_empty() && self.next_due.is_none() && !self.loading && !self.parked
    }
}
