//! The message that an endpoint receives (section 5), and its JWT (section 7).

use serde_json::{Value, json};

use super::event::payload;
use super::kinds::{closed, id, reference, text, uuid};
use crate::views::policy::ALGORITHMS;

/// The JSON that is POSTed to an endpoint (section 5).
pub(super) fn outgoing_body() -> Value {
    let nullable = |kind: &str| json!({"type": [kind, "null"]});
    closed(
        &[
            "webhook_id",
            "webhook_nodeID",
            "account_id",
            "account",
            "name",
            "event",
            "object_id",
            "object_nodeID",
            "person_id",
            "person_nodeID",
            "person_name",
            "payload",
        ],
        json!({
            "webhook_id": id(),
            "webhook_nodeID": text(),
            "account_id": text(),
            "account": text(),
            "custom_url": text(),
            "name": text(),
            "event": text(),
            "object_id": {"type": "integer"},
            "object_nodeID": text(),
            "person_id": nullable("integer"),
            "person_nodeID": nullable("string"),
            "person_name": nullable("string"),
            "payload": payload(),
        }),
    )
}

/// The request that an endpoint receives: headers and body of section 5.
pub(in crate::openapi) fn outgoing_message() -> Value {
    let header = |name: &str, required: bool, what: &str| {
        let schema = json!({"type": "string"});
        json!({"name": name, "in": "header", "required": required, "description": what, "schema": schema})
    };
    json!({
        "operationId": "receiveMessage",
        "summary": "A message: one event for one webhook.",
        "description": "Delivered at least once. Drop what comes again with the same `Webhook-Id`.",
        "security": [],
        "parameters": [
            header("Link", true, "`canonical`, `resource` and maybe `related`: where the object is."),
            header("X-4me-Delivery", true, "The UUID of this delivery."),
            header("X-Xurrent-Delivery", true, "The same."),
            header("X-4me-Delivery-Origin", false, "In a redelivery and its retries: the delivery that was redelivered."),
            header("X-Xurrent-Delivery-Origin", false, "The same."),
            header("Webhook-Id", true, "The id of the message, the same on every attempt and redelivery."),
            header("Webhook-Timestamp", true, "The moment of sending, in epoch seconds."),
            header("Webhook-Signature", true, "`v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`; more than one while a secret is rotated, separated by spaces."),
            header("Authorization", false, "From the user info of the webhook's URI."),
        ],
        "requestBody": {"required": true, "content": {"application/json": {
            "schema": {"oneOf": [reference("OutgoingMessage"), reference("OutgoingJwt")]},
        }}},
        "responses": {
            "2XX": {"description": "Taken. Anything else, or no answer within 10 seconds, is a failure and tried again."},
        },
    })
}

/// What the JWT of a message is.
pub(super) const OUTGOING_JWT: &str = "Of a webhook with a policy: a compact JWS (RFC 7515), signed anew for every attempt. Its header \
    is `JwtHeader`, its claims are `JwtClaims`.";

pub(super) fn jwt_header() -> Value {
    let algorithms: Vec<String> = ALGORITHMS.iter().map(|name| name.to_uppercase()).collect();
    closed(
        &["typ", "alg", "kid"],
        json!({"typ": {"type": "string", "const": "JWT"}, "alg": {"type": "string", "enum": algorithms}, "kid": uuid()}),
    )
}

pub(super) fn jwt_claims() -> Value {
    let seconds = |what: &str| json!({"type": "integer", "description": what});
    closed(
        &["data", "jti", "sub", "iss", "nbf", "iat"],
        json!({
            "data": reference("OutgoingMessage"),
            "jti": {"type": "string", "pattern": "^[0-9a-f]{64}$", "description": "Never used twice."},
            "sub": {"type": "string", "description": "The id of the webhook."},
            "iss": {"type": "string", "format": "uri", "description": "The account; with discovery the policy."},
            "nbf": seconds("The moment of sending."),
            "iat": seconds("The same."),
            "exp": seconds("Only if the policy says how long tokens are valid."),
            "aud": {"type": "string", "description": "Only if the policy has an audience."},
        }),
    )
}
