//! The input of a webhook (section 3).

use hookline_core::use_cases::attachments::AttachmentInput;
use hookline_core::use_cases::webhooks::draft::WebhookInput;
use hookline_core::values::{Patch, Secret, node_id};
use serde_json::value::RawValue;

use super::object::{JsonObject, text};

/// Parses the input of a webhook. Unknown and read-only fields are ignored.
pub(crate) fn webhook(object: &JsonObject<'_>, domain: &str) -> WebhookInput {
    WebhookInput {
        event: object.text("event"),
        events: object.given("events", texts),
        filter: object.given("filter", |raw| Some(raw.to_owned())),
        uri: object.uri("uri"),
        name: object.text("name"),
        description: object.text("description"),
        description_attachments: object.given("description_attachments", attachments),
        disabled: object.boolean("disabled"),
        mail_exceptions_to: object.text("mail_exceptions_to"),
        webhook_policy_id: object.id("webhook_policy_id", |id| node_id::parse(domain, "WebhookPolicy", id)),
        source: object.text("source"),
        source_id: object.text("sourceID"),
        openid_connect_discovery: object.boolean("openid_connect_discovery"),
        headers: object.given("headers", headers),
    }
}

/// An array of strings.
fn texts(raw: &str) -> Option<Vec<String>> {
    let items: Vec<&RawValue> = serde_json::from_str(raw).ok()?;
    items.into_iter().map(|item| text(item.get())).collect()
}

/// An array of attachments.
fn attachments(raw: &str) -> Option<Vec<AttachmentInput>> {
    let objects: Vec<JsonObject<'_>> = serde_json::from_str(raw).ok()?;
    let input = |object: &JsonObject<'_>| {
        let destroy = match object.boolean("_destroy") {
            Patch::Value(destroy) => destroy,
            Patch::Absent | Patch::Null => false,
            Patch::WrongType => return None,
        };
        Some(AttachmentInput {
            key: object.text("key"),
            filesize: object.given("filesize", |raw| text(raw)?.parse().ok()),
            inline: object.boolean("inline"),
            destroy,
        })
    };
    objects.iter().map(input).collect()
}

/// Extra headers in the order given. Repeated names are kept, so that validation can refuse them.
fn headers(raw: &str) -> Option<Vec<(String, Secret<String>)>> {
    let object: JsonObject<'_> = serde_json::from_str(raw).ok()?;
    object.0.iter().map(|(name, value)| Some((name.to_string(), Secret::new(text(value.get())?)))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_keep_their_order_and_their_repeats() {
        let json = r#"{"headers":{"X-B":"1","X-A":2,"X-B":"***"},"webhook_policy_id":"7","disabled":"true","id":3}"#;
        let input = webhook(&JsonObject::read(json).unwrap(), "hookline");
        let pairs: Vec<(String, String)> =
            input.headers.value().unwrap().iter().map(|(name, value)| (name.clone(), value.expose().clone())).collect();
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(pairs, [pair("X-B", "1"), pair("X-A", "2"), pair("X-B", "***")]);
        assert_eq!((input.webhook_policy_id, input.disabled), (Patch::Value(7), Patch::Value(true)));
        assert_eq!((input.event, input.source_id), (Patch::Absent, Patch::Absent));
        for bad in [r#"{"headers":[]}"#, r#"{"headers":{"a":{}}}"#, r#"{"headers":{"a":null}}"#, r#"{"headers":"x"}"#] {
            assert_eq!(webhook(&JsonObject::read(bad).unwrap(), "hookline").headers, Patch::WrongType, "{bad}");
        }
    }
}
