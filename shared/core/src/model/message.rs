//! Messages: one event for one webhook, the JSON that is POSTed (section 5), and the work it causes.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use crate::account::AccountId;
use crate::delivery::DeliveryId;
use crate::event::{Event, EventHead, EventId, Payload};
use crate::node_id;
use crate::settings::Settings;
use crate::webhook::WebhookId;

/// Id of a message: the same on every attempt and redelivery, so receivers can drop repeats. Sent as `Webhook-Id`.
///
/// `msg_` and 16 bytes in hex: the moment of acceptance (48 bits, milliseconds), the webhook (32 bits), and 48 bits of a
/// hash of account and event id. So the id alone tells where the record of the message's first attempt is kept.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MessageId(Box<str>);

impl MessageId {
    /// Made from account, event id, moment of acceptance and webhook, so a repeat of the fan-out makes it again.
    #[must_use]
    pub fn derive(account: &AccountId, event: &EventId, accepted_at: Timestamp, webhook: WebhookId) -> Self {
        let mut hash = Sha256::new();
        hash.update(account.as_str());
        hash.update([0]);
        hash.update(event.as_str());
        let hash = hash.finalize();
        let millis = u64::try_from(accepted_at.as_millisecond()).unwrap_or_default() & 0xffff_ffff_ffff;
        let hash = u64::from_be_bytes([0, 0, hash[0], hash[1], hash[2], hash[3], hash[4], hash[5]]);
        Self(format!("msg_{millis:012x}{:08x}{hash:012x}", webhook.0 & 0xffff_ffff).into())
    }

    /// The webhook that the message is for.
    #[must_use]
    pub fn webhook(&self) -> WebhookId {
        WebhookId(self.bits(16..24))
    }

    /// When the event was accepted.
    #[must_use]
    pub fn accepted_at(&self) -> Timestamp {
        i64::try_from(self.bits(4..16))
            .ok()
            .and_then(|millis| Timestamp::from_millisecond(millis).ok())
            .unwrap_or_default()
    }

    /// A part of the hex digits as a number.
    fn bits(&self, digits: std::ops::Range<usize>) -> u64 {
        self.0.get(digits).and_then(|digits| u64::from_str_radix(digits, 16).ok()).unwrap_or_default()
    }

    /// Reads a message id from a query or a store: `msg_` and 32 hex digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let hex = text.strip_prefix("msg_")?;
        let valid = hex.len() == 32 && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        valid.then(|| Self(text.into()))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a message is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// An event was published.
    Event,
    /// An administrator tests the webhook: never retried, mailed or counted.
    Test,
    /// The endpoint is asked whether it wants our messages: retried, but never counted.
    Verify,
}

/// One event for one webhook. Its data never changes between attempts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its id.
    pub id: MessageId,
    /// The webhook that it is for.
    pub webhook: WebhookId,
    /// The webhook's name when the event was fanned out.
    pub webhook_name: String,
    /// The account's `custom_url` at that time.
    pub custom_url: Option<String>,
    /// Why it is sent.
    pub kind: Kind,
    /// The event, all but the payload.
    pub event: Arc<EventHead>,
}

impl Message {
    /// The message of an event for a webhook.
    #[must_use]
    pub fn new(event: &Arc<EventHead>, webhook: WebhookId, webhook_name: String, custom_url: Option<String>) -> Self {
        let id = MessageId::derive(&event.account, &event.id, event.accepted_at, webhook);
        Self { id, webhook, webhook_name, custom_url, kind: Kind::Event, event: Arc::clone(event) }
    }

    /// Whose it is.
    #[must_use]
    pub fn account(&self) -> &AccountId {
        &self.event.account
    }

    /// The JSON that is POSTed: keys in the order of section 5, the payload as it was published.
    #[must_use]
    pub fn body(&self, settings: &Settings, payload: &Payload) -> Bytes {
        #[derive(Serialize)]
        #[expect(non_snake_case, reason = "the names of the wire")]
        struct Body<'a> {
            webhook_id: WebhookId,
            webhook_nodeID: String,
            account_id: &'a AccountId,
            account: String,
            #[serde(skip_serializing_if = "Option::is_none")]
            custom_url: Option<&'a str>,
            name: &'a str,
            event: &'a str,
            object_id: i64,
            object_nodeID: String,
            person_id: Option<i64>,
            person_nodeID: Option<String>,
            person_name: Option<&'a str>,
            payload: &'a RawValue,
        }
        let EventHead { id: _, account, event, object_id, object_type, person_id, person_name, .. } = &*self.event;
        let body = Body {
            webhook_id: self.webhook,
            webhook_nodeID: node_id::encode(&settings.domain, "Webhook", self.webhook),
            account_id: account,
            account: settings.account_url(account),
            custom_url: self.custom_url.as_deref(),
            name: &self.webhook_name,
            event: event.as_str(),
            object_id: *object_id,
            object_nodeID: node_id::encode(&settings.domain, object_type, object_id),
            person_id: *person_id,
            person_nodeID: person_id.map(|id| node_id::encode(&settings.domain, "Person", id)),
            person_name: person_id.and(person_name.as_deref()),
            payload: payload.as_raw(),
        };
        let mut bytes = Vec::with_capacity(512 + payload.as_bytes().len());
        serde_json::to_writer(&mut bytes, &body).expect("strings, numbers and valid JSON always become JSON");
        bytes.into()
    }
}

/// Work on the deliveries queue: one attempt to send a message, due at a time. It never holds a URI, header, code or
/// secret of the webhook: those are read anew at every attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// What to send.
    pub message: Message,
    /// The payload, unless it is read from the stored event.
    pub payload: Option<Payload>,
    /// 0 is the first run; a redelivery has a number of its own.
    pub run: u64,
    /// When the run began: acceptance, or the request for the redelivery.
    pub run_began_at: Timestamp,
    /// 1 to 10.
    pub number: u8,
    /// When it is due.
    pub due_at: Timestamp,
    /// The attempt before this one in the run.
    pub retry_of: Option<DeliveryId>,
    /// The delivery that was redelivered.
    pub redelivery_of: Option<DeliveryId>,
    /// How often it went around a queue whose delays are shorter than its wait.
    pub hops: u16,
}

impl Attempt {
    /// The first attempt of the first run of a message.
    #[must_use]
    pub fn first(message: Message, payload: &Payload, now: Timestamp) -> Self {
        let run_began_at = message.event.accepted_at;
        Self {
            message,
            payload: Some(payload.clone()),
            run: 0,
            run_began_at,
            number: 1,
            due_at: now,
            retry_of: None,
            redelivery_of: None,
            hops: 0,
        }
    }

    /// True for all but the first attempt of a first run: it is made by whoever wins its claim.
    #[must_use]
    pub fn needs_claim(&self) -> bool {
        self.number > 1 || self.run != 0
    }

    /// The id of its delivery record.
    #[must_use]
    pub fn delivery_id(&self) -> DeliveryId {
        DeliveryId::derive(self.due_at, self.message.webhook, &self.message.id, self.run, self.number)
    }
}

/// The form of an [`Attempt`] on a queue, and of an event's head in a store.
#[derive(Serialize, Deserialize)]
struct Wire<'a> {
    id: MessageId,
    webhook: WebhookId,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    custom_url: Option<String>,
    kind: Kind,
    event: EventHead,
    run: u64,
    run_began_at: Timestamp,
    number: u8,
    due_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    retry_of: Option<DeliveryId>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    redelivery_of: Option<DeliveryId>,
    #[serde(default)]
    hops: u16,
    #[serde(borrow, skip_serializing_if = "Option::is_none", default)]
    payload: Option<&'a RawValue>,
}

impl Attempt {
    /// As the text of a queue message. A payload of more than `inline` bytes stays out: it is read from the stored
    /// event, which only messages of published events have.
    #[must_use]
    pub fn encode(&self, inline: usize) -> String {
        let Self { message, payload, run, run_began_at, number, due_at, retry_of, redelivery_of, hops } = self;
        let Message { id, webhook, webhook_name, custom_url, kind, event } = message;
        let wire = Wire {
            id: id.clone(),
            webhook: *webhook,
            name: webhook_name.clone(),
            custom_url: custom_url.clone(),
            kind: *kind,
            event: EventHead::clone(event),
            run: *run,
            run_began_at: *run_began_at,
            number: *number,
            due_at: *due_at,
            retry_of: *retry_of,
            redelivery_of: *redelivery_of,
            hops: *hops,
            payload: payload
                .as_ref()
                .filter(|payload| payload.as_bytes().len() <= inline || *kind != Kind::Event)
                .map(Payload::as_raw),
        };
        serde_json::to_string(&wire).expect("strings, numbers and valid JSON always become JSON")
    }

    /// From the text of a queue message.
    ///
    /// # Errors
    /// If the text is not an attempt.
    pub fn decode(text: &str) -> Result<Self, serde_json::Error> {
        let wire: Wire<'_> = serde_json::from_str(text)?;
        let payload = wire.payload.map(|raw| Payload::from_valid_json(Bytes::copy_from_slice(raw.get().as_bytes())));
        Ok(Self {
            message: Message {
                id: wire.id,
                webhook: wire.webhook,
                webhook_name: wire.name,
                custom_url: wire.custom_url,
                kind: wire.kind,
                event: Arc::new(wire.event),
            },
            payload,
            run: wire.run,
            run_began_at: wire.run_began_at,
            number: wire.number,
            due_at: wire.due_at,
            retry_of: wire.retry_of,
            redelivery_of: wire.redelivery_of,
            hops: wire.hops,
        })
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_holds_its_moment_and_its_webhook() {
        let (account, event) = (AccountId::parse("wdc").unwrap(), EventId::parse("e").unwrap());
        let at = Timestamp::from_millisecond(1_795_599_000_123).unwrap();
        let id = MessageId::derive(&account, &event, at, WebhookId(4_000_000_000));
        assert_eq!((id.webhook(), id.accepted_at()), (WebhookId(4_000_000_000), at));
        assert_eq!(MessageId::parse(id.as_str()), Some(id.clone()));
        let others = [
            MessageId::derive(&AccountId::parse("wd").unwrap(), &EventId::parse("ce").unwrap(), at, id.webhook()),
            MessageId::derive(&account, &EventId::parse("f").unwrap(), at, id.webhook()),
            MessageId::derive(&account, &event, at, WebhookId(4_000_000_001)),
        ];
        assert!(!others.contains(&id));
    }
}
