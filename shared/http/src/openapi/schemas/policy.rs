//! The input of a policy, and public keys.

use serde_json::{Value, json};

use super::kinds::{boolean, closed, input, text, uuid};
use super::webhook::NO_NUL;
use crate::views::policy::ALGORITHMS;

/// The input of a new policy.
pub(super) fn policy_input() -> Value {
    let mut fields = fields();
    fields["jwt_alg"] = json!({"type": "string", "enum": ALGORITHMS, "description": "Can't be changed."});
    let mut schema = input(&["jwt_alg"], fields);
    schema["description"] = json!("A new policy. Unknown and read-only fields are ignored.");
    schema
}

/// The input of a change.
pub(super) fn policy_changes() -> Value {
    let mut schema = input(&[], fields());
    schema["description"] = json!("The fields to change. Unknown and read-only fields are ignored.");
    schema
}

fn fields() -> Value {
    json!({
        "disabled": boolean(),
        "jwt_audience": {"type": ["string", "number", "null"], "maxLength": 2048, "pattern": NO_NUL},
        "jwt_claim_expires_in": {
            "type": ["integer", "string", "null"],
            "minimum": 1,
            "maximum": u32::MAX,
            "pattern": "^([1-9][0-9]{0,8}|[0-9]{0,2}[1-9]:[0-5][0-9]|[1-9][0-9]{1,2}:[0-5][0-9]|0{1,3}:(0[1-9]|[1-5][0-9]))?$",
            "description": "Minutes, or `hhh:mm`.",
        },
    })
}

/// A public key (RFC 7517).
pub(super) fn json_web_key() -> Value {
    let with = |kty: &str, algorithms: &[&str], own: &[&str]| {
        let mut properties =
            json!({"kty": {"type": "string", "const": kty}, "kid": uuid(), "use": {"type": "string", "const": "sig"}});
        properties["alg"] = json!({"type": "string", "enum": algorithms});
        for name in own {
            properties[*name] = text();
        }
        closed(&[&["kty", "kid", "use", "alg"], own].concat(), properties)
    };
    json!({"oneOf": [
        with("RSA", &["RS256", "RS384", "RS512"], &["n", "e"]),
        with("EC", &["ES256", "ES384", "ES512"], &["crv", "x", "y"]),
    ]})
}
