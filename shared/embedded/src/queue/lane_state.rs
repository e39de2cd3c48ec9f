//! A lane's part in memory.

use std::collections::{HashSet, VecDeque};

use super::item::QueueItem;

/// A lane's part in memory.
#[derive(Debug, Default)]
pub(crate) struct LaneState {
    /// Due, in order.
    pub(crate) ready: VecDeque<QueueItem>,
    /// Numbers of the rows that are in memory or in work.
    pub(crate) taken: HashSet<i64>,
    /// Numbers that were finished while rows are being loaded: the load may have seen them still.
    pub(crate) finished: HashSet<i64>,
    /// When the first row is due that is only in the table; in the past if it waits for room.
    pub(crate) next_due: Option<i64>,
    /// Rows are being loaded.
    pub(crate) loading: bool,
    /// The lane stands in its ring.
    pub(crate) listed: bool,
}

impl LaneState {
    /// Nothing is known of the lane that is worth keeping.
    pub(crate) fn is_empty(&self) -> bool {
        self.ready.is_empty() && self.taken.is_empty() && self.next_due.is_none() && !self.loading
    }
}
