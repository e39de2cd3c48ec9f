//! The lanes that messages wait in.

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
pub(crate) const CLASSES: [u8; 3] = [FRESH, LATER, URGENT];

impl Lane {
    /// True for first attempts and events, which late retries must not delay.
    pub(crate) fn is_fresh(self) -> bool {
        match self {
            Self::Events => true,
            Self::Deliveries { class, .. } => class != LATER,
        }
    }

    /// True for what its host's circuit does not stop.
    pub(crate) fn is_urgent(self) -> bool {
        match self {
            Self::Events => false,
            Self::Deliveries { class, .. } => class == URGENT,
        }
    }

    /// The group whose work in flight is bounded: all classes of an endpoint host together.
    pub(crate) fn group(self) -> Option<i64> {
        match self {
            Self::Events => None,
            Self::Deliveries { group, .. } => Some(group),
        }
    }
}
