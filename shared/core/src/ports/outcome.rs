//! How an optimistic write went.

/// How an optimistic write went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpdateOutcome {
    /// It is written.
    Done,
    /// The record was changed since it was read.
    Conflict,
    /// The record was deleted.
    Gone,
}
