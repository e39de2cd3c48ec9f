//! The input of events.

use hookline_core::model::event::EVENT_NAMES;
use serde_json::{Value, json};

use super::kinds::input;

/// The form of an account's own event types.
pub(super) const OWN_TYPE: &str = r"^[a-z][a-z0-9_]*(\.[a-z0-9_-]+)?$";

pub(super) fn event_input() -> Value {
    let link =
        json!({"type": ["string", "null"], "format": "uri", "pattern": "^[Hh][Tt][Tt][Pp][Ss]?://", "maxLength": 2048});
    let links = json!({
        "type": ["object", "null"],
        "additionalProperties": true,
        "properties": {"canonical": link, "resource": link, "related": link},
    });
    let number = json!({"type": "integer", "minimum": 0});
    input(
        &["event", "object_id"],
        json!({
            "id": {
                "type": ["string", "number", "null"],
                "minLength": 1,
                "maxLength": 128,
                "pattern": "^[!-~]+$",
                "description": "The idempotency key. Without one the service makes a UUID v7.",
            },
            "account_id": {
                "type": ["string", "null"],
                "pattern": "^[a-z0-9][a-z0-9-]{0,62}$",
                "description": "The token's own account.",
            },
            "event": {"anyOf": [{"type": "string", "enum": EVENT_NAMES.as_slice()}, {"type": "string", "pattern": OWN_TYPE}]},
            "object_id": number,
            "object_type": {"type": ["string", "null"], "pattern": "^[A-Za-z][A-Za-z0-9_]*$", "maxLength": 64},
            "person_id": {"type": ["integer", "null"], "minimum": 0},
            "person_name": {"type": ["string", "number", "null"], "maxLength": 255},
            "payload": {"anyOf": [payload(), {"type": "null"}]},
            "links": links,
            "webhook": {
                "type": ["string", "number", "null"],
                "description": "`automation_rule` only: the id, node id or name of the webhook that is meant.",
            },
        }),
    )
}

/// The payload: any object.
pub(super) fn payload() -> Value {
    json!({"type": "object", "additionalProperties": {}, "description": "Reaches the receiver byte for byte."})
}
