//! Simple schemas that the others are made of.

use serde_json::{Value, json};

/// An object with these properties and no others.
pub(super) fn closed(required: &[&str], properties: Value) -> Value {
    let mut schema = json!({"type": "object", "additionalProperties": false, "required": required});
    schema["properties"] = properties;
    schema
}

pub(super) fn text() -> Value {
    json!({"type": "string"})
}

pub(super) fn id() -> Value {
    json!({"type": "integer", "minimum": 1})
}

pub(super) fn uri() -> Value {
    json!({"type": "string", "format": "uri"})
}

pub(super) fn uuid() -> Value {
    json!({"type": "string", "format": "uuid"})
}

pub(super) fn errors() -> Value {
    json!({
        "type": "array",
        "description": "Pairs of field (or `base`) and sentence.",
        "items": {"type": "array", "items": text(), "minItems": 2, "maxItems": 2},
    })
}
