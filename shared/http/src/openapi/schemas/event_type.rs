//! The input of own event types, and what describes their payloads (section 14, *Catalogue*).

use hookline_core::model::SchemaMode;
use serde_json::{Value, json};

use super::event::OWN_TYPE;
use super::kinds::{input, reference};
use super::webhook::NO_NUL;

/// The input of a new event type.
pub(super) fn event_type_input() -> Value {
    let mut fields = fields();
    fields["name"] = json!({"type": "string", "pattern": OWN_TYPE, "maxLength": 128});
    let mut schema = input(&["name"], fields);
    schema["description"] = json!("A new event type. Unknown and read-only fields are ignored.");
    schema
}

/// The input of a change.
pub(super) fn event_type_changes() -> Value {
    let mut schema = input(&[], fields());
    schema["description"] = json!("The fields to change. Unknown and read-only fields are ignored.");
    schema
}

fn fields() -> Value {
    let modes = [&[""], SchemaMode::NAMES.as_slice()].concat();
    let modes: Vec<Value> = modes.into_iter().map(Value::from).chain([Value::Null]).collect();
    json!({
        "description": {"type": ["string", "number", "null"], "maxLength": 1000, "pattern": NO_NUL},
        "schema": {"oneOf": [reference("JsonSchema"), {"type": "null"}]},
        "example": {"oneOf": [reference("ExamplePayload"), {"type": "null"}]},
        "schema_mode": {"type": ["string", "null"], "enum": modes},
    })
}

/// A JSON Schema.
pub(super) fn json_schema() -> Value {
    json!({
        "type": "object",
        "additionalProperties": true,
        "description": "A JSON Schema of draft 2020-12, at most 64 KiB, without references to other documents. It describes the payload.",
    })
}

/// The payload of a test.
pub(super) fn example_payload() -> Value {
    json!({"type": "object", "additionalProperties": true, "description": "A payload that fits the schema. Tests send it."})
}
