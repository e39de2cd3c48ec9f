//! Redelivery jobs.

use serde_json::{Value, json};

use super::kinds::{action_boolean, closed, input, reference, time};

/// The outcomes that can be redelivered.
pub(super) fn outcomes() -> Value {
    json!({"type": "array", "items": {"type": "string", "enum": ["dropped", "cancelled", "skipped"]}, "minItems": 1})
}

pub(super) fn redelivery_input() -> Value {
    let time =
        |what: &str| time(&json!(["string", "null"]), &format!("{what} Without an offset it is local to the account."));
    let mut schema = input(
        &[],
        json!({
            "since": time("Records from this second on; else all that are kept."),
            "until": time("Records up to and with this second; else all until now."),
            "outcome": {"oneOf": [reference("Outcomes"), {"type": "null"}]},
            "event": {"type": ["string", "null"], "description": "Only messages of events with this name."},
            "dry_run": action_boolean("Counts only, and sends nothing."),
        }),
    );
    schema["description"] = json!("`outcome` is all three if it is left out. Unknown fields are ignored.");
    schema
}

pub(super) fn redelivery_asked() -> Value {
    closed(
        &["id", "matched", "more"],
        json!({
            "id": {"type": ["string", "null"], "format": "uuid", "description": "The job; null after a dry run."},
            "matched": {"type": "integer", "minimum": 0, "maximum": 10_000},
            "more": {"type": "boolean", "description": "There are more than were counted. They are sent as well."},
        }),
    )
}
