//! Console links.

use serde_json::{Value, json};

use super::kinds::{closed, input, record_id, text, uri};

/// The names of the roles.
const ROLES: [&str; 3] = ["administrator", "auditor", "publisher"];

pub(super) fn console_link_input() -> Value {
    input(
        &["role"],
        json!({
            "role": {"type": "string", "enum": ROLES, "description": "What the token of the link may do."},
            "webhook_id": record_id("The only webhook that the token opens, by its integer id or node id. Not for publishers."),
            "minutes": {
                "type": ["integer", "string", "null"], "minimum": 1, "maximum": 60, "default": 60,
                "pattern": "^([1-9]|[1-5][0-9]|60|0{1,3}:(0[1-9]|[1-5][0-9])|0{0,2}1:00)?$",
                "description": "How long the token works. Minutes, or `hhh:mm`.",
            },
        }),
    )
}

pub(super) fn console_link() -> Value {
    let expires_at = json!({"type": "string", "format": "date-time", "description": "Until when it can be used."});
    closed(&["url", "expires_at"], json!({"url": uri(), "expires_at": expires_at}))
}

pub(super) fn console_token() -> Value {
    closed(
        &["access_token", "token_type", "expires_in", "role", "webhook_id"],
        json!({
            "access_token": text(),
            "token_type": {"type": "string", "const": "Bearer"},
            "expires_in": {"type": "integer", "minimum": 0, "maximum": 3600},
            "role": {"type": "string", "enum": ROLES},
            "webhook_id": {"type": ["integer", "null"], "description": "The only webhook that the token opens."},
        }),
    )
}
