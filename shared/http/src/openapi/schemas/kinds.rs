//! Simple schemas that the others are made of.

use serde_json::{Value, json};

/// An input with these properties. Further ones are ignored.
pub(super) fn input(required: &[&str], properties: Value) -> Value {
    let mut schema = json!({"type": "object", "additionalProperties": true});
    schema["properties"] = properties;
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

/// The boolean of a record in an input (section 2, *Input types*).
pub(super) fn boolean() -> Value {
    let what = "`true`, or one of `1 T Y TRUE YES ON` in any case; anything else is false.";
    json!({"type": ["boolean", "string", "number", "null"], "description": what})
}

/// The words of an action's boolean.
pub(in crate::openapi) const BOOLEAN_WORDS: &str =
    "^([01tTfFyYnN]|[tT][rR][uU][eE]|[yY][eE][sS]|[oO][nN]|[fF][aA][lL][sS][eE]|[nN][oO]|[oO][fF][fF])?$";

/// The boolean of an action in an input (section 2, *Input types*).
pub(super) fn action_boolean(what: &str) -> Value {
    json!({"description": what, "anyOf": [
        {"type": ["boolean", "null"]},
        {"type": "string", "pattern": BOOLEAN_WORDS},
        {"type": "integer", "enum": [0, 1]},
    ]})
}

/// An object with these properties and no others.
pub(super) fn closed(required: &[&str], properties: Value) -> Value {
    let mut schema = json!({"type": "object", "additionalProperties": false});
    schema["properties"] = properties;
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

pub(super) fn text() -> Value {
    json!({"type": "string"})
}

pub(super) fn id() -> Value {
    json!({"type": "integer", "minimum": 1})
}

/// The integer id or the node id of a record in an input; an empty one is null.
pub(super) fn record_id(what: &str) -> Value {
    let pattern = "^[A-Za-z0-9_-]*$";
    json!({"type": ["integer", "string", "null"], "minimum": 1, "pattern": pattern, "description": what})
}

/// A cursor of a list, or nothing.
pub(in crate::openapi) const CURSOR: &str = "^[A-Za-z0-9+/_-]*=*$";

/// A time without an offset; an empty one is null.
const LOCAL_TIME: &str = "^([0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2})?)?)?$";

/// A time in a body or a query. Without an offset it is local to the account.
pub(in crate::openapi) fn time(kinds: &Value, what: &str) -> Value {
    json!({"description": what, "anyOf": [
        {"type": kinds, "format": "date-time"},
        {"type": "string", "pattern": LOCAL_TIME},
    ]})
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

/// A reference to a schema.
pub(in crate::openapi) fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}
