//! The request of an attempt (section 5): its headers in their order and case, and the same with everything secret
//! masked, for records.

use base64::Engine as _;
use bytes::Bytes;
use jiff::Timestamp;

use crate::delivery::{Delivery, DeliveryId};
use crate::endpoint_uri::{EndpointUri, MASK};
use crate::event::{Event, EventHead};
use crate::links;
use crate::message::{Attempt, Message, MessageId};
use crate::secret::Secret;
use crate::settings::Settings;
use crate::webhook::{Secrets, Target};

/// `Content-Type` of every message.
pub const CONTENT_TYPE: &str = "application/json; charset=utf-8";

/// What the headers of an attempt say of it.
struct Stamp<'a> {
    delivery: DeliveryId,
    origin: Option<DeliveryId>,
    message: &'a MessageId,
    sent_at: i64,
    event: &'a EventHead,
}

/// The headers that are sent. Extra headers of the webhook take the place of ours of the same name.
#[must_use]
pub fn headers(
    settings: &Settings,
    attempt: &Attempt,
    target: &Target,
    secrets: &Secrets,
    now: Timestamp,
    body: &[u8],
) -> Vec<(String, Secret<String>)> {
    let sent_at = now.as_second();
    let message = &attempt.message;
    let stamp = Stamp {
        delivery: attempt.delivery_id(),
        origin: attempt.redelivery_of,
        message: &message.id,
        sent_at,
        event: &message.event,
    };
    let mut signature = secrets.signing.sign(message.id.as_str(), sent_at, body);
    for old in secrets.retiring.iter().filter(|old| old.until > now) {
        signature.push(' ');
        signature.push_str(&old.secret.sign(message.id.as_str(), sent_at, body));
    }
    let authorization = target.uri.basic_authorization(secrets.uri_password.as_ref());
    let extra = target.header_names.iter().cloned().zip(secrets.header_values.iter().cloned());
    assemble(settings, &stamp, signature, authorization, extra)
}

/// The headers of a recorded attempt, secrets masked.
#[must_use]
pub fn recorded_headers(settings: &Settings, delivery: &Delivery, event: &EventHead) -> Vec<(String, String)> {
    let Some(request) = &delivery.request else { return Vec::new() };
    let stamp = Stamp {
        delivery: delivery.id,
        origin: delivery.redelivery_of,
        message: &delivery.message,
        sent_at: request.sent_at,
        event,
    };
    let with_user = EndpointUri::stored(&request.uri).is_some_and(|uri| uri.has_user());
    let authorization = with_user.then(|| Secret::new(format!("Basic {MASK}")));
    let extra = request.header_names.iter().map(|name| (name.clone(), Secret::new(MASK.to_owned())));
    assemble(settings, &stamp, format!("v1,{MASK}"), authorization, extra)
        .into_iter()
        .map(|(name, value)| (name, value.expose().clone()))
        .collect()
}

fn assemble(
    settings: &Settings,
    stamp: &Stamp<'_>,
    signature: String,
    authorization: Option<Secret<String>>,
    extra: impl Iterator<Item = (String, Secret<String>)>,
) -> Vec<(String, Secret<String>)> {
    let Stamp { delivery, origin, message, sent_at, event } = stamp;
    let link = links::header(
        &event.links,
        &settings.account_url(&event.account),
        &settings.public_url,
        &event.event,
        event.object_id,
    );
    let mut headers: Vec<(String, Secret<String>)> = Vec::with_capacity(16);
    let mut put = |name: &str, value: String| headers.push((name.to_owned(), Secret::new(value)));
    put("Content-Type", CONTENT_TYPE.to_owned());
    put("Accept", "*/*".to_owned());
    put("Accept-Encoding", "identity".to_owned());
    put("User-Agent", settings.user_agent());
    put("Link", link);
    put("X-4me-Delivery", delivery.to_string());
    put("X-Xurrent-Delivery", delivery.to_string());
    if let Some(origin) = origin {
        put("X-4me-Delivery-Origin", origin.to_string());
        put("X-Xurrent-Delivery-Origin", origin.to_string());
    }
    put("Webhook-Id", message.to_string());
    put("Webhook-Timestamp", sent_at.to_string());
    put("Webhook-Signature", signature);
    if let Some(authorization) = authorization {
        headers.push(("Authorization".to_owned(), authorization));
    }
    for (name, value) in extra {
        headers.retain(|(ours, _)| !ours.eq_ignore_ascii_case(&name));
        headers.push((name, value));
    }
    headers
}

/// The body of a recorded message, as it was sent; of a JWT its header and claims, without the signature.
#[must_use]
pub fn recorded_body(settings: &Settings, delivery: &Delivery, event: &Event) -> Bytes {
    let data = recorded_message(delivery, event).body(settings, &event.payload);
    let Some((jwt, request)) = delivery.request.as_ref().and_then(|request| Some((request.jwt.as_ref()?, request)))
    else {
        return data;
    };
    let claims = jwt.claims(settings, &delivery.account, delivery.webhook, request.sent_at, &data);
    [br#"{"jwt":{"header":"#.as_slice(), &jwt.header(), br#","claims":"#, &claims, b"}}"].concat().into()
}

/// The message of a record, put together again from the record and its event.
#[must_use]
pub fn recorded_message(delivery: &Delivery, event: &Event) -> Message {
    Message {
        id: delivery.message.clone(),
        webhook: delivery.webhook,
        webhook_name: delivery.webhook_name.clone(),
        custom_url: delivery.custom_url.clone(),
        kind: delivery.kind,
        event: std::sync::Arc::clone(&event.head),
    }
}

/// Takes everything secret out of a text that an endpoint sent back, and the JWT that it got: an endpoint that echoes our
/// request must not make us store what we masked.
#[must_use]
pub fn scrub(
    text: String,
    secrets: &Secrets,
    authorization: Option<&Secret<String>>,
    token: Option<&Secret<String>>,
) -> String {
    let text = match token {
        Some(token) => without_token(text, token.expose()),
        None => text,
    };
    let mut values: Vec<&str> = Vec::new();
    values.extend(secrets.uri_password.iter().map(|value| value.expose().as_str()));
    values.extend(secrets.header_values.iter().map(|value| value.expose().as_str()));
    values.extend(secrets.code.iter().map(|code| code.value().expose().as_str()));
    values.extend(token.and_then(|token| token.expose().rsplit_once('.')).map(|(_, signature)| signature));
    if let Some(value) = authorization {
        values.push(value.expose());
        values.extend(value.expose().strip_prefix("Basic "));
    }
    // The longest first, so that one that holds another leaves no rest. Values of a character or two would tear holes
    // into every text and are no secrets.
    values.retain(|value| value.len() > 3);
    values.sort_by_key(|value| std::cmp::Reverse(value.len()));
    values.into_iter().fold(text, |text, secret| {
        let encoded = base64::engine::general_purpose::STANDARD.encode(secret);
        let quoted = serde_json::to_string(secret).unwrap_or_default();
        let in_json = quoted.trim_matches('"');
        let percent = percent_encoding::utf8_percent_encode(secret, percent_encoding::NON_ALPHANUMERIC).to_string();
        [secret, &encoded, in_json, &percent]
            .into_iter()
            .fold(text, |text, form| if text.contains(form) { text.replace(form, MASK) } else { text })
    })
}

/// A text without a token, also where it was cut off: its header, which no other token has, and all that goes with it.
fn without_token(text: String, token: &str) -> String {
    let header = token.split_once('.').map_or(token, |(header, _)| header);
    let mut rest = text.as_str();
    let mut clean = String::new();
    while let Some(at) = rest.find(header) {
        let (before, found) = rest.split_at(at);
        clean.push_str(before);
        clean.push_str(MASK);
        let belongs = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '%');
        rest = found.trim_start_matches(belongs);
    }
    if clean.is_empty() { text } else { clean + rest }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::System;

    #[test]
    fn an_echoed_token_is_masked_whole_cut_off_or_in_part() {
        let secrets = Secrets::new(&System);
        let token = Secret::new("eyJraWQiOiIxIn0.eyJkYXRhIjp7fX0.c2lnbmF0dXJl-_".to_owned());
        let scrubbed = |text: &str| scrub(text.to_owned(), &secrets, None, Some(&token));
        for (text, clean) in [
            ("nothing", "nothing"),
            (
                r#"got {"jwt":"eyJraWQiOiIxIn0.eyJkYXRhIjp7fX0.c2lnbmF0dXJl-_"} twice: eyJraWQiOiIxIn0.e, é"#,
                r#"got {"jwt":"***"} twice: ***, é"#,
            ),
            ("eyJraWQiOiIxIn0.eyJkYXRh", "***"),
            ("eyJraWQiOiIxIn0%2EeyJkYXRh", "***"),
            ("signature: c2lnbmF0dXJl-_;", "signature: ***;"),
            ("eyJraWQiOiIyIn0.other", "eyJraWQiOiIyIn0.other"),
        ] {
            assert_eq!(scrubbed(text), clean, "{text}");
        }
        assert_eq!(scrub("eyJraWQiOiIxIn0.x".to_owned(), &secrets, None, None), "eyJraWQiOiIxIn0.x");
    }
}
