//! What arrives on the events queue (section 4): an event that `POST /events` accepted, an event that a publisher sent
//! itself, or an event of EventBridge in its envelope.
//!
//! The last two are accepted here: at the moment when they were put on the queue, so that a repeat of the queue is the
//! same event, also when its publisher gave it no id.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use hookline_core::clock::{Clock, Entropy};
use hookline_core::event::{Event, EventHead, Payload};
use hookline_core::ports::{Answer, Service};
use hookline_core::problems::Error;
use hookline_core::publish;
use hookline_core::publish::Refused;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use super::source_queue::ReceivedMessage;
use crate::queues;

/// What a message turned out to be.
#[derive(Debug)]
pub(super) enum DecodedEvent {
    /// An event that is accepted.
    Event(Event),
    /// It cannot be understood, and why.
    Refused(String),
}

/// What tells the three forms apart.
#[derive(Deserialize)]
struct EventEnvelope<'a> {
    #[serde(borrow, default)]
    accepted_at: Option<&'a RawValue>,
    #[serde(rename = "detail-type", default)]
    detail_type: Option<String>,
    #[serde(default)]
    id: Option<serde_json::Value>,
    #[serde(borrow, default)]
    detail: Option<&'a RawValue>,
    #[serde(borrow, default)]
    payload: Option<&'a RawValue>,
}

/// Reads a message of the events queue.
pub(super) async fn read(service: &Service, message: &ReceivedMessage, now: Timestamp) -> Answer<DecodedEvent> {
    let Some(text) = queues::decode_body(&message.body) else {
        return Ok(DecodedEvent::Refused("neither JSON nor base64 of it".to_owned()));
    };
    let form: EventEnvelope<'_> = match serde_json::from_str(&text) {
        Ok(form) => form,
        Err(error) => return Ok(DecodedEvent::Refused(format!("no event: {error}"))),
    };
    if form.accepted_at.is_some()
        && let Some(event) = accepted(&text, form.payload)
    {
        return Ok(DecodedEvent::Event(event));
    }
    let raw = match (form.detail_type, form.detail) {
        (Some(name), Some(detail)) => unwrapped(name, form.id, detail),
        (_, _) => serde_json::from_str::<Box<RawValue>>(&text).map_err(|error| error.to_string()),
    };
    let raw = match raw {
        Ok(raw) => raw,
        Err(reason) => return Ok(DecodedEvent::Refused(reason)),
    };
    // Accepted when it was put on the queue, with chance that is the same for every repeat.
    let of_message = MessageClock { sent_at: message.sent_at.unwrap_or(now).min(now), id: message.id.clone() };
    let of_message = Arc::new(of_message);
    let service = Service { clock: of_message.clone(), entropy: of_message, ..service.clone() };
    let event = match publish::read(&service, &raw, None).await {
        Ok(event) => event,
        Err(Refused { error: Error::Fault(fault), .. }) => return Err(fault),
        Err(refused) => return Ok(DecodedEvent::Refused(reason(&refused.error))),
    };
    // Nobody has asked for a token here, so the account is looked at.
    Ok(match service.accounts.account(&event.head.account).await? {
        None => DecodedEvent::Refused("there is no such account".to_owned()),
        Some(account) if account.disabled => DecodedEvent::Refused("the account is disabled".to_owned()),
        Some(_) => DecodedEvent::Event(event),
    })
}

/// An event as [`hookline_core::message::encode_event`] wrote it.
fn accepted(text: &str, payload: Option<&RawValue>) -> Option<Event> {
    let head: EventHead = serde_json::from_str(text).ok()?;
    let payload = payload.filter(|payload| payload.get().starts_with('{'))?;
    let payload = Payload::from_valid_json(Bytes::copy_from_slice(payload.get().as_bytes()));
    Some(Event { head: Arc::new(head), payload })
}

/// The event of EventBridge's envelope: `detail-type` is its name, `detail` the rest.
fn unwrapped(name: String, id: Option<serde_json::Value>, detail: &RawValue) -> Result<Box<RawValue>, String> {
    let mut fields: BTreeMap<String, Box<RawValue>> =
        serde_json::from_str(detail.get()).map_err(|error| format!("detail: {error}"))?;
    let text = |value: serde_json::Value| serde_json::value::to_raw_value(&value).map_err(|error| error.to_string());
    fields.insert("event".to_owned(), text(name.into())?);
    if let (false, Some(id)) = (fields.contains_key("id"), id) {
        fields.insert("id".to_owned(), text(id)?);
    }
    serde_json::value::to_raw_value(&fields).map_err(|error| error.to_string())
}

/// Why an event was refused, in a line.
fn reason(error: &Error) -> String {
    match error {
        Error::Invalid(problems) => {
            let sentences: Vec<&str> = problems.pairs().iter().map(|(_, sentence)| sentence.as_str()).collect();
            sentences.join("; ")
        }
        Error::NotFound | Error::Forbidden | Error::PreconditionFailed | Error::TooLarge | Error::Fault(_) => {
            error.to_string()
        }
    }
}

/// Time and chance that are the same for every repeat of a message.
struct MessageClock {
    sent_at: Timestamp,
    id: String,
}

impl Clock for MessageClock {
    fn now(&self) -> Timestamp {
        self.sent_at
    }
}

impl Entropy for MessageClock {
    fn fill(&self, bytes: &mut [u8]) {
        let hash = Sha256::digest(&self.id);
        for (byte, chance) in bytes.iter_mut().zip(hash.iter().cycle()) {
            *byte = *chance;
        }
    }
}

#[cfg(test)]
mod tests {
    use hookline_core::message::encode_event;

    use super::*;

    fn of(message: &str) -> MessageClock {
        MessageClock { sent_at: Timestamp::UNIX_EPOCH, id: message.to_owned() }
    }

    fn raw(text: &str) -> Box<RawValue> {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn an_accepted_event_comes_back_whole() {
        let at = Timestamp::from_millisecond(1_795_599_000_123).unwrap();
        let text =
            r#"{"id":"e","account_id":"wdc","event":"request.create","object_id":7,"payload":{"b":1e400, "a":"Ж"}}"#;
        let event = publish::parse(&raw(text), None, &[], at, &of("m")).unwrap();
        let text = encode_event(&event);
        let form: EventEnvelope<'_> = serde_json::from_str(&text).unwrap();
        assert!(form.accepted_at.is_some());
        assert_eq!(accepted(&text, form.payload).unwrap(), event);
    }

    #[test]
    fn an_event_without_an_id_gets_the_same_one_every_time() {
        let at = Timestamp::from_millisecond(1_795_599_000_123).unwrap();
        let text = raw(r#"{"account_id":"wdc","event":"request.create","object_id":7}"#);
        let id = |message: &str| publish::parse(&text, None, &[], at, &of(message)).unwrap().head.id.clone();
        assert_eq!(id("one"), id("one"));
        assert_ne!(id("one"), id("two"));
    }

    #[test]
    fn an_envelope_is_opened() {
        let detail = raw(r#"{"account_id":"wdc","object_id":7,"payload":{"z":1,"a":2}}"#);
        let opened = unwrapped("request.create".to_owned(), Some("bridge-id".into()), &detail).unwrap();
        let event = publish::parse(&opened, None, &[], Timestamp::UNIX_EPOCH, &of("m")).unwrap();
        assert_eq!((event.head.id.as_str(), event.head.event.as_str()), ("bridge-id", "request.create"));
        assert_eq!(event.payload.as_bytes().as_ref(), br#"{"z":1,"a":2}"#);
        let own = raw(r#"{"id":"mine","event":"risk.create","account_id":"wdc","object_id":7}"#);
        let opened = unwrapped("request.create".to_owned(), Some("bridge-id".into()), &own).unwrap();
        let event = publish::parse(&opened, None, &[], Timestamp::UNIX_EPOCH, &of("m")).unwrap();
        assert_eq!((event.head.id.as_str(), event.head.event.as_str()), ("mine", "request.create"));
        assert!(unwrapped("x".to_owned(), None, &raw("[]")).is_err());
    }
}
