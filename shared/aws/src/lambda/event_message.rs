//! Messages of the events queue (section 4): an event that `POST /events` accepted, an event from a publisher, or an
//! EventBridge event in its envelope.
//!
//! The last two are accepted here. Their time of acceptance is when the message was sent, so that SQS can repeat the
//! message without creating another event, even if the publisher gave it no id.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use hookline_core::errors::{PortResult, UseCaseError};
use hookline_core::model::{Event, EventHead, Payload};
use hookline_core::ports::PublishedBy;
use hookline_core::rules::RejectedEvent;
use hookline_core::service::Service;
use hookline_core::use_cases::publish;
use hookline_core::values::{Clock, Entropy};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use super::source_queue::ReceivedMessage;
use crate::queues;

/// A decoded message.
#[derive(Debug)]
pub(super) enum DecodedEvent {
    /// An accepted event.
    Event {
        event: Event,
        /// How it came, unless a call of the API published it.
        by: Option<PublishedBy>,
    },
    /// The message cannot be decoded. The text is the reason.
    Refused(String),
}

/// The fields that tell the three kinds of messages apart.
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

/// Decodes a message of the events queue.
pub(super) async fn read(service: &Service, message: &ReceivedMessage, now: Timestamp) -> PortResult<DecodedEvent> {
    let Some(text) = queues::decode_body(&message.body) else {
        return Ok(DecodedEvent::Refused("the body is neither JSON nor base64".to_owned()));
    };
    let envelope: EventEnvelope<'_> = match serde_json::from_str(&text) {
        Ok(envelope) => envelope,
        Err(error) => return Ok(DecodedEvent::Refused(format!("not an event: {error}"))),
    };
    if envelope.accepted_at.is_some()
        && let Some(event) = accepted(&text, envelope.payload)
    {
        return Ok(DecodedEvent::Event { event, by: None });
    }
    let (by, raw) = if let (Some(name), Some(detail)) = (envelope.detail_type, envelope.detail) {
        (PublishedBy::Bus, unwrapped(name, envelope.id, detail))
    } else {
        let raw = serde_json::from_str::<Box<RawValue>>(&text).map_err(|error| error.to_string());
        (PublishedBy::Queue, raw)
    };
    let raw = match raw {
        Ok(raw) => raw,
        Err(reason) => return Ok(DecodedEvent::Refused(reason)),
    };
    // The message decides time and randomness, so that every repeat of it yields the same event.
    let message_clock = MessageClock { sent_at: message.sent_at.unwrap_or(now).min(now), id: message.id.clone() };
    let message_clock = Arc::new(message_clock);
    let service = Service { clock: message_clock.clone(), entropy: message_clock, ..service.clone() };
    let event = match publish::read(&service, &raw, None).await {
        Ok((event, warnings)) => {
            if !warnings.is_empty() {
                let (account, event) = (event.head.account.as_str(), event.head.event.as_str());
                tracing::warn!(account, event, "payload does not fit the schema of its event type");
            }
            event
        }
        Err(RejectedEvent { error: UseCaseError::Fault(fault), .. }) => return Err(fault),
        Err(refused) => return Ok(DecodedEvent::Refused(reason(&refused.error))),
    };
    // The message carries no token, so the account has not been checked yet.
    Ok(match service.accounts.account(&event.head.account).await? {
        None => DecodedEvent::Refused("there is no such account".to_owned()),
        Some(account) if account.disabled => DecodedEvent::Refused("the account is disabled".to_owned()),
        Some(_) => DecodedEvent::Event { event, by: Some(by) },
    })
}

/// Decodes an event that [`encode_event`](hookline_core::model::event::encode_event) encoded.
fn accepted(text: &str, payload: Option<&RawValue>) -> Option<Event> {
    let head: EventHead = serde_json::from_str(text).ok()?;
    let payload = payload.filter(|payload| payload.get().starts_with('{'))?;
    let payload = Payload::from_valid_json(Bytes::copy_from_slice(payload.get().as_bytes()));
    Some(Event { head: Arc::new(head), payload })
}

/// Unwraps the envelope of EventBridge: `detail-type` holds the event's name, `detail` everything else.
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

/// Describes in one line why an event was rejected.
fn reason(error: &UseCaseError) -> String {
    match error {
        UseCaseError::Invalid(problems) => {
            let sentences: Vec<&str> = problems.pairs().iter().map(|(_, sentence)| sentence.as_str()).collect();
            sentences.join("; ")
        }
        UseCaseError::NotFound
        | UseCaseError::Forbidden
        | UseCaseError::Conflict
        | UseCaseError::PreconditionFailed
        | UseCaseError::TooLarge
        | UseCaseError::Fault(_) => error.to_string(),
    }
}

/// Time and randomness that are equal for every repeat of a message.
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
    use hookline_core::model::event::encode_event;
    use hookline_core::rules::event_input;

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
        let event = event_input::parse(&raw(text), None, &[], at, &of("m")).unwrap();
        let text = encode_event(&event);
        let envelope: EventEnvelope<'_> = serde_json::from_str(&text).unwrap();
        assert!(envelope.accepted_at.is_some());
        assert_eq!(accepted(&text, envelope.payload).unwrap(), event);
    }

    #[test]
    fn an_event_without_an_id_gets_the_same_one_every_time() {
        let at = Timestamp::from_millisecond(1_795_599_000_123).unwrap();
        let text = raw(r#"{"account_id":"wdc","event":"request.create","object_id":7}"#);
        let id = |message: &str| event_input::parse(&text, None, &[], at, &of(message)).unwrap().head.id.clone();
        assert_eq!(id("one"), id("one"));
        assert_ne!(id("one"), id("two"));
    }

    #[test]
    fn an_envelope_is_opened() {
        let detail = raw(r#"{"account_id":"wdc","object_id":7,"payload":{"z":1,"a":2}}"#);
        let opened = unwrapped("request.create".to_owned(), Some("bridge-id".into()), &detail).unwrap();
        let event = event_input::parse(&opened, None, &[], Timestamp::UNIX_EPOCH, &of("m")).unwrap();
        assert_eq!((event.head.id.as_str(), event.head.event.as_str()), ("bridge-id", "request.create"));
        assert_eq!(event.payload.as_bytes().as_ref(), br#"{"z":1,"a":2}"#);
        let own = raw(r#"{"id":"mine","event":"risk.create","account_id":"wdc","object_id":7}"#);
        let opened = unwrapped("request.create".to_owned(), Some("bridge-id".into()), &own).unwrap();
        let event = event_input::parse(&opened, None, &[], Timestamp::UNIX_EPOCH, &of("m")).unwrap();
        assert_eq!((event.head.id.as_str(), event.head.event.as_str()), ("mine", "request.create"));
        assert!(unwrapped("x".to_owned(), None, &raw("[]")).is_err());
    }
}
