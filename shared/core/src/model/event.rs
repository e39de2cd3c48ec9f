//! Events: something that happened upstream (section 4).

use std::fmt;

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::account::Account;
use super::links::Links;
use crate::ids::{AccountId, EventId};
use crate::values::{TraceParent, node_id};

/// The 77 events of the original, in the order in which they are documented.
pub const EVENT_NAMES: [&str; 77] = include!("event_names.in");

/// The event of a verify message. Reserved: it cannot be published or subscribed to.
pub const VERIFY: &str = "webhook.verify";

/// The event that is sent to the one webhook it names, and that no pattern matches.
pub const AUTOMATION_RULE: &str = "automation_rule";

/// The object of a test (section 3).
pub const TEST_OBJECT_ID: i64 = 12345;

/// Name of an event: one of [`EVENT_NAMES`], or an account's own type.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventName(Box<str>);

impl EventName {
    /// One of the 77 events, matched exactly.
    #[must_use]
    pub fn builtin(text: &str) -> Option<Self> {
        EVENT_NAMES.contains(&text).then(|| Self(text.into()))
    }

    /// A name in the form of an account's own types: `^[a-z][a-z0-9_]*(\.[a-z0-9_-]+)?$`, at most 128 characters,
    /// not reserved. Whether the account has that type is for the caller to find out.
    #[must_use]
    pub fn own_type(text: &str) -> Option<Self> {
        let word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let (noun, verb) = match text.split_once('.') {
            Some((noun, verb)) => (noun, Some(verb)),
            None => (text, None),
        };
        let noun_ok = noun.as_bytes().first().is_some_and(u8::is_ascii_lowercase) && noun.bytes().all(word);
        let verb_ok = verb.is_none_or(|verb| !verb.is_empty() && verb.bytes().all(|byte| word(byte) || byte == b'-'));
        (noun_ok && verb_ok && text.len() <= 128 && text != VERIFY).then(|| Self(text.into()))
    }

    /// The event of a verify message.
    #[must_use]
    pub fn verify() -> Self {
        Self(VERIFY.into())
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What the event is about: `request` in `request.create`.
    #[must_use]
    pub fn noun(&self) -> &str {
        self.0.split_once('.').map_or(&*self.0, |(noun, _)| noun)
    }
}

impl fmt::Display for EventName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The publisher's own JSON text of `payload`, which reaches the receiver byte for byte. Always a JSON object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload(Bytes);

impl Payload {
    /// Takes the text of a JSON object, known to be valid.
    #[must_use]
    pub fn from_valid_json(text: Bytes) -> Self {
        Self(text)
    }

    /// The payload of an event without one, and of a test.
    #[must_use]
    pub fn empty() -> Self {
        Self(Bytes::from_static(b"{}"))
    }

    /// The JSON text.
    #[must_use]
    pub fn as_bytes(&self) -> &Bytes {
        &self.0
    }

    /// The JSON text, for an encoder that passes it through.
    #[must_use]
    pub fn as_raw(&self) -> &serde_json::value::RawValue {
        serde_json::from_slice(&self.0).expect("a payload is valid JSON")
    }
}

/// An event without its payload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventHead {
    /// Its idempotency key.
    pub id: EventId,
    /// Whose it is.
    pub account: AccountId,
    /// What happened.
    pub event: EventName,
    /// The id of the object that it happened to.
    pub object_id: i64,
    /// The type of that object: the publisher's, else the noun in CamelCase.
    pub object_type: String,
    /// Who did it; `None` for system events.
    pub person_id: Option<i64>,
    /// That person's name.
    pub person_name: Option<String>,
    /// The publisher's links.
    #[serde(default)]
    pub links: Links,
    /// Name or id of the one webhook that is meant; `automation_rule` only.
    pub webhook: Option<String>,
    /// The trace that it belongs to: the span that published it, or what the publisher gave.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub trace: Option<TraceParent>,
    /// When it was accepted.
    pub accepted_at: Timestamp,
}

impl EventHead {
    /// True if an event with the same id is this event published again: its name and object are the same.
    #[must_use]
    pub fn repeats(&self, first: &Self) -> bool {
        self.event == first.event && self.object_id == first.object_id && self.object_type == first.object_type
    }

    /// The object type of an event whose publisher names none.
    #[must_use]
    pub fn default_object_type(event: &EventName) -> String {
        node_id::camel_case(event.noun())
    }
}

/// An event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// All but the payload.
    pub head: std::sync::Arc<EventHead>,
    /// The payload.
    pub payload: Payload,
}

/// An event as the text of a message on the events queue.
///
/// # Panics
/// Never: the parts are valid JSON.
#[must_use]
pub fn encode_event(event: &Event) -> String {
    let head = serde_json::to_string(&*event.head).expect("strings and numbers always become JSON");
    let payload = event.payload.as_raw().get();
    format!("{},\"payload\":{payload}}}", &head[..head.len() - 1])
}

/// The event of a test.
#[must_use]
pub fn test_event(account: &Account, event: EventName, id: EventId, accepted_at: Timestamp) -> EventHead {
    EventHead {
        id,
        account: account.id.clone(),
        object_id: TEST_OBJECT_ID,
        object_type: EventHead::default_object_type(&event),
        event,
        person_id: None,
        person_name: None,
        links: Links::default(),
        webhook: None,
        trace: None,
        accepted_at,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert_eq!(EVENT_NAMES.len(), 77);
        assert_eq!(EventName::builtin("request.create").unwrap().noun(), "request");
        assert_eq!(EventName::builtin("automation_rule").unwrap().noun(), "automation_rule");
        assert!(EventName::builtin("Request.create").is_none());
        for good in ["a", "order.paid", "a_1.b-2_c", "a.0"] {
            assert!(EventName::own_type(good).is_some(), "{good}");
        }
        for bad in ["", "A", "1a", "a.", ".a", "a.b.c", "a b", "a.*", "webhook.verify", "é", &"a".repeat(129)] {
            assert!(EventName::own_type(bad).is_none(), "{bad:?}");
        }
    }
}
