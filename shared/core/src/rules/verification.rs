//! What an endpoint may get before it is verified, and the message that asks it for its code (section 6).

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::json;

use crate::ids::{AccountId, EventId, WebhookId};
use crate::model::{
    CodeStamp, Delivery, DeliveryTarget, Event, EventHead, EventName, Links, Message, MessageKind, Payload, Subscriber,
    WebhookSecrets,
};
use crate::settings::{CoreSettings, VerificationMode};
use crate::values::endpoint_uri::MASK;

/// Where verification is not required, every subscriber counts as verified.
pub(crate) fn waive(settings: &CoreSettings, subscribers: &mut [Subscriber]) {
    match settings.verification {
        VerificationMode::Off => subscribers.iter_mut().for_each(|subscriber| subscriber.verified = true),
        VerificationMode::Required => {}
    }
}

/// Why a message may not go to its webhook's endpoint, as far as verification goes; `None` if it may.
pub(crate) fn objection(settings: &CoreSettings, kind: MessageKind, target: &DeliveryTarget) -> Option<&'static str> {
    match kind {
        MessageKind::Event | MessageKind::Test => {
            (!settings.verification.is_satisfied_by(target.verified)).then_some("Webhook not verified")
        }
        MessageKind::Verify => target.verified.then_some("Webhook verified"),
    }
}

/// The payload of a verify message at the moment of sending, with the code in it; or why it is not sent.
pub(crate) fn payload(
    settings: &CoreSettings,
    message: &Message,
    secrets: &WebhookSecrets,
    now: Timestamp,
) -> Result<Payload, &'static str> {
    let asked = CodeStamp::of(&message.event.id);
    let Some(code) = secrets.code.as_ref().filter(|code| asked == Some(code.stamp())) else {
        return Err("Code superseded");
    };
    if code.has_expired(now) {
        return Err("Code expired");
    }
    Ok(callback(settings, message.account(), message.webhook, code.value().expose(), code.stamp().expires_at))
}

/// The event of a verify message that was recorded, the code masked. It is stored nowhere: all of it follows from the
/// record.
#[must_use]
pub fn recorded_event(settings: &CoreSettings, delivery: &Delivery) -> Event {
    let Delivery { account, webhook, event_id, created_at, .. } = delivery;
    let expires_at = CodeStamp::of(event_id).map_or(0, |stamp| stamp.expires_at);
    Event {
        head: Arc::new(head(account.clone(), *webhook, event_id.clone(), *created_at)),
        payload: callback(settings, account, *webhook, MASK, expires_at),
    }
}

fn callback(settings: &CoreSettings, account: &AccountId, id: WebhookId, code: &str, expires_at: i64) -> Payload {
    let account_url = settings.account_url(account);
    let url = format!("{account_url}/webhooks/{id}/verify?code={code}&expires_at={expires_at}");
    Payload::from_valid_json(Bytes::from(json!({ "callback": url }).to_string()))
}

/// The event of a verify message: its object is the webhook.
pub(crate) fn head(account: AccountId, webhook: WebhookId, id: EventId, accepted_at: Timestamp) -> EventHead {
    EventHead {
        id,
        account,
        event: EventName::verify(),
        object_id: webhook.0.cast_signed(),
        object_type: "Webhook".to_owned(),
        person_id: None,
        person_name: None,
        links: Links::default(),
        webhook: None,
        trace: None,
        accepted_at,
    }
}
