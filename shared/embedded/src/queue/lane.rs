//! Lanes: the groups of messages that wait for each other.

/// All events, or the messages for one endpoint host in one class. Messages wait only for others in their lane, so an
/// endpoint that does not answer fills only its own lanes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Lane {
    /// The events queue.
    Events,
    /// The deliveries queue.
    Deliveries {
        /// The hash of the endpoint host.
        group: i64,
        /// One of [`FRESH`], [`LATER`] and [`URGENT`].
        class: u8,
    },
}

/// First attempts of a first run.
pub(crate) const FRESH: u8 = 0;
/// Retries and redeliveries. They never delay first attempts.
pub(crate) const LATER: u8 = 1;
/// Tests. They are sent even to a throttled host.
pub(crate) const URGENT: u8 = 2;
/// All classes.
pub(crate) const CLASSES: [u8; 3] = [FRESH, LATER, URGENT];

impl Lane {
    /// True for events and first attempts, which retries must not delay.
    pub(crate) fn is_fresh(self) -> bool {
        match self {
            Self::Events => true,
            Self::Deliveries { class, .. } => class != LATER,
        }
    }

    /// True if the host's circuit does not apply.
    pub(crate) fn is_urgent(self) -> bool {
        match self {
            Self::Events => false,
            Self::Deliveries { class, .. } => class == URGENT,
        }
    }

    /// The hash of the endpoint host, whose limit counts the requests of all classes together.
    pub(crate) fn group(self) -> Option<i64> {
        match self {
            Self::Events => None,
            Self::Deliveries { group, .. } => Some(group),
        }
    }
}
