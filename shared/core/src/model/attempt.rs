//! Work on the deliveries queue: one attempt to send a message (section 8).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::event::{EventHead, Payload};
use super::message::{Message, MessageKind};
use crate::ids::{DeliveryId, MessageId, WebhookId};

/// How long a claim lasts. An attempt takes far less.
pub const LEASE: Duration = Duration::from_mins(1);

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

    /// True for all but the first attempt of a first run: such an attempt is made only under a claim.
    #[must_use]
    pub fn needs_claim(&self) -> bool {
        self.number > 1 || self.run != 0
    }

    /// The attempt that follows a failed one.
    #[must_use]
    pub fn next(&self, at: Timestamp) -> Self {
        Self { number: self.number + 1, due_at: at, retry_of: Some(self.delivery_id()), hops: 0, ..self.clone() }
    }

    /// The id of its delivery record.
    #[must_use]
    pub fn delivery_id(&self) -> DeliveryId {
        DeliveryId::derive(self.due_at, self.message.webhook, &self.message.id, self.run, self.number)
    }
}

/// The form of an [`Attempt`] on a queue, and of an event's head in a store.
#[derive(Serialize, Deserialize)]
struct QueuedAttempt<'a> {
    id: MessageId,
    webhook: WebhookId,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    custom_url: Option<String>,
    kind: MessageKind,
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
        let wire = QueuedAttempt {
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
                .filter(|payload| payload.as_bytes().len() <= inline || *kind != MessageKind::Event)
                .map(Payload::as_raw),
        };
        serde_json::to_string(&wire).expect("strings, numbers and valid JSON always become JSON")
    }

    /// From the text of a queue message.
    ///
    /// # Errors
    /// If the text is not an attempt.
    pub fn decode(text: &str) -> Result<Self, serde_json::Error> {
        let wire: QueuedAttempt<'_> = serde_json::from_str(text)?;
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
