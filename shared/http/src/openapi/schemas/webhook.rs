//! The input of a webhook.

use hookline_core::model::event::EVENT_NAMES;
use serde_json::{Value, json};

use super::attachments::description_attachments;
use super::event::OWN_TYPE;
use super::kinds::closed;

pub(super) fn webhook_input() -> Value {
    // A number is taken as its text where a string is wanted.
    let text = |most: u32| json!({"type": ["string", "number", "null"], "maxLength": most});
    let event = json!({
        "description": "One of these names, one of the account's own, `noun.*` or `*`.",
        "anyOf": [
            {"enum": EVENT_NAMES.as_slice()},
            {"type": "string", "pattern": OWN_TYPE},
            {"type": "string", "pattern": "^([a-z][a-z0-9_]*\\.)?\\*$"},
        ],
    });
    let uri = json!({
        "type": "string",
        "format": "uri",
        "pattern": "^[Hh][Tt][Tt][Pp][Ss]?://",
        "maxLength": 2048,
        "description": "May have a query and `user:password@`; no fragment. A password `***` keeps the stored one.",
    });
    let headers = json!({
        "type": ["object", "null"],
        "additionalProperties": {"type": ["string", "number"], "maxLength": 2048},
        "maxProperties": 20,
        "description": "Extra headers, written as a whole. A value `***` keeps the stored one.",
    });
    let loose = "`true`, or one of `1 T Y TRUE YES ON` in any case; anything else is false.";
    let mut input = closed(
        &[],
        json!({
            "event": event,
            "uri": uri,
            "name": text(128),
            "description": text(65_536),
            "description_attachments": description_attachments(),
            "disabled": {"type": "boolean"},
            "mail_exceptions_to": text(1024),
            "webhook_policy_id": {"type": ["integer", "string", "null"]},
            "source": text(30),
            "sourceID": text(128),
            "openid_connect_discovery": {"type": ["boolean", "string", "number", "null"], "description": loose},
            "headers": headers,
        }),
    );
    input["description"] = json!("A new webhook needs `event` and `uri`. Unknown and read-only fields are ignored.");
    input
}
