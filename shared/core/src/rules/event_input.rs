//! Reads a published event (section 4).

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::errors::{UseCaseError, ValidationErrors};
use crate::ids::{AccountId, EventId};
use crate::model::event::AUTOMATION_RULE;
use crate::model::{Event, EventHead, EventName, EventType, Links, Payload, links};
use crate::values::{Entropy, TraceParent};

/// The largest event, in bytes of its JSON.
pub const MAX_EVENT: usize = 256 * 1024;

/// What is said of an event whose name is none.
const UNKNOWN_EVENT: &str = "Event is not included in the list";

/// An event that was not accepted: why, and its id and account if it had readable ones.
#[derive(Debug)]
pub struct RejectedEvent {
    /// The id that the publisher gave.
    pub id: Option<EventId>,
    /// Whose event it was meant to be.
    pub account: Option<AccountId>,
    /// Why.
    pub error: UseCaseError,
}

impl RejectedEvent {
    /// The account whose own types could make this event a good one.
    pub(crate) fn needs_own_types(&self) -> Option<&AccountId> {
        let UseCaseError::Invalid(problems) = &self.error else { return None };
        let unknown = ("event".to_owned(), UNKNOWN_EVENT.to_owned());
        self.account.as_ref().filter(|_| problems.pairs().contains(&unknown))
    }
}

/// The fields of an event, each as the publisher's own text. Unknown fields are ignored.
#[derive(Deserialize)]
struct RawEvent<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    account_id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    event: Option<&'a RawValue>,
    #[serde(borrow, default)]
    object_id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    object_type: Option<&'a RawValue>,
    #[serde(borrow, default)]
    person_id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    person_name: Option<&'a RawValue>,
    #[serde(borrow, default)]
    payload: Option<&'a RawValue>,
    #[serde(borrow, default)]
    links: Option<&'a RawValue>,
    #[serde(borrow, default)]
    webhook: Option<&'a RawValue>,
    #[serde(borrow, default)]
    trace: Option<&'a RawValue>,
}

/// Reads an event. `caller` is the account of the token it came with; without one the event must name its account.
/// `own` are the account's own event types, as far as they are needed.
///
/// # Errors
/// [`UseCaseError::Invalid`] with all problems, [`UseCaseError::Forbidden`] for another account's event,
/// [`UseCaseError::TooLarge`].
pub fn parse(
    raw: &RawValue,
    caller: Option<&AccountId>,
    own: &[EventType],
    now: Timestamp,
    entropy: &dyn Entropy,
) -> Result<Event, RejectedEvent> {
    let refuse = |id: Option<EventId>, account: Option<AccountId>, error| Err(RejectedEvent { id, account, error });
    let mut problems = ValidationErrors::new();
    if raw.get().len() > MAX_EVENT {
        return refuse(None, None, UseCaseError::TooLarge);
    }
    // A field that is named twice is refused as well: which of the two would count? And an array is no object, though
    // serde takes it for one.
    let object = raw.get().starts_with('{').then(|| serde_json::from_str::<RawEvent<'_>>(raw.get()).ok()).flatten();
    let Some(fields) = object else {
        problems.add_base("Event must be an object that names each field once");
        return refuse(None, None, UseCaseError::Invalid(problems));
    };
    let mut read = FieldReader { problems };
    let given_id = read.text("id", fields.id, |text| EventId::parse(&text));
    let account = match read.text("account_id", fields.account_id, |text| AccountId::parse(&text)) {
        Some(named) if caller.is_some_and(|caller| *caller != named) => {
            return refuse(given_id, None, UseCaseError::Forbidden);
        }
        Some(named) => Some(named),
        None => caller.cloned(),
    };
    let event = read.text("event", fields.event, Some);
    let object_id = read.integer("object_id", fields.object_id);
    let object_type = read.text("object_type", fields.object_type, object_type);
    let person_id = read.integer("person_id", fields.person_id);
    let person_name = read.text("person_name", fields.person_name, Some);
    let links = read.links(fields.links);
    let payload = read.payload(fields.payload);
    let webhook = read.text("webhook", fields.webhook, Some);
    let trace = read.text("trace", fields.trace, |text| TraceParent::parse(&text));

    let mut problems = read.problems;
    if account.is_none() && is_blank(fields.account_id) {
        problems.add("account_id", "can't be blank");
    }
    if object_id.is_none() && is_blank(fields.object_id) {
        problems.add("object_id", "can't be blank");
    }
    if person_name.as_ref().is_some_and(|name| name.chars().count() > 255) {
        problems.too_long("person_name", 255);
    }
    let event = match event {
        None if is_blank(fields.event) => {
            problems.add("event", "can't be blank");
            None
        }
        None => None,
        Some(name) => {
            let is_own = || own.iter().map(|own| &own.name).find(|own| own.as_str() == name).cloned();
            let known = EventName::builtin(&name).or_else(is_own);
            if known.is_none() {
                problems.add("event", if name.is_empty() { "can't be blank" } else { "is not included in the list" });
            }
            known
        }
    };
    let for_one = event.as_ref().is_some_and(|event| event.as_str() == AUTOMATION_RULE);
    match &webhook {
        None if for_one && is_blank(fields.webhook) => problems.add("webhook", "can't be blank"),
        Some(_) if event.is_some() && !for_one => problems.add("webhook", "is not allowed"),
        None | Some(_) => {}
    }
    match (account, event, object_id, payload) {
        (Some(account), Some(event), Some(object_id), Some(payload)) if problems.is_empty() => {
            let head = EventHead {
                id: given_id.unwrap_or_else(|| EventId::generate(now, entropy)),
                account,
                object_id,
                object_type: object_type.unwrap_or_else(|| EventHead::default_object_type(&event)),
                person_id,
                person_name,
                links,
                webhook,
                trace,
                accepted_at: now,
                event,
            };
            Ok(Event { head: Arc::new(head), payload })
        }
        (account, ..) => refuse(given_id, account, UseCaseError::Invalid(problems)),
    }
}

/// Absent or `null`.
fn is_blank(raw: Option<&RawValue>) -> bool {
    raw.is_none_or(|raw| raw.get() == "null")
}

/// A type name such as `ProjectTask`: letters and digits, so it cannot change the meaning of a node id.
fn object_type(text: String) -> Option<String> {
    let valid = text.len() <= 64
        && text.as_bytes().first().is_some_and(u8::is_ascii_alphabetic)
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    valid.then_some(text)
}

/// Reads fields and gathers their problems.
struct FieldReader {
    problems: ValidationErrors,
}

impl FieldReader {
    /// A text, or a number as its text.
    fn text<T>(&mut self, field: &str, raw: Option<&RawValue>, parse: impl FnOnce(String) -> Option<T>) -> Option<T> {
        let raw = raw.filter(|raw| raw.get() != "null")?;
        let text = match raw.get().as_bytes().first() {
            Some(b'"') => serde_json::from_str::<String>(raw.get()).ok(),
            Some(b'-' | b'0'..=b'9') => Some(raw.get().to_owned()),
            _ => None,
        };
        let value = text.and_then(parse);
        if value.is_none() {
            self.problems.add(field, "is invalid");
        }
        value
    }

    /// An integer of at least 0.
    fn integer(&mut self, field: &str, raw: Option<&RawValue>) -> Option<i64> {
        let raw = raw.filter(|raw| raw.get() != "null")?;
        let value = raw.get().parse::<i64>().ok().filter(|&value| value >= 0);
        if value.is_none() {
            self.problems.add(field, "is invalid");
        }
        value
    }

    /// The payload as it was written: an object, `{}` if absent.
    fn payload(&mut self, raw: Option<&RawValue>) -> Option<Payload> {
        match raw {
            None => Some(Payload::empty()),
            Some(raw) if raw.get().starts_with('{') => {
                Some(Payload::from_valid_json(Bytes::copy_from_slice(raw.get().as_bytes())))
            }
            Some(_) => {
                self.problems.add("payload", "is invalid");
                None
            }
        }
    }

    fn links(&mut self, raw: Option<&RawValue>) -> Links {
        let Some(raw) = raw.filter(|raw| raw.get() != "null") else { return Links::default() };
        let Ok(Value::Object(given)) = serde_json::from_str(raw.get()) else {
            self.problems.add("links", "is invalid");
            return Links::default();
        };
        let mut link = |name: &str| match given.get(name) {
            None | Some(Value::Null) => None,
            Some(Value::String(link)) if links::is_acceptable(link) => Some(link.clone()),
            Some(_) => {
                self.problems.add("links", "is invalid");
                None
            }
        };
        Links { canonical: link("canonical"), resource: link("resource"), related: link("related") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(json: &str) -> Result<Event, RejectedEvent> {
        let raw: Box<RawValue> = serde_json::from_str(json).unwrap();
        let own = [EventType {
            id: crate::ids::EventTypeId(1),
            name: EventName::own_type("order.paid").unwrap(),
            description: None,
            schema_mode: crate::model::SchemaMode::Off,
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
            version: 1,
        }];
        parse(&raw, AccountId::parse("wdc").as_ref(), &own, Timestamp::UNIX_EPOCH, &crate::values::System)
    }

    fn problems(json: &str) -> Vec<String> {
        match parsed(json).unwrap_err().error {
            UseCaseError::Invalid(problems) => problems.pairs().iter().map(|(_, sentence)| sentence.clone()).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_payload_is_kept_byte_for_byte() {
        let payload = r#"{"b":1e400, "a": 18446744073709551617,"a":"\/Ж😀 \ud800"}"#;
        let event = parsed(&format!(r#"{{"event":"request.create","object_id":7,"payload":{payload}}}"#)).unwrap();
        assert_eq!(event.payload.as_bytes(), payload.as_bytes());
        assert_eq!(event.head.object_type, "Request");
        assert_eq!(event.head.id.as_str().len(), 36);
    }

    #[test]
    fn all_problems_are_told_at_once() {
        assert_eq!(problems("{}"), ["Object id can't be blank", "Event can't be blank"]);
        assert_eq!(
            problems(
                r#"{"id":"a b","event":"nope","object_id":1.5,"object_type":"A/B","person_id":"x","payload":[],"links":{"canonical":"x"},"trace":"00"}"#
            ),
            [
                "Id is invalid",
                "Object id is invalid",
                "Object type is invalid",
                "Person id is invalid",
                "Links is invalid",
                "Payload is invalid",
                "Trace is invalid",
                "Event is not included in the list"
            ]
        );
        assert_eq!(problems(r#"{"event":{},"object_id":1}"#), ["Event is invalid"]);
        assert_eq!(problems(r#"{"event":"automation_rule","object_id":1}"#), ["Webhook can't be blank"]);
        assert_eq!(problems(r#"{"event":"ci.create","object_id":1,"webhook":2}"#), ["Webhook is not allowed"]);
        for odd in ["[]", "1", "null", "\"x\"", r#"{"event":"a","event":"b"}"#] {
            assert_eq!(problems(odd), ["Event must be an object that names each field once"], "{odd}");
        }
    }

    #[test]
    fn an_event_of_another_account_is_forbidden_and_a_large_one_too_large() {
        let other = parsed(r#"{"id":"x","account_id":"other","event":"request.create","object_id":1}"#).unwrap_err();
        assert!(matches!(other.error, UseCaseError::Forbidden) && other.id == EventId::parse("x"));
        let large = format!(r#"{{"payload":{{"a":"{}"}}}}"#, "x".repeat(MAX_EVENT));
        assert!(matches!(parsed(&large).unwrap_err().error, UseCaseError::TooLarge));
    }

    #[test]
    fn an_account_may_publish_its_own_types() {
        assert_eq!(parsed(r#"{"event":"order.paid","object_id":1}"#).unwrap().head.object_type, "Order");
        assert_eq!(problems(r#"{"event":"order.sent","object_id":1}"#), ["Event is not included in the list"]);
        let refused = parsed(r#"{"event":"order.sent","account_id":"wdc","object_id":1}"#).unwrap_err();
        assert_eq!(refused.needs_own_types().map(AccountId::as_str), Some("wdc"));
        assert!(parsed(r#"{"event":"request.create"}"#).unwrap_err().needs_own_types().is_none());
    }

    #[test]
    fn a_number_where_a_text_is_wanted_is_its_text() {
        let event = parsed(r#"{"id":17,"event":"automation_rule","object_id":1,"webhook":4}"#).unwrap();
        assert_eq!((event.head.id.as_str(), event.head.webhook.as_deref()), ("17", Some("4")));
    }
}
