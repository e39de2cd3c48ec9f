//! An account's own event types (section 4): names beside the 77 that it may publish and subscribe to.

use jiff::Timestamp;

use super::event::EventName;
use crate::ids::EventTypeId;

/// An own event type as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventType {
    /// Its id.
    pub id: EventTypeId,
    /// Its name.
    pub name: EventName,
    /// When it was created.
    pub created_at: Timestamp,
}
