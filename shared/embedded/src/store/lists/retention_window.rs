//! What of the delivery log has not expired.

use jiff::Timestamp;

use crate::store::database::Kept;
use crate::store::rows::values::millis_before;

/// The limits of what has not expired yet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RetentionWindow {
    /// Attempts after this time.
    pub(crate) created_after: i64,
    /// Events accepted after this time.
    pub(crate) accepted_after: i64,
}

impl RetentionWindow {
    pub(crate) fn at(now: Timestamp, kept: Kept) -> Self {
        Self { created_after: millis_before(now, kept.deliveries), accepted_after: millis_before(now, kept.events) }
    }
}
