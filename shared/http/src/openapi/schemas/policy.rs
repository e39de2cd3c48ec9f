//! The input of a policy, and public keys.

use serde_json::{Value, json};

use super::kinds::{closed, text, uuid};
use crate::views::policy::ALGORITHMS;

pub(super) fn policy_input() -> Value {
    let loose = "`true`, or one of `1 T Y TRUE YES ON` in any case; anything else is false.";
    let mut input = closed(
        &[],
        json!({
            "disabled": {"type": ["boolean", "string", "number", "null"], "description": loose},
            "jwt_alg": {"enum": ALGORITHMS, "description": "Can't be changed. `none` only if the service allows it."},
            "jwt_audience": {"type": ["string", "number", "null"], "maxLength": 2048},
            "jwt_claim_expires_in": {
                "type": ["integer", "string", "null"],
                "minimum": 1,
                "pattern": "^([0-9]+|[0-9]{1,3}:[0-5][0-9])$",
                "description": "Minutes, or `hhh:mm`.",
            },
        }),
    );
    input["description"] = json!("A new policy needs `jwt_alg`. Unknown and read-only fields are ignored.");
    input
}

/// A public key (RFC 7517).
pub(super) fn json_web_key() -> Value {
    let with = |kty: &str, algorithms: &[&str], own: &[&str]| {
        let mut properties = json!({"kty": {"const": kty}, "kid": uuid(), "use": {"const": "sig"}});
        properties["alg"] = json!({"enum": algorithms});
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
