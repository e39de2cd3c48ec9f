//! The input of events.

use hookline_core::model::MAX_SAMPLED;
use hookline_core::model::event::EVENT_NAMES;
use serde_json::{Value, json};

use super::kinds::{closed, input, text};

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
            "trace": {
                "type": ["string", "null"],
                "pattern": "^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}",
                "description": "A `traceparent` of W3C Trace Context: the event belongs to that trace.",
            },
        }),
    )
}

/// The payload: any object.
pub(super) fn payload() -> Value {
    json!({"type": "object", "additionalProperties": {}, "description": "Reaches the receiver byte for byte."})
}

/// Events of the sample, with further properties.
pub(super) fn sampled_events(more_required: &[&str], more: Value) -> Value {
    let mut properties = json!({
        "id": text(),
        "event": text(),
        "object_id": {"type": "integer"},
        "object_type": text(),
        "person_id": {"type": ["integer", "null"]},
        "accepted_at": {"type": "string", "format": "date-time"},
    });
    let required = [&["id", "event", "object_id", "object_type", "person_id", "accepted_at"], more_required].concat();
    if let (Some(properties), Value::Object(more)) = (properties.as_object_mut(), more) {
        properties.extend(more);
    }
    json!({"type": "array", "items": closed(&required, properties), "maxItems": MAX_SAMPLED})
}
