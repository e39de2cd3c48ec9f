//! A waiting attempt as it is stored: only what does not follow from its event and webhook.
//!
//! The event is stored anyway, so the row repeats neither its head nor its payload nor the message id. A waiting first
//! attempt takes about 50 bytes. An attempt without a stored event (a test) contains all of it.

use std::sync::Arc;

use bytes::Bytes;
use hookline_core::ids::{DeliveryId, MessageId, WebhookId};
use hookline_core::model::{Attempt, Event, EventHead, Message, MessageKind, Payload};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::values::{millis, time};
use crate::store::sqlite::errors::corrupt;

#[derive(Serialize, Deserialize)]
struct AttemptRow<'a> {
    #[serde(rename = "n")]
    name: std::borrow::Cow<'a, str>,
    #[serde(rename = "d")]
    due_at: i64,
    #[serde(rename = "c", skip_serializing_if = "Option::is_none", default)]
    custom_url: Option<std::borrow::Cow<'a, str>>,
    #[serde(rename = "k", skip_serializing_if = "Option::is_none", default)]
    kind: Option<MessageKind>,
    #[serde(rename = "i", skip_serializing_if = "Option::is_none", default)]
    id: Option<MessageId>,
    #[serde(rename = "r", skip_serializing_if = "Option::is_none", default)]
    run: Option<(u64, i64)>,
    #[serde(rename = "a", skip_serializing_if = "Option::is_none", default)]
    number: Option<u8>,
    #[serde(rename = "t", skip_serializing_if = "Option::is_none", default)]
    retry_of: Option<DeliveryId>,
    #[serde(rename = "o", skip_serializing_if = "Option::is_none", default)]
    redelivery_of: Option<DeliveryId>,
    #[serde(rename = "h", skip_serializing_if = "is_zero", default)]
    hops: u16,
    #[serde(rename = "e", skip_serializing_if = "Option::is_none", default)]
    event: Option<EventHead>,
    #[serde(rename = "p", borrow, skip_serializing_if = "Option::is_none", default)]
    payload: Option<&'a RawValue>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(hops: &u16) -> bool {
    *hops == 0
}

/// Encodes an attempt; `stored` says whether its event is stored.
pub(crate) fn encode(attempt: &Attempt, stored: bool) -> String {
    let Attempt { message, payload, run, run_began_at, number, due_at, retry_of, redelivery_of, hops } = attempt;
    let Message { id, webhook, webhook_name, custom_url, kind, event } = message;
    let derived = MessageId::derive(&event.account, &event.id, event.accepted_at, *webhook) == *id;
    let ticket = AttemptRow {
        name: webhook_name.as_str().into(),
        due_at: millis(*due_at),
        custom_url: custom_url.as_deref().map(Into::into),
        kind: (*kind != MessageKind::Event).then_some(*kind),
        id: (!derived).then(|| id.clone()),
        run: (*run != 0 || *run_began_at != event.accepted_at).then(|| (*run, millis(*run_began_at))),
        number: (*number != 1).then_some(*number),
        retry_of: *retry_of,
        redelivery_of: *redelivery_of,
        hops: *hops,
        event: (!stored).then(|| EventHead::clone(event)),
        payload: payload.as_ref().filter(|_| !stored).map(Payload::as_raw),
    };
    serde_json::to_string(&ticket).expect("strings, numbers and valid JSON always become JSON")
}

/// Decodes an attempt for a webhook; `None` if its event is no longer stored.
pub(crate) fn decode(text: &str, webhook: WebhookId, stored: Option<Event>) -> rusqlite::Result<Option<Attempt>> {
    let ticket: AttemptRow<'_> = serde_json::from_str(text).map_err(|_| corrupt("waiting attempt"))?;
    let own = ticket.payload.map(|raw| Payload::from_valid_json(Bytes::copy_from_slice(raw.get().as_bytes())));
    let (event, payload) = match (ticket.event, stored) {
        (Some(event), _) => (Arc::new(event), own),
        (None, Some(Event { head, payload })) => (head, Some(payload)),
        (None, None) => return Ok(None),
    };
    let id = ticket.id.unwrap_or_else(|| MessageId::derive(&event.account, &event.id, event.accepted_at, webhook));
    let (run, run_began_at) = match ticket.run {
        Some((run, began)) => (run, time(began)?),
        None => (0, event.accepted_at),
    };
    Ok(Some(Attempt {
        message: Message {
            id,
            webhook,
            webhook_name: ticket.name.into_owned(),
            custom_url: ticket.custom_url.map(std::borrow::Cow::into_owned),
            kind: ticket.kind.unwrap_or(MessageKind::Event),
            event,
        },
        payload,
        run,
        run_began_at,
        number: ticket.number.unwrap_or(1),
        due_at: time(ticket.due_at)?,
        retry_of: ticket.retry_of,
        redelivery_of: ticket.redelivery_of,
        hops: ticket.hops,
    }))
}
