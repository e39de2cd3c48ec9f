//! The schemas. Those of records follow from the resources' tables.

use hookline_core::event::EVENT_NAMES;
use hookline_core::matching::Why;
use serde_json::{Map, Value, json};

use super::operation::reference;
use crate::listing::{Field, Kind, Resource};
use crate::views::audit::AUDIT_ENTRY;
use crate::views::delivery::DELIVERY;
use crate::views::endpoint_host::ENDPOINT_HOST;
use crate::views::event::EVENT;
use crate::views::event_type::EVENT_TYPE;
use crate::views::policy::{ALGORITHMS, MADE, POLICY};
use crate::views::redelivery::REDELIVERY;
use crate::views::webhook::WEBHOOK;

/// The form of an account's own event types.
const OWN_TYPE: &str = r"^[a-z][a-z0-9_]*(\.[a-z0-9_-]+)?$";

/// All schemas by name.
pub(super) fn all() -> Value {
    let mut schemas = Map::new();
    let mut put = |name: &str, schema: Value| schemas.insert(name.to_owned(), schema);
    let records = [&WEBHOOK, &POLICY, &MADE, &AUDIT_ENTRY, &DELIVERY, &REDELIVERY, &EVENT, &EVENT_TYPE, &ENDPOINT_HOST];
    for resource in records {
        put(resource.name, record(resource));
    }
    put("Webhooks", json!({"type": "array", "items": reference("Webhook")}));
    put("Audit", json!({"type": "array", "items": reference("AuditEntry")}));
    put("Changes", changes());
    put("Attachments", attachments());
    put("AttachmentStorage", attachment_storage());
    put("AttachmentUpload", attachment_upload());
    put("AttachmentKey", closed(&["key"], json!({"key": attachment_key()})));
    put("Deliveries", json!({"type": "array", "items": reference("Delivery")}));
    put("EndpointHosts", json!({"type": "array", "items": reference("EndpointHost")}));
    put("Outcomes", outcomes());
    put("RedeliveryInput", redelivery_input());
    put("RedeliveryAsked", redelivery_asked());
    put("WebhookInput", webhook_input());
    put("WebhookPolicies", json!({"type": "array", "items": reference("WebhookPolicy")}));
    put("WebhookPolicyInput", policy_input());
    let flag = |what: &str| json!({"type": ["boolean", "string", "number", "null"], "description": what});
    put(
        "RotationInput",
        closed(
            &[],
            json!({
                "now": flag("An emergency: with discovery the key signs at once, not after 2 hours."),
                "activate": flag("No new key: the newest signs for webhooks without discovery from now on."),
            }),
        ),
    );
    put("OpenIdConfiguration", closed(&["issuer", "jwks_uri"], json!({"issuer": uri(), "jwks_uri": uri()})));
    put("JsonWebKeySet", closed(&["keys"], json!({"keys": {"type": "array", "items": reference("JsonWebKey")}})));
    put("JsonWebKey", json_web_key());
    put("EventInput", event_input());
    put("EventTypes", json!({"type": "array", "items": reference("EventType")}));
    put(
        "EventTypeInput",
        closed(&["name"], json!({"name": {"type": "string", "pattern": OWN_TYPE, "maxLength": 128}})),
    );
    let why = json!({"enum": Why::ALL.map(Why::as_str)});
    let line = json!({"webhook": reference("Reference"), "matches": {"type": "boolean"}, "why": why});
    put("Explanations", json!({"type": "array", "items": closed(&["webhook", "matches", "why"], line)}));
    let credentials = json!({
        "grant_type": {"const": "client_credentials"},
        "client_id": {"type": "string", "format": "uuid", "description": "The id that `hookline token list` shows."},
        "client_secret": {"type": "string", "description": "That token itself."},
    });
    put("ClientCredentials", closed(&["grant_type", "client_id", "client_secret"], credentials));
    let seconds = json!({"type": "integer", "minimum": 0, "maximum": 3600});
    let token = json!({"access_token": text(), "token_type": {"const": "Bearer"}, "expires_in": seconds});
    put("AccessToken", closed(&["access_token", "token_type", "expires_in"], token));
    let error = json!({"enum": ["invalid_request", "invalid_client", "unsupported_grant_type"]});
    put("OAuthError", closed(&["error"], json!({"error": error})));
    put("Message", closed(&["message"], json!({"message": text()})));
    put("ValidationFailed", closed(&["message", "errors"], json!({"message": text(), "errors": errors()})));
    let line = closed(&[], json!({"id": text(), "message": text(), "errors": errors()}));
    put("PublishedEvent", line);
    let lines = json!({"type": "array", "items": reference("PublishedEvent")});
    put("Published", json!({"oneOf": [closed(&["id"], json!({"id": text()})), lines]}));
    put("NotPublished", json!({"oneOf": [reference("ValidationFailed"), lines]}));
    put("Secret", closed(&["secret"], json!({"secret": {"type": "string", "pattern": "^whsec_[A-Za-z0-9+/]+=*$"}})));
    put("Empty", closed(&[], json!({})));
    put("Health", closed(&["status"], json!({"status": {"const": "ok"}})));
    put("OpenApi", json!({"type": "object", "additionalProperties": {}, "required": ["openapi", "info", "paths"]}));
    put(
        "Reference",
        closed(
            &["id", "name", "nodeID"],
            json!({"id": id(), "name": text(), "nodeID": text(), "disabled": {"const": true}}),
        ),
    );
    put("DeliveryReference", closed(&["id"], json!({"id": uuid()})));
    put("Headers", json!({"type": "object", "additionalProperties": text()}));
    put("MaskedHeaders", json!({"type": "object", "additionalProperties": {"const": "***"}}));
    put(
        "Request",
        closed(
            &["uri", "headers", "payload"],
            json!({
                "uri": text(),
                "headers": reference("Headers"),
                "payload": {"oneOf": [reference("OutgoingMessage"), reference("ShownJwt"), {"type": "null"}]},
            }),
        ),
    );
    put(
        "Response",
        closed(
            &["status", "headers", "body"],
            json!({
                "status": {"type": "integer"},
                "headers": reference("Headers"),
                "body": {"type": ["string", "null"], "description": "The first KiB of a failure's body."},
            }),
        ),
    );
    let millis = json!({"type": ["number", "null"], "minimum": 0});
    put(
        "Timings",
        closed(
            &["dns", "connect", "tls", "first_byte", "total"],
            json!({
                "dns": millis, "connect": millis, "tls": millis, "first_byte": millis,
                "total": {"type": "number", "minimum": 0},
            }),
        ),
    );
    let optional = |name: &str| json!({"oneOf": [reference(name), {"type": "null"}]});
    let text_or_null = || json!({"type": ["string", "null"]});
    let tls = closed(
        &["version", "certificate_expires_at"],
        json!({
            "version": {"enum": ["TLSv1.2", "TLSv1.3", null]},
            "certificate_expires_at": {"type": ["string", "null"], "format": "date-time"},
        }),
    );
    put("Tls", tls);
    put(
        "TestReport",
        closed(
            &["status", "error", "addresses", "address", "tls", "timings", "clock_difference", "request"],
            json!({
                "status": {"type": ["integer", "null"]},
                "error": text_or_null(),
                "addresses": {"type": "array", "items": text(), "description": "Those that may be connected to."},
                "address": text_or_null(),
                "tls": optional("Tls"),
                "timings": optional("Timings"),
                "clock_difference": {
                    "type": ["integer", "null"],
                    "description": "By how many seconds the endpoint's clock is ahead, as its `Date` tells.",
                },
                "request": optional("Request"),
            }),
        ),
    );
    put("OutgoingMessage", outgoing_body());
    put("OutgoingJwt", closed(&["jwt"], json!({"jwt": {"type": "string", "description": OUTGOING_JWT}})));
    put("JwtHeader", jwt_header());
    put("JwtClaims", jwt_claims());
    let parts = json!({"header": reference("JwtHeader"), "claims": reference("JwtClaims")});
    put("ShownJwt", closed(&["jwt"], json!({"jwt": closed(&["header", "claims"], parts)})));
    Value::Object(schemas)
}

/// An object with these properties and no others.
fn closed(required: &[&str], properties: Value) -> Value {
    let mut schema = json!({"type": "object", "additionalProperties": false, "required": required});
    schema["properties"] = properties;
    schema
}

fn text() -> Value {
    json!({"type": "string"})
}

fn id() -> Value {
    json!({"type": "integer", "minimum": 1})
}

fn uri() -> Value {
    json!({"type": "string", "format": "uri"})
}

fn uuid() -> Value {
    json!({"type": "string", "format": "uuid"})
}

fn errors() -> Value {
    json!({
        "type": "array",
        "description": "Pairs of field (or `base`) and sentence.",
        "items": {"type": "array", "items": text(), "minItems": 2, "maxItems": 2},
    })
}

/// A record of a resource. `fields=` leaves out all but its id.
fn record(resource: &Resource) -> Value {
    let properties = resource.fields.iter().map(|field| (field.name.to_owned(), schema(field))).collect();
    closed(&["id"], Value::Object(properties))
}

fn schema(field: &Field) -> Value {
    let mut schema = match field.kind {
        Kind::Integer => json!({"type": "integer"}),
        Kind::Number => json!({"type": "number"}),
        Kind::Text => text(),
        Kind::Enumeration if field.values.is_empty() => text(),
        Kind::Enumeration => {
            let mut values: Vec<Value> = field.values.iter().map(|value| json!(value)).collect();
            values.extend(field.nullable.then_some(Value::Null));
            return json!({"enum": values});
        }
        Kind::Boolean => json!({"type": "boolean"}),
        Kind::Time => json!({"type": "string", "format": "date-time"}),
        Kind::Uuid => uuid(),
        Kind::Object(name) if field.nullable => return json!({"oneOf": [reference(name), {"type": "null"}]}),
        Kind::Object(name) => return reference(name),
    };
    if field.nullable {
        schema["type"] = json!([schema["type"], "null"]);
    }
    if field.extension {
        schema["description"] = json!("Shown only when named in `fields`.");
    }
    schema
}

/// What an audit entry tells of each field that changed.
fn changes() -> Value {
    json!({
        "type": "object",
        "description": "By field: the old value and the new one. Secrets appear only as `changed`.",
        "additionalProperties": {"type": "array", "items": {}, "minItems": 2, "maxItems": 2},
    })
}

/// What can be sent again.
fn outcomes() -> Value {
    json!({"type": "array", "items": {"enum": ["dropped", "cancelled", "skipped"]}, "minItems": 1})
}

fn redelivery_input() -> Value {
    let time = |what: &str| {
        let description = format!("{what} Without an offset it is local to the account.");
        json!({"type": ["string", "null"], "format": "date-time", "description": description})
    };
    let mut input = closed(
        &[],
        json!({
            "since": time("Records from this second on; else all that are kept."),
            "until": time("Records up to and with this second; else all until now."),
            "outcome": {"oneOf": [reference("Outcomes"), {"type": "null"}]},
            "dry_run": {"type": ["boolean", "string", "number", "null"], "description": "Only count."},
        }),
    );
    input["description"] = json!("`outcome` is all three if it is left out. Unknown fields are ignored.");
    input
}

fn redelivery_asked() -> Value {
    closed(
        &["id", "matched", "more"],
        json!({
            "id": {"type": ["string", "null"], "format": "uuid", "description": "The job; null after a dry run."},
            "matched": {"type": "integer", "minimum": 0, "maximum": 10_000},
            "more": {"type": "boolean", "description": "There are more than were counted. They are sent as well."},
        }),
    )
}

/// `<account>/<uuid>`
fn attachment_key() -> Value {
    json!({"type": "string", "pattern": "^[a-z0-9][a-z0-9-]{0,62}/[0-9a-f-]{36}$"})
}

fn attachments() -> Value {
    let one = closed(
        &["id", "nodeID", "key", "name", "size", "inline", "uri", "created_at"],
        json!({
            "id": id(),
            "nodeID": text(),
            "key": attachment_key(),
            "name": text(),
            "size": {"type": "integer", "minimum": 0},
            "inline": {"type": "boolean"},
            "uri": {"type": "string", "format": "uri", "description": "Downloads it, for 15 minutes."},
            "created_at": {"type": "string", "format": "date-time"},
        }),
    );
    json!({"type": "array", "items": one})
}

fn description_attachments() -> Value {
    let flag = json!({"type": ["boolean", "string", "number", "null"]});
    let one = closed(
        &["key"],
        json!({
            "key": {"type": "string", "description": "What the upload answered."},
            "filesize": {"type": ["integer", "string", "null"]},
            "inline": flag,
            "_destroy": flag,
        }),
    );
    let what = "Attachments to add, to change or, with `_destroy`, to take away; others stay.";
    json!({"type": ["array", "null"], "items": one, "description": what})
}

/// Where to upload a file; the fields of the form are under the name of the provider.
fn attachment_storage() -> Value {
    let fields = json!({"type": "object", "additionalProperties": text()});
    closed(
        &["provider", "upload_uri", "allowed_extensions", "size_limit"],
        json!({
            "provider": {"enum": ["local", "s3"]},
            "upload_uri": {"type": "string", "format": "uri"},
            "allowed_extensions": {"type": "array", "items": text()},
            "size_limit": {"type": "integer"},
            "local": fields,
            "s3": fields,
        }),
    )
}

fn attachment_upload() -> Value {
    let mut form = closed(
        &["key", "x-4me-expiration", "x-4me-signature", "file"],
        json!({
            "Content-Type": text(),
            "key": attachment_key(),
            "x-4me-expiration": text(),
            "x-4me-signature": text(),
            "file": {"type": "string", "format": "binary", "description": "Comes last."},
        }),
    );
    form["description"] = json!("The fields that `GET /attachments/storage` gave, then the file.");
    form
}

fn webhook_input() -> Value {
    // A number where a text is wanted is taken as its text.
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

fn policy_input() -> Value {
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
fn json_web_key() -> Value {
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

/// What the JWT of a message is.
const OUTGOING_JWT: &str = "Of a webhook with a policy: a compact JWS (RFC 7515), signed anew for every attempt. Its header \
    is `JwtHeader`, its claims are `JwtClaims`.";

fn jwt_header() -> Value {
    let algorithms: Vec<String> =
        ALGORITHMS.iter().map(|name| if *name == "none" { (*name).to_owned() } else { name.to_uppercase() }).collect();
    closed(&["typ", "alg", "kid"], json!({"typ": {"const": "JWT"}, "alg": {"enum": algorithms}, "kid": uuid()}))
}

fn jwt_claims() -> Value {
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

fn event_input() -> Value {
    let link = json!({"type": ["string", "null"], "format": "uri", "maxLength": 2048});
    let links = json!({
        "type": ["object", "null"],
        "additionalProperties": false,
        "properties": {"canonical": link, "resource": link, "related": link},
    });
    let number = json!({"type": "integer", "minimum": 0});
    closed(
        &["event", "object_id"],
        json!({
            "id": {
                "type": ["string", "number", "null"],
                "minLength": 1,
                "maxLength": 128,
                "pattern": "^[!-~]+$",
                "description": "The idempotency key. Without one the service makes a UUID v7.",
            },
            "account_id": {"type": ["string", "null"], "description": "The token's own account."},
            "event": {"anyOf": [{"enum": EVENT_NAMES.as_slice()}, {"type": "string", "pattern": OWN_TYPE}]},
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

/// Whatever the publisher says.
fn payload() -> Value {
    json!({"type": "object", "additionalProperties": {}, "description": "Reaches the receiver byte for byte."})
}

/// The JSON that is POSTed to an endpoint (section 5).
fn outgoing_body() -> Value {
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

/// The POST that an endpoint gets: headers and body of section 5.
pub(super) fn outgoing_message() -> Value {
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
