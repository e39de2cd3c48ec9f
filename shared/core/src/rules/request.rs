//! The request of an attempt (section 5): its headers in their order and case, and the same with everything secret
//! masked, for records.

use bytes::Bytes;
use jiff::Timestamp;

use super::link_header;
use crate::ids::{DeliveryId, MessageId};
use crate::model::{Attempt, CONTENT_TYPE_HEADER, Delivery, DeliveryTarget, Event, EventHead, WebhookSecrets};
use crate::settings::CoreSettings;
use crate::values::endpoint_uri::MASK;
use crate::values::{EndpointUri, Secret, TraceParent};

/// `Content-Type` of a message.
pub const CONTENT_TYPE: &str = "application/json; charset=utf-8";

/// `Content-Type` of a message to a receiver that takes no charset.
pub const CONTENT_TYPE_WITHOUT_CHARSET: &str = "application/json";

/// What the headers of an attempt say of it.
struct HeaderFacts<'a> {
    delivery: DeliveryId,
    origin: Option<DeliveryId>,
    message: &'a MessageId,
    sent_at: i64,
    event: &'a EventHead,
    trace: Option<TraceParent>,
    omits_charset: bool,
}

/// The headers that are sent. Extra headers of the webhook take the place of ours of the same name.
#[must_use]
pub fn headers(
    settings: &CoreSettings,
    attempt: &Attempt,
    target: &DeliveryTarget,
    secrets: &WebhookSecrets,
    now: Timestamp,
    trace: Option<TraceParent>,
    body: &[u8],
) -> Vec<(String, Secret<String>)> {
    let sent_at = now.as_second();
    let message = &attempt.message;
    let stamp = HeaderFacts {
        delivery: attempt.delivery_id(),
        origin: attempt.redelivery_of,
        message: &message.id,
        sent_at,
        event: &message.event,
        trace,
        omits_charset: target.omits_charset,
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
pub fn recorded_headers(settings: &CoreSettings, delivery: &Delivery, event: &EventHead) -> Vec<(String, String)> {
    let Some(request) = &delivery.request else { return Vec::new() };
    let (of_charset, extra): (Vec<_>, Vec<_>) =
        request.header_names.iter().partition(|name| *name == CONTENT_TYPE_HEADER);
    let stamp = HeaderFacts {
        delivery: delivery.id,
        origin: delivery.redelivery_of,
        message: &delivery.message,
        sent_at: request.sent_at,
        event,
        trace: request.trace,
        omits_charset: !of_charset.is_empty(),
    };
    let with_user = EndpointUri::stored(&request.uri).is_some_and(|uri| uri.has_user());
    let authorization = with_user.then(|| Secret::new(format!("Basic {MASK}")));
    let extra = extra.into_iter().map(|name| (name.clone(), Secret::new(MASK.to_owned())));
    assemble(settings, &stamp, format!("v1,{MASK}"), authorization, extra)
        .into_iter()
        .map(|(name, value)| (name, value.expose().clone()))
        .collect()
}

fn assemble(
    settings: &CoreSettings,
    stamp: &HeaderFacts<'_>,
    signature: String,
    authorization: Option<Secret<String>>,
    extra: impl Iterator<Item = (String, Secret<String>)>,
) -> Vec<(String, Secret<String>)> {
    let HeaderFacts { delivery, origin, message, sent_at, event, trace, omits_charset } = stamp;
    let link = link_header::header(
        &event.links,
        &settings.account_url(&event.account),
        &settings.public_url,
        &event.event,
        event.object_id,
    );
    let mut headers: Vec<(String, Secret<String>)> = Vec::with_capacity(16);
    let mut put = |name: &str, value: String| headers.push((name.to_owned(), Secret::new(value)));
    put(CONTENT_TYPE_HEADER, if *omits_charset { CONTENT_TYPE_WITHOUT_CHARSET } else { CONTENT_TYPE }.to_owned());
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
    if let Some(trace) = trace {
        put("traceparent", trace.to_string());
    }
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
pub fn recorded_body(settings: &CoreSettings, delivery: &Delivery, event: &Event) -> Bytes {
    let data = delivery.message(event).body(settings, &event.payload);
    let Some((jwt, request)) = delivery.request.as_ref().and_then(|request| Some((request.jwt.as_ref()?, request)))
    else {
        return data;
    };
    let claims = jwt.claims(settings, &delivery.account, delivery.webhook, request.sent_at, &data);
    [br#"{"jwt":{"header":"#.as_slice(), &jwt.header(), br#","claims":"#, &claims, b"}}"].concat().into()
}
