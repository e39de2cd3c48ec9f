//! An account's own event types (sections 4 and 14): names beside the 77 that it may publish and subscribe to, and what
//! describes them.

use jiff::Timestamp;

use super::event::EventName;
use crate::ids::EventTypeId;

/// What happens to an event whose payload does not fit the schema of its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SchemaMode {
    /// It is accepted; the schema only describes.
    Off,
    /// It is accepted, and the answer says why the payload does not fit.
    Warn,
    /// It is refused.
    Enforce,
}

impl SchemaMode {
    /// All names.
    pub const NAMES: [&str; 3] = ["off", "warn", "enforce"];

    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Warn => "warn",
            Self::Enforce => "enforce",
        }
    }

    /// The mode of that name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Off, Self::Warn, Self::Enforce].into_iter().find(|mode| mode.as_str() == text)
    }
}

/// An own event type as it is stored, without its documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventType {
    /// Its id.
    pub id: EventTypeId,
    /// Its name.
    pub name: EventName,
    /// What it is about.
    pub description: Option<String>,
    /// Whether payloads are checked. [`SchemaMode::Off`] if it has no schema.
    pub schema_mode: SchemaMode,
    /// When it was created.
    pub created_at: Timestamp,
    /// When an administrator last changed it.
    pub updated_at: Timestamp,
    /// How often it was written.
    pub version: u64,
}

/// The documents of an event type, as JSON texts. They are read by themselves, because they may be large.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventTypeDocuments {
    /// The JSON Schema of its payload.
    pub schema: Option<String>,
    /// A payload that fits the schema.
    pub example: Option<String>,
}
