//! Deliveries: one attempt to POST a message, and its record (section 10).

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::account::AccountId;
use crate::event::{EventId, EventName};
use crate::message::{Kind, MessageId};
use crate::signing::jwt::Jwt;
use crate::webhook::WebhookId;

/// Id of a delivery: a version 8 UUID (RFC 9562) that holds when the attempt was due (48 bits, milliseconds), a shard
/// (3 bits), the webhook (32 bits) and 39 bits derived from message, run and attempt. So a repeat has the same id, a
/// record is found by its id, and ids of one webhook sort by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DeliveryId(Uuid);

impl DeliveryId {
    /// The id of an attempt.
    #[must_use]
    pub fn derive(due_at: Timestamp, webhook: WebhookId, message: &MessageId, run: u64, attempt: u8) -> Self {
        let mut hash = Sha256::new();
        hash.update(message.as_str());
        hash.update(run.to_be_bytes());
        hash.update([attempt]);
        let hash = hash.finalize();
        let millis = u64::try_from(due_at.as_millisecond()).unwrap_or_default();
        let mut bytes = [0; 16];
        bytes[..6].copy_from_slice(&millis.to_be_bytes()[2..]);
        // Version and variant take bits of bytes 6 and 8: shard and hash go around them.
        bytes[6] = hash[0] & 0x0f;
        bytes[7] = hash[1];
        bytes[8] = hash[2] & 0x3f;
        bytes[9..13].copy_from_slice(&webhook.0.to_be_bytes()[4..]);
        bytes[13..].copy_from_slice(&hash[3..6]);
        Self(Uuid::new_v8(bytes))
    }

    /// Reads an id; `None` if it is not a version 8 UUID.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Uuid::try_parse(text).ok().and_then(Self::from_uuid)
    }

    /// Takes a UUID; `None` if it is not of version 8.
    #[must_use]
    pub fn from_uuid(uuid: Uuid) -> Option<Self> {
        (uuid.get_version_num() == 8).then_some(Self(uuid))
    }

    /// The UUID.
    #[must_use]
    pub fn uuid(self) -> Uuid {
        self.0
    }

    /// The webhook whose delivery it is.
    #[must_use]
    pub fn webhook(self) -> WebhookId {
        let bytes = self.0.as_bytes();
        WebhookId(u64::from(u32::from_be_bytes([bytes[9], bytes[10], bytes[11], bytes[12]])))
    }

    /// When the attempt was due.
    #[must_use]
    pub fn due_at(self) -> Timestamp {
        let mut millis = [0; 8];
        millis[2..].copy_from_slice(&self.0.as_bytes()[..6]);
        Timestamp::from_millisecond(i64::from_be_bytes(millis)).unwrap_or(Timestamp::MAX)
    }

    /// The shard of the webhook's records that holds it: 0 to 7.
    #[must_use]
    pub fn shard(self) -> u8 {
        self.0.as_bytes()[7] & 7
    }
}

impl fmt::Display for DeliveryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How a delivery ended, or that it has not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Not yet sent: a redelivery that was asked for.
    Waiting,
    /// The endpoint answered 2xx.
    Succeeded,
    /// It failed, and another attempt follows (or it was a test).
    Failed,
    /// It failed, and the message has ended.
    Dropped,
    /// The message ended unsent: its webhook is gone or disabled.
    Cancelled,
    /// The event met a webhook that gets nothing now.
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

/// What kind of thing went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorClass {
    /// The host's name has no address, or the lookup failed.
    Dns,
    /// Nobody listens there.
    Refused,
    /// No connection in time.
    ConnectTimeout,
    /// No secure connection.
    Tls,
    /// No answer in time.
    Timeout,
    /// The connection broke, or the answer was not HTTP.
    Protocol,
    /// The address is one that we do not connect to.
    AddressNotAllowed,
    /// An answer that is not 2xx.
    HttpStatus,
    /// The run was not over in time.
    Expired,
    /// The message ended, or never began, because its webhook gets nothing now.
    Cancelled,
}

impl ErrorClass {
    /// All classes.
    pub const ALL: [Self; 10] = [
        Self::Dns,
        Self::Refused,
        Self::ConnectTimeout,
        Self::Tls,
        Self::Timeout,
        Self::Protocol,
        Self::AddressNotAllowed,
        Self::HttpStatus,
        Self::Expired,
        Self::Cancelled,
    ];

    /// As it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Refused => "refused",
            Self::ConnectTimeout => "connect-timeout",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::Protocol => "protocol",
            Self::AddressNotAllowed => "address-not-allowed",
            Self::HttpStatus => "http-status",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
        }
    }

    /// The class of that name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.as_str() == text)
    }

    /// Whose fault it is.
    #[must_use]
    pub fn fault(self) -> FaultOf {
        match self {
            Self::Dns
            | Self::Refused
            | Self::ConnectTimeout
            | Self::Tls
            | Self::Timeout
            | Self::Protocol
            | Self::AddressNotAllowed
            | Self::HttpStatus
            | Self::Expired => FaultOf::Endpoint,
            Self::Cancelled => FaultOf::Publisher,
        }
    }
}

/// Whose fault a failure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FaultOf {
    /// The endpoint's.
    Endpoint,
    /// Of those who publish and administer.
    Publisher,
    /// Our own.
    Ours,
}

/// A failure as it is recorded: its class, and a sentence with nothing secret in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Its class.
    pub class: ErrorClass,
    /// What `last_error` and the record say: `404 Not Found`, `Timeout`, `Connection refused`, `Host not found`,
    /// `TLS error: …`, `Address not allowed`, `Expired`, …
    pub text: String,
}

impl Failure {
    /// A failure.
    #[must_use]
    pub fn new(class: ErrorClass, text: impl Into<String>) -> Self {
        Self { class, text: text.into() }
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
}

/// What the endpoint answered, as far as it is kept (section 8).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Response {
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
    /// The webhook's name in the message.
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
    /// 1 to 10; 0 if it was skipped: nobody tried.
    pub attempt: u8,
    /// Why the message was sent.
    pub kind: Kind,
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
    pub response: Option<Response>,
    /// How long the phases took; `None` if no request was made.
    pub timings: Option<Timings>,
    /// The address that was connected to.
    pub address: Option<SocketAddr>,
}

/// What of a request cannot be derived from its message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestRecord {
    /// The URI, its password masked.
    pub uri: String,
    /// The names of the webhook's extra headers.
    pub header_names: Vec<String>,
    /// `Webhook-Timestamp`, epoch seconds.
    pub sent_at: i64,
    /// The JWT that was the body, if it was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwt: Option<Jwt>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_holds_its_time_and_its_webhook() {
        let at = Timestamp::from_millisecond(1_764_063_000_123).unwrap();
        let message = MessageId::parse(&format!("msg_{}", "0f".repeat(16))).unwrap();
        let id = DeliveryId::derive(at, WebhookId(4_000_000_000), &message, 0, 1);
        assert_eq!((id.webhook(), id.due_at()), (WebhookId(4_000_000_000), at));
        assert_eq!(DeliveryId::parse(&id.to_string()), Some(id));
        assert_eq!(id, DeliveryId::derive(at, WebhookId(4_000_000_000), &message, 0, 1));
        assert_ne!(id, DeliveryId::derive(at, WebhookId(4_000_000_000), &message, 0, 2));
        let later = Timestamp::from_millisecond(1_764_063_000_124).unwrap();
        assert!(id < DeliveryId::derive(later, WebhookId(1), &message, 0, 1));
        assert_eq!(DeliveryId::parse("2f6cbe1e-0000-4000-8000-000000000000"), None);
    }
}
