//! What waits in memory, and the lanes it waits in.

use std::collections::{HashSet, VecDeque};

use hookline_core::event::Event;
use hookline_core::message::Attempt;
use hookline_core::{recover, redeliver};

use crate::store::piece::Origin;
use crate::store::queue_load::Key;

/// Rows that wait for each other and for nobody else: the events, or the messages for one group of endpoints in one class.
/// A dead endpoint fills its own lanes only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Lane {
    /// The events queue.
    Events,
    /// The deliveries queue.
    Deliveries {
        /// Hash of the endpoint host.
        group: i64,
        /// One of [`FRESH`], [`LATER`] and [`URGENT`].
        class: u8,
    },
}

/// The first attempt of a first run.
pub(crate) const FRESH: u8 = 0;
/// Retries and redeliveries: never in front of what is fresh.
pub(crate) const LATER: u8 = 1;
/// Tests: they go whatever their host is like.
pub(crate) const URGENT: u8 = 2;
/// All classes.
pub(super) const CLASSES: [u8; 3] = [FRESH, LATER, URGENT];

impl Lane {
    /// True for first attempts and events, which late retries must not delay.
    pub(super) fn is_fresh(self) -> bool {
        match self {
            Self::Events => true,
            Self::Deliveries { class, .. } => class != LATER,
        }
    }

    /// True for what its host's door does not stop.
    pub(super) fn is_urgent(self) -> bool {
        match self {
            Self::Events => false,
            Self::Deliveries { class, .. } => class == URGENT,
        }
    }

    /// The group whose work in flight is bounded: all classes of an endpoint host together.
    pub(super) fn group(self) -> Option<i64> {
        match self {
            Self::Events => None,
            Self::Deliveries { group, .. } => Some(group),
        }
    }
}

/// A message of a queue, in memory.
#[derive(Debug)]
pub(crate) struct Item {
    pub(crate) lane: Lane,
    /// The number of its row.
    pub(crate) number: i64,
    /// Epoch milliseconds.
    pub(crate) due: i64,
    pub(crate) work: Work,
    /// What is known of its event.
    pub(crate) origin: Option<Origin>,
    /// See [`crate::store::piece::Piece`].
    pub(crate) fresh: bool,
    /// Its run is over: it is ended, and nothing is sent.
    pub(crate) expired: bool,
}

impl Item {
    pub(super) fn key(&self) -> Key {
        Key { lane: self.lane, due: self.due, number: self.number }
    }
}

/// What is to be done.
#[derive(Debug)]
pub(crate) enum Work {
    /// Fan out an event.
    Event(Event),
    /// Make an attempt.
    Attempt(Attempt),
    /// Send a page of messages again.
    Redelivery(redeliver::Step),
    /// Try a webhook that the service disabled.
    Recovery(recover::Step),
}

/// A lane's part in memory.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// Due, in order.
    pub(super) ready: VecDeque<Item>,
    /// Numbers of the rows that are in memory or in work.
    pub(super) taken: HashSet<i64>,
    /// Numbers that were finished while rows are being loaded: the load may have seen them still.
    pub(super) finished: HashSet<i64>,
    /// When the first row is due that is only in the table; in the past if it waits for room.
    pub(super) next_due: Option<i64>,
    /// Rows are being loaded.
    pub(super) loading: bool,
    /// The lane stands in its ring.
    pub(super) listed: bool,
}

impl Waiting {
    /// Nothing is known of the lane that is worth keeping.
    pub(super) fn is_empty(&self) -> bool {
        self.ready.is_empty() && self.taken.is_empty() && self.next_due.is_none() && !self.loading
    }
}
