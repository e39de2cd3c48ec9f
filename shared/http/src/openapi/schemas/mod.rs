//! The schemas. Those of records are generated from the resources' tables of fields.

mod attachments;
mod console_links;
mod counts;
mod event;
mod event_type;
mod kinds;
mod message;
mod policy;
mod record;
mod redelivery;
mod webhook;

use hookline_core::rules::MatchReason;
use serde_json::{Map, Value, json};

use self::attachments::{attachment_key, attachment_storage, attachment_upload, attachments};
use self::console_links::{console_link, console_link_input, console_token};
use self::counts::hourly_counts;
use self::event::{event_input, sampled_events};
use self::event_type::{event_type_changes, event_type_input, example_payload, json_schema};
pub(super) use self::kinds::{BOOLEAN_WORDS, CURSOR, reference, time};
use self::kinds::{action_boolean, closed, errors, id, input, text, uri, uuid};
pub(super) use self::message::outgoing_message;
use self::message::{OUTGOING_JWT, jwt_claims, jwt_header, outgoing_body};
use self::policy::{json_web_key, policy_changes, policy_input};
use self::record::record;
use self::redelivery::{outcomes, redelivery_asked, redelivery_input};
use self::webhook::{content_filter, subscribed_events, webhook_changes, webhook_input};
use crate::views::audit::AUDIT_ENTRY;
use crate::views::delivery::DELIVERY;
use crate::views::endpoint_host::ENDPOINT_HOST;
use crate::views::event::EVENT;
use crate::views::event_type::EVENT_TYPE;
use crate::views::policy::{MADE, POLICY};
use crate::views::redelivery::REDELIVERY;
use crate::views::webhook::WEBHOOK;

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
    put("AppOfferingReferences", json!({"type": "array", "items": {}, "maxItems": 0, "description": "Always empty."}));
    put("Attachments", attachments());
    put("AttachmentStorage", attachment_storage());
    put("AttachmentUpload", attachment_upload());
    put("AttachmentKey", closed(&["key"], json!({"key": attachment_key()})));
    put("Deliveries", json!({"type": "array", "items": reference("Delivery")}));
    put("HourlyCounts", hourly_counts());
    put("Counts", json!({"type": "array", "items": reference("HourlyCounts")}));
    put("EndpointHosts", json!({"type": "array", "items": reference("EndpointHost")}));
    put("Outcomes", outcomes());
    put("RedeliveryInput", redelivery_input());
    put("RedeliveryAsked", redelivery_asked());
    put("WebhookInput", webhook_input());
    put("WebhookChanges", webhook_changes());
    put("WebhookPolicies", json!({"type": "array", "items": reference("WebhookPolicy")}));
    put("WebhookPolicyInput", policy_input());
    put("WebhookPolicyChanges", policy_changes());
    put(
        "RotationInput",
        input(
            &[],
            json!({
                "now": action_boolean("For emergencies: with discovery the key signs at once, not after 2 hours."),
                "activate": action_boolean("No new key: the newest signs for webhooks without discovery from now on."),
            }),
        ),
    );
    put("OpenIdConfiguration", closed(&["issuer", "jwks_uri"], json!({"issuer": uri(), "jwks_uri": uri()})));
    put("JsonWebKeySet", closed(&["keys"], json!({"keys": {"type": "array", "items": reference("JsonWebKey")}})));
    put("JsonWebKey", json_web_key());
    put("EventInput", event_input());
    put("EventTypes", json!({"type": "array", "items": reference("EventType")}));
    put("EventTypeInput", event_type_input());
    put("EventTypeChanges", event_type_changes());
    put("JsonSchema", json_schema());
    put("ExamplePayload", example_payload());
    let why = json!({"type": "string", "enum": MatchReason::ALL.map(MatchReason::as_str)});
    let mismatch = json!({"field": text(), "expected": text(), "found": {"type": ["string", "null"]}});
    let mismatch = closed(&["field", "expected", "found"], mismatch);
    put("SampledEvents", sampled_events(&[], json!({})));
    let tried = json!({"matches": {"type": "boolean"}, "mismatch": mismatch});
    put("FilterPreview", sampled_events(&["matches"], tried));
    put("FilterPreviewInput", input(&["filter"], json!({"filter": content_filter(&json!("object"))})));
    let webhook = json!({"anyOf": [reference("Reference"), closed(&["id"], json!({"id": {"type": "integer"}}))]});
    let line = json!({"webhook": webhook, "matches": {"type": "boolean"}, "why": why, "mismatch": mismatch});
    put("Explanations", json!({"type": "array", "items": closed(&["webhook", "matches", "why"], line)}));
    let credentials = json!({
        "grant_type": {"type": "string", "const": "client_credentials"},
        "client_id": {"type": "string", "format": "uuid", "description": "The id that `hookline token list` shows."},
        "client_secret": {"type": "string", "minLength": 1, "description": "That token itself."},
    });
    put("ClientCredentials", input(&["grant_type", "client_id", "client_secret"], credentials));
    let seconds = json!({"type": "integer", "minimum": 0, "maximum": 3600});
    let token =
        json!({"access_token": text(), "token_type": {"type": "string", "const": "Bearer"}, "expires_in": seconds});
    put("AccessToken", closed(&["access_token", "token_type", "expires_in"], token));
    let error = json!({"type": "string", "enum": ["invalid_request", "invalid_client", "invalid_grant", "unsupported_grant_type"]});
    put("OAuthError", closed(&["error"], json!({"error": error})));
    put("ConsoleLinkInput", console_link_input());
    put("ConsoleLink", console_link());
    put(
        "ConsoleLinkCode",
        input(&["code"], json!({"code": {"type": "string", "minLength": 1, "description": "From the link."}})),
    );
    put("ConsoleToken", console_token());
    put("Message", closed(&["message"], json!({"message": text()})));
    put("ValidationFailed", closed(&["message", "errors"], json!({"message": text(), "errors": errors()})));
    let repeated = json!({"type": "boolean", "description": "Present and true if it was accepted before."});
    let line = closed(
        &[],
        json!({"id": text(), "repeated": repeated, "warnings": errors(), "message": text(), "errors": errors()}),
    );
    put("PublishedEvent", line);
    let lines = json!({"type": "array", "items": reference("PublishedEvent")});
    put(
        "Published",
        json!({"oneOf": [closed(&["id"], json!({"id": text(), "repeated": repeated, "warnings": errors()})), lines]}),
    );
    put("NotPublished", json!({"oneOf": [reference("ValidationFailed"), lines]}));
    put("Secret", closed(&["secret"], json!({"secret": {"type": "string", "pattern": "^whsec_[A-Za-z0-9+/]+=*$"}})));
    put("Empty", closed(&[], json!({})));
    put("Health", closed(&["status"], json!({"status": {"type": "string", "const": "ok"}})));
    put("OpenApi", json!({"type": "object", "additionalProperties": {}, "required": ["openapi", "info", "paths"]}));
    put(
        "Reference",
        closed(
            &["id", "name", "nodeID"],
            json!({"id": id(), "name": text(), "nodeID": text(), "disabled": {"type": "boolean", "description": "Present only if it is true."}}),
        ),
    );
    put("DeliveryReference", closed(&["id"], json!({"id": uuid()})));
    put("Headers", json!({"type": "object", "additionalProperties": text()}));
    put("SubscribedEvents", subscribed_events());
    put("ContentFilter", json!({"type": "object", "additionalProperties": true}));
    put("MaskedHeaders", json!({"type": "object", "additionalProperties": {"type": "string", "const": "***"}}));
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
                "note": {"type": "string", "description": "Only if the request was sent again on a new connection."},
            }),
        ),
    );
    let optional = |name: &str| json!({"oneOf": [reference(name), {"type": "null"}]});
    let text_or_null = || json!({"type": ["string", "null"]});
    let tls = closed(
        &["version", "certificate_expires_at"],
        json!({
            "version": {"type": ["string", "null"], "enum": ["TLSv1.2", "TLSv1.3", null]},
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

/// The changes of an audit entry.
fn changes() -> Value {
    json!({
        "type": "object",
        "description": "By field: the old value and the new one. Secrets appear only as `changed`.",
        "additionalProperties": {"type": "array", "items": {}, "minItems": 2, "maxItems": 2},
    })
}
