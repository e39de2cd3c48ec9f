//! What the workers do next.

use crate::queue::item::QueueItem;
use crate::queue::lane::Lane;

/// What the workers do next.
#[derive(Debug)]
pub(crate) enum StartAction {
    /// Work on this message.
    Item(Box<QueueItem>),
    /// Load rows of a lane.
    Load {
        /// Which.
        lane: Lane,
        /// At most so many.
        max: usize,
        /// The circuit of the host is half open: rows whose run has ended are wanted as well, wherever they stand.
        half_open: bool,
    },
}
