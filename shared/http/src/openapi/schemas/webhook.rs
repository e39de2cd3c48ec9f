//! The input of a webhook.

use hookline_core::model::MAX_SUBSCRIPTIONS;
use hookline_core::model::event::EVENT_NAMES;
use hookline_core::rules::request::{CONTENT_TYPE, CONTENT_TYPE_WITHOUT_CHARSET};
use serde_json::{Value, json};

use super::attachments::description_attachments;
use super::event::OWN_TYPE;
use super::kinds::{boolean, input, record_id};

/// A line of text: no control characters.
const LINE: &str = r"^[^\u0000-\u001f\u007f-\u009f]*$";
/// A text without NUL characters.
pub(super) const NO_NUL: &str = r"^[^\u0000]*$";
/// A mail address.
const MAIL: &str = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@[A-Za-z0-9]+(-[A-Za-z0-9]+)*(\\.[A-Za-z0-9]+(-[A-Za-z0-9]+)*)*";

/// A pattern of events.
const PATTERN: &str = r"^([a-z][a-z0-9_]*\.)?\*$";

/// The names and patterns of a webhook.
pub(super) fn subscribed_events() -> Value {
    let name = json!({"type": "string", "maxLength": 128, "anyOf": [{"pattern": OWN_TYPE}, {"pattern": PATTERN}]});
    json!({"type": "array", "items": name, "minItems": 1, "maxItems": MAX_SUBSCRIPTIONS})
}

/// A content filter.
pub(super) fn content_filter(kind: &Value) -> Value {
    json!({
        "type": kind,
        "minProperties": 1,
        "additionalProperties": {
            "type": ["array", "object"], "minItems": 1, "items": {}, "minProperties": 1, "additionalProperties": {},
        },
        "description": "Which events it gets: a pattern in the syntax of EventBridge over `event`, `object_id`, \
                        `object_type`, `person_id` and `payload`; at most 4 KiB, 50 conditions, 16 levels.",
    })
}

/// The input of a new webhook.
pub(super) fn webhook_input() -> Value {
    let mut schema = input(&["event", "uri"], fields());
    schema["description"] = json!("A new webhook. Unknown and read-only fields are ignored.");
    schema
}

/// The input of a change.
pub(super) fn webhook_changes() -> Value {
    let mut schema = input(&[], fields());
    schema["description"] = json!("The fields to change. Unknown and read-only fields are ignored.");
    schema
}

fn fields() -> Value {
    // A number is taken as its text where a string is wanted.
    let line = |most: u32| json!({"type": ["string", "number", "null"], "maxLength": most, "pattern": LINE});
    let text = |most: u32| json!({"type": ["string", "number", "null"], "maxLength": most, "pattern": NO_NUL});
    let event = json!({
        "description": "One of these names, one of the account's own, `noun.*` or `*`.",
        "anyOf": [
            {"type": "string", "enum": EVENT_NAMES.as_slice()},
            {"type": "string", "pattern": OWN_TYPE},
            {"type": "string", "pattern": PATTERN},
        ],
    });
    let mut events = subscribed_events();
    events["type"] = json!(["array", "null"]);
    events["uniqueItems"] = json!(true);
    events["description"] = json!(
        "Several names and patterns, of which `event` is the first. `event` alone replaces them; `automation_rule` stands \
         alone."
    );
    let uri = json!({
        "type": "string",
        "format": "uri",
        "pattern": "^[Hh][Tt][Tt][Pp][Ss]?://",
        "maxLength": 2048,
        "description": "May have a query and `user:password@`; no fragment. A password `***` keeps the stored one.",
    });
    let mails = json!({
        "type": ["string", "null"],
        "maxLength": 1024,
        "pattern": format!("^({MAIL}( *, *{MAIL}){{0,19}})?$"),
        "description": "At most 20 addresses, separated by commas.",
    });
    let headers = json!({
        "type": ["object", "null"],
        "propertyNames": {"pattern": "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$"},
        "additionalProperties": {"type": ["string", "number"], "maxLength": 2048, "pattern": "^[!-~]([ -~]*[!-~])?$"},
        "maxProperties": 20,
        "description": "Extra headers, written as a whole. A value `***` keeps the stored one.",
    });
    json!({
        "event": event,
        "events": events,
        "uri": uri,
        "name": line(128),
        "description": text(65_536),
        "description_attachments": description_attachments(),
        "disabled": boolean(),
        "mail_exceptions_to": mails,
        "webhook_policy_id": record_id("The integer id or the node id."),
        "source": line(30),
        "sourceID": line(128),
        "filter": content_filter(&json!(["object", "null"])),
        "openid_connect_discovery": boolean(),
        "trace": boolean(),
        "content_type": {
            "type": ["string", "null"],
            "enum": [CONTENT_TYPE, CONTENT_TYPE_WITHOUT_CHARSET, null],
            "description": "Of its messages, for receivers that refuse a charset.",
        },
        "headers": headers,
    })
}
