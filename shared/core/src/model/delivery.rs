//! Deliveries: one attempt to POST a message, and its record (section 10).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::attempt::Attempt;
use super::event::{Event, EventName};
use super::failure::Failure;
use super::jwt::Jwt;
use super::message::{Message, MessageKind};
use crate::ids::{AccountId, DeliveryId, EventId, MessageId, WebhookId};
use crate::values::TraceParent;

/// The state of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Not yet sent: a requested redelivery.
    Waiting,
    /// The endpoint answered 2xx.
    Succeeded,
    /// It failed, and another attempt follows, or it was a test.
    Failed,
    /// It failed, and the message has ended.
    Dropped,
    /// The message ended unsent: its webhook was deleted or disabled.
    Cancelled,
    /// The webhook matched the event but was disabled or not verified.
    Skipped,
}

impl Outcome {
    /// All outcomes.
    pub const ALL: [Self; 6] =
        [Self::Waiting, Self::Succeeded, Self::Failed, Self::Dropped, Self::Cancelled, Self::Skipped];
    /// Those after which a message can be sent again: it has ended, and the endpoint does not have it.
    pub const REDELIVERABLE: [Self; 3] = [Self::Dropped, Self::Cancelled, Self::Skipped];

    /// As it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Dropped => "dropped",
            Self::Cancelled => "cancelled",
            Self::Skipped => "skipped",
        }
    }

    /// The outcome of that name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == text)
    }
}

/// How long each phase took. A phase that did not happen is `None`: a pooled connection has no `dns`, `connect`, `tls`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timings {
    /// The lookup of the host's name.
    pub dns: Option<Duration>,
    /// The TCP connection.
    pub connect: Option<Duration>,
    /// The TLS handshake.
    pub tls: Option<Duration>,
    /// From the start of the request to the head of the answer.
    pub first_byte: Option<Duration>,
    /// Everything.
    pub total: Duration,
    /// The request was sent a second time, on a new connection: the endpoint had closed an idle one in the moment of its
    /// reuse (section 8).
    pub reconnected: bool,
}

/// What the endpoint answered, as far as it is kept (section 8).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResponseRecord {
    /// The status code.
    pub status: u16,
    /// At most 50 headers and 8 KiB of them, non-ASCII bytes replaced.
    pub headers: Vec<(String, String)>,
    /// The first 1 KiB of the body of a failure, as text; empty for a success.
    pub body: String,
}

/// The record of one delivery. What can be derived from the message is not stored again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Its id.
    pub id: DeliveryId,
    /// Whose it is.
    pub account: AccountId,
    /// Its webhook.
    pub webhook: WebhookId,
    /// The webhook's name in the message; empty if the message was skipped.
    pub webhook_name: String,
    /// The account's `custom_url` in the message.
    pub custom_url: Option<String>,
    /// What happened.
    pub event: EventName,
    /// The event.
    pub event_id: EventId,
    /// The message.
    pub message: MessageId,
    /// 0 is the first run.
    pub run: u64,
    /// 1 to 10; 0 if the message was skipped and never attempted.
    pub attempt: u8,
    /// Why the message was sent.
    pub kind: MessageKind,
    /// How it ended.
    pub outcome: Outcome,
    /// When the attempt began; of one that is waiting, when it was asked for.
    pub created_at: Timestamp,
    /// The attempt before this one in the run.
    pub retry_of: Option<DeliveryId>,
    /// The delivery that was redelivered.
    pub redelivery_of: Option<DeliveryId>,
    /// When the next attempt is due.
    pub next_attempt_at: Option<Timestamp>,
    /// What went wrong.
    pub failure: Option<Failure>,
    /// The request; `None` if none was made.
    pub request: Option<RequestRecord>,
    /// The answer, if there was one.
    pub response: Option<ResponseRecord>,
    /// How long the phases took; `None` if no request was made.
    pub timings: Option<Timings>,
    /// The address that was connected to.
    pub address: Option<SocketAddr>,
}

impl Delivery {
    /// The record of an attempt, without what a request adds: response, timings, failure.
    #[must_use]
    pub fn of_attempt(attempt: &Attempt, created_at: Timestamp, outcome: Outcome) -> Self {
        let Attempt { message, payload: _, run, run_began_at: _, number, due_at: _, retry_of, redelivery_of, hops: _ } =
            attempt;
        Self {
            id: attempt.delivery_id(),
            account: message.account().clone(),
            webhook: message.webhook,
            webhook_name: message.webhook_name.clone(),
            custom_url: message.custom_url.clone(),
            event: message.event.event.clone(),
            event_id: message.event.id.clone(),
            message: message.id.clone(),
            run: *run,
            attempt: *number,
            kind: message.kind,
            outcome,
            created_at,
            retry_of: *retry_of,
            redelivery_of: *redelivery_of,
            next_attempt_at: None,
            failure: None,
            request: None,
            response: None,
            timings: None,
            address: None,
        }
    }

    /// Rebuilds the message from the record and its event.
    #[must_use]
    pub fn message(&self, event: &Event) -> Message {
        Message {
            id: self.message.clone(),
            webhook: self.webhook,
            webhook_name: self.webhook_name.clone(),
            custom_url: self.custom_url.clone(),
            kind: self.kind,
            event: Arc::clone(&event.head),
        }
    }
}

/// The header whose name a record holds if it differs from that of other messages. No extra header has it.
pub const CONTENT_TYPE_HEADER: &str = "Content-Type";

/// What of a request cannot be derived from its message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestRecord {
    /// The URI, its password masked.
    pub uri: String,
    /// The names of the webhook's extra headers; and [`CONTENT_TYPE_HEADER`] if its messages name no charset.
    pub header_names: Vec<String>,
    /// `Webhook-Timestamp`, epoch seconds.
    pub sent_at: i64,
    /// The JWT that was the body, if it was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwt: Option<Jwt>,
    /// The `traceparent` that was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<TraceParent>,
}
