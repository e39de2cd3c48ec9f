//! The input of an own event type (section 14).

use hookline_core::use_cases::event_types::EventTypeInput;

use super::object::JsonObject;

/// Parses the input of an event type. Unknown and read-only fields are ignored.
pub(crate) fn event_type(object: &JsonObject<'_>) -> EventTypeInput {
    EventTypeInput {
        name: object.text("name"),
        description: object.text("description"),
        schema: object.given("schema", |raw| Some(raw.to_owned())),
        example: object.given("example", |raw| Some(raw.to_owned())),
        schema_mode: object.text("schema_mode"),
    }
}
