//! How an optimistic write went.

/// How an optimistic write went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpdateOutcome {
    /// It is written.
    Done,
    /// Somebody else changed the record since it was read.
    Conflict,
    /// The record is gone.
    Gone,
}
