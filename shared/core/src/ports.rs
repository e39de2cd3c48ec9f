//! The foreign systems behind the use cases, named after what they are for.
//!
//! A method is one step that either happened or did not. `Err` always means *our own infrastructure failed, try again*;
//! everything that can go differently on a good day is a value. Every implementation MUST pass the port contracts in
//! `tests/`.

mod attachments;
mod audit;
mod event_types;
mod examination;
mod health;
mod notices;
mod policies;
pub mod rate_limit;
mod redeliveries;

use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use uuid::Uuid;

pub use self::attachments::{Attachments, Content, Download, Received, SenderGone, Signature};
pub use self::audit::Audit;
pub use self::event_types::{EventTypeCreated, EventTypes};
pub use self::examination::{Examination, TlsSeen};
pub use self::redeliveries::{Begun, Redeliveries, RedeliveryPage, RedeliveryQuery};
use crate::account::{Account, AccountId};
use crate::audit::AuditEntry;
use crate::clock::{Clock, Entropy};
use crate::delivery::{Delivery, DeliveryId, Failure, Outcome, Response, Timings};
use crate::endpoint_uri::EndpointUri;
use crate::event::{Event, EventId, EventName};
use crate::listing::{Page, Query, Test};
use crate::mail_address::MailAddress;
use crate::matching::Subscriber;
use crate::message::{Attempt, MessageId};
use crate::recover;
use crate::redeliver::Step;
use crate::secret::{SealContext, Sealed, Secret};
use crate::settings::Settings;
use crate::token::{Caller, Token, TokenHash};
use crate::webhook::{Disabling, Health as WebhookHealth, Target, Webhook, WebhookId};

pub use self::health::{Health, HostStatus};
pub use self::notices::{Admission, NoticeKind, NoticeLimits, Notices};
pub use self::policies::{Policies, PolicyDeleted};

/// Our own infrastructure failed. Nothing is lost: the caller is told, or the queue repeats.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Fault {
    /// No space left to store anything.
    #[error("the storage is full")]
    Full,
    /// A store, queue, vault or mail system did not do what it was asked.
    #[error("{system} failed: {reason}")]
    Unavailable {
        /// Which system.
        system: &'static str,
        /// What it said. Free of secrets.
        reason: String,
    },
}

impl Fault {
    /// A system that failed.
    pub fn unavailable(system: &'static str, reason: impl std::fmt::Display) -> Self {
        Self::Unavailable { system, reason: reason.to_string() }
    }
}

/// What every port answers.
pub type Answer<T> = Result<T, Fault>;

/// Accounts, and the tokens that open them.
#[async_trait]
pub trait Accounts: Send + Sync {
    /// Creates an account; `false` if there is one with that id.
    async fn create_account(&self, account: &Account) -> Answer<bool>;
    /// One account.
    async fn account(&self, id: &AccountId) -> Answer<Option<Account>>;
    /// The [`custom_url`](Account::custom_url) of an account's messages, as it is or was a few seconds ago.
    async fn custom_url(&self, id: &AccountId, _now: Timestamp) -> Answer<Option<String>> {
        Ok(self.account(id).await?.and_then(|account| account.custom_url))
    }
    /// All accounts, by id.
    async fn accounts(&self) -> Answer<Vec<Account>>;
    /// Writes an account anew; `false` if it is gone.
    async fn update_account(&self, account: &Account) -> Answer<bool>;
    /// Deletes an account with its tokens, webhooks, events and delivery records; `false` if there was none. Its
    /// waiting messages are cancelled when they are due.
    async fn delete_account(&self, id: &AccountId) -> Answer<bool>;

    /// Stores a token of an account, unless `limit` of them with the same parent, or none, work at its `created_at`.
    /// Siblings that no longer work then may be removed.
    async fn create_token(&self, account: &AccountId, token: &Token, limit: u64) -> Answer<TokenCreated>;
    /// Who calls, by the hash of the token. `None` for an unknown, revoked or expired token, and for a disabled
    /// account. MUST read the store every time: a revocation works on the next call.
    async fn caller(&self, hash: &TokenHash, now: Timestamp) -> Answer<Option<Caller>>;
    /// All tokens of an account but those with a parent, oldest first.
    async fn tokens(&self, account: &AccountId) -> Answer<Vec<Token>>;
    /// Revokes a token, whatever its account, and those that have it as their parent; `false` if there was none.
    async fn revoke_token(&self, id: Uuid) -> Answer<bool>;
}

/// How the creation of a token went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenCreated {
    /// It is created.
    Done,
    /// There are as many as there may be.
    TooMany,
    /// The account or the parent is gone.
    Gone,
}

/// How an optimistic write went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// It is written.
    Done,
    /// Somebody else changed the record since it was read.
    Conflict,
    /// The record is gone.
    Gone,
}

/// How the creation of a webhook went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    /// It is created.
    Done,
    /// The account has its limit of webhooks.
    TooMany,
    /// The account has its limit of webhooks with a pattern.
    TooManyPatterns,
    /// The webhook's policy is not there, or is disabled and was not the webhook's before.
    NoPolicy,
    /// One of its attachments is not there, or is another webhook's.
    NoAttachment,
}

/// Webhooks. A webhook, its subscription and its audit trail change in one transaction: a change without its entry, or an
/// entry without its change, MUST NOT be seen.
#[async_trait]
pub trait Webhooks: Send + Sync {
    /// A new id, never given before.
    async fn allocate_webhook_id(&self) -> Answer<WebhookId>;
    /// Stores a new webhook and links its attachments, unless the account has reached a limit or one of its links cannot be
    /// made.
    async fn create_webhook(&self, webhook: &Webhook, limits: Limits, audit: &AuditEntry) -> Answer<Created>;
    /// One webhook of an account.
    async fn webhook(&self, account: &AccountId, id: WebhookId) -> Answer<Option<Webhook>>;
    /// A part of an account's webhooks.
    async fn list_webhooks(&self, account: &AccountId, query: &Query) -> Answer<Page<Webhook>>;
    /// Writes a webhook whose `version` was raised by one from the version that was read; a policy that it did not have
    /// before only if it can be linked, and so its attachments; those that it has no more may go after an hour. MUST NOT
    /// touch `last_error`. If this enables the webhook or changes its URI, its
    /// failures are counted anew.
    async fn update_webhook(
        &self,
        webhook: &Webhook,
        limits: Limits,
        audit: &AuditEntry,
    ) -> Answer<Result<Written, Created>>;
    /// Deletes a webhook if its version is still `version`. Its delivery records and its audit trail stay.
    async fn delete_webhook(
        &self,
        account: &AccountId,
        id: WebhookId,
        version: u64,
        audit: &AuditEntry,
    ) -> Answer<Written>;

    /// The webhooks of the account whose subscription may match the event, by id, read consistently. MUST hold every
    /// webhook whose subscription matches; disabled ones may be among them.
    async fn subscribers(&self, account: &AccountId, event: &EventName) -> Answer<Vec<Subscriber>>;
    /// What a delivery needs of a webhook, read consistently.
    async fn target(&self, account: &AccountId, id: WebhookId) -> Answer<Option<Target>>;

    /// Notes a counted failure; answers the health with it. Failures that come at once are all counted.
    async fn note_failure(
        &self,
        account: &AccountId,
        id: WebhookId,
        error: &str,
        at: Timestamp,
    ) -> Answer<WebhookHealth>;
    /// Notes a success after failures: the webhook's health is good again.
    async fn note_success(&self, account: &AccountId, id: WebhookId) -> Answer<()>;
    /// Enables a webhook that was disabled in this way, and raises its version; its failures are counted anew. `false` if
    /// it is enabled, disabled otherwise, or gone.
    async fn enable_webhook(
        &self,
        account: &AccountId,
        id: WebhookId,
        disabling: Disabling,
        audit: &AuditEntry,
    ) -> Answer<bool>;
    /// Disables a webhook on behalf of the service and raises its version; `false` if it is disabled already or gone.
    async fn disable_webhook(
        &self,
        account: &AccountId,
        id: WebhookId,
        disabling: Disabling,
        audit: &AuditEntry,
    ) -> Answer<bool>;
}

/// How many webhooks an account may have.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// In all.
    pub webhooks: u64,
    /// Of them with a pattern.
    pub patterns: u64,
}

/// Where the fan-out of an event stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventClaim {
    /// It is ours until the lease ends: the event as it was first accepted, and the last webhook that has its message.
    Begun {
        /// The event whose content counts.
        event: Event,
        /// Fan-out goes on after this webhook.
        after: Option<WebhookId>,
    },
    /// Somebody else works on it until then.
    Busy {
        /// When their lease ends.
        until: Timestamp,
    },
    /// It was fanned out before.
    Done,
}

/// An event as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    /// The event.
    pub event: Event,
    /// The webhooks that matched; `None` until fan-out is done.
    pub matched: Option<Vec<WebhookId>>,
}

/// Accepted events: claimed once, kept for redelivery.
#[async_trait]
pub trait Events: Send + Sync {
    /// Claims an event under its idempotency key, in one conditional write, and stores it. An event whose time is over
    /// counts as absent.
    async fn claim_event(&self, event: &Event, now: Timestamp, lease_ends: Timestamp) -> Answer<EventClaim>;
    /// Notes how far fan-out has come, and extends its lease.
    async fn event_progress(&self, event: &Event, after: WebhookId, lease_ends: Timestamp) -> Answer<()>;
    /// Fan-out is done; these webhooks matched.
    async fn event_done(&self, event: &Event, matched: &[WebhookId]) -> Answer<()>;
    /// One event of an account, unless its time is over.
    async fn event(&self, account: &AccountId, id: &EventId, now: Timestamp) -> Answer<Option<StoredEvent>>;
}

/// Who may work on an attempt, other than the first of a first run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptClaim {
    /// It is ours until the lease ends.
    Won,
    /// Somebody else works on it until then.
    Busy {
        /// When their lease ends.
        until: Timestamp,
    },
    /// Its record is final.
    Final {
        /// When the attempt that follows it is due, if one does.
        next_attempt_at: Option<Timestamp>,
    },
}

/// Which record of an attempt stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// The given one.
    Written,
    /// One that was final before. What came of the attempt was decided then.
    Stands {
        /// When the attempt that follows it is due, if one does.
        next_attempt_at: Option<Timestamp>,
    },
}

/// Which delivery records are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeliveryScope {
    /// Those of a webhook, also of a deleted one.
    Webhook(WebhookId),
    /// The account's failed, dropped, cancelled and skipped ones.
    Unsuccessful,
    /// All of an event.
    Event(EventId),
    /// All of a message.
    Message(MessageId),
}

/// A question to the delivery log. Always newest first.
#[derive(Debug, Clone)]
pub struct DeliveryQuery {
    /// Which records.
    pub scope: DeliveryScope,
    /// Conditions on the name of the event.
    pub event: Vec<Test>,
    /// Conditions on the outcome.
    pub outcome: Vec<Test>,
    /// Conditions on `created_at`.
    pub created_at: Vec<Test>,
    /// Only records older than this one.
    pub older_than: Option<DeliveryId>,
    /// Only records newer than this one: the page that ends just before it.
    pub newer_than: Option<DeliveryId>,
    /// How many records: 1 to 100.
    pub per_page: u32,
}

/// A part of the delivery log.
#[derive(Debug, Clone)]
pub struct DeliveryPage {
    /// The records, newest first.
    pub items: Vec<Delivery>,
    /// There are older records after these.
    pub older: bool,
    /// There are newer records before these.
    pub newer: bool,
}

/// The delivery log. A record is listed by the time in its id.
#[async_trait]
pub trait Deliveries: Send + Sync {
    /// Claims an attempt that [needs it](Attempt::needs_claim), keyed (message, run, attempt).
    async fn claim_attempt(&self, attempt: &Attempt, now: Timestamp, lease_ends: Timestamp) -> Answer<AttemptClaim>;
    /// Writes a record and, if it is final, makes the claim of its attempt final in the same step. A record that is
    /// final already stays as it is, and the answer says so; one that is `waiting` is replaced by a final one.
    async fn record(&self, delivery: &Delivery) -> Answer<Recorded>;
    /// Writes the records of messages that were skipped. They say the same whoever writes them, so what is there already
    /// may be written again.
    async fn record_skipped(&self, skipped: &[Delivery]) -> Answer<()> {
        for delivery in skipped {
            self.record(delivery).await?;
        }
        Ok(())
    }
    /// One record of an account.
    async fn delivery(&self, account: &AccountId, id: DeliveryId, now: Timestamp) -> Answer<Option<Delivery>>;
    /// A part of an account's records. A record whose time is over counts as absent.
    async fn list_deliveries(&self, account: &AccountId, query: &DeliveryQuery, now: Timestamp)
    -> Answer<DeliveryPage>;
    /// For every message of an event that has records: the message, and the outcome of its newest record (by run, then
    /// attempt), `Succeeded` if any succeeded.
    async fn outcomes_of_event(
        &self,
        account: &AccountId,
        event: &EventId,
        now: Timestamp,
    ) -> Answer<Vec<(MessageId, Outcome)>>;
}

/// The two queues. What is put on a queue is delivered at least once, at or after its time.
#[async_trait]
pub trait Queues: Send + Sync {
    /// Puts events on the events queue, in one durable step each; answers for each, in order. An event that was put is
    /// accepted.
    async fn put_events(&self, events: &[Event]) -> Vec<Answer<()>>;
    /// Puts attempts on the deliveries queue, each due at its `due_at`. `group` is the host hash, parallel to
    /// `attempts`.
    async fn put_attempts(&self, attempts: &[(u64, Attempt)]) -> Answer<()>;
    /// Puts a step of a redelivery job on the deliveries queue, due at its `due_at`.
    async fn put_redelivery(&self, step: &Step) -> Answer<()>;
    /// Puts a try of a disabled webhook on the deliveries queue.
    async fn put_recovery(&self, step: &recover::Step) -> Answer<()>;
}

/// What becomes of a queue message that was worked on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// It is done: acknowledge it.
    Done,
    /// Not now: hand it back untouched until then.
    HandBack {
        /// When it may be seen again.
        until: Timestamp,
    },
}

/// Seals secrets under a data key of their account.
#[async_trait]
pub trait Vault: Send + Sync {
    /// Seals a value.
    async fn seal(&self, context: SealContext<'_>, value: &[u8]) -> Answer<Sealed>;
    /// Opens a value that was sealed for the same context.
    async fn open(&self, context: SealContext<'_>, sealed: &Sealed) -> Answer<zeroize::Zeroizing<Vec<u8>>>;
}

/// A mail, ready to be sent. No part can inject headers: the mailer encodes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// To whom.
    pub to: Vec<MailAddress>,
    /// The subject, as text.
    pub subject: String,
    /// The plain text.
    pub text: String,
    /// The same as HTML, all values escaped.
    pub html: String,
}

/// Sends mails.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Hands a mail over. Errors are logged and counted by the caller, and never fail a delivery.
    async fn send(&self, mail: &Mail) -> Answer<()>;
}

/// A request as it goes on the wire: exactly one POST.
#[derive(Debug)]
pub struct OutgoingRequest<'a> {
    /// Where to.
    pub uri: &'a EndpointUri,
    /// All headers but `Host` and `Content-Length`, in order, names in the case written on the wire.
    pub headers: Vec<(String, Secret<String>)>,
    /// The exact bytes of the body.
    pub body: Bytes,
}

/// What came of a request.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// The answer's head and the start of its body, or why there is none.
    pub result: Result<Response, Failure>,
    /// How long the phases took.
    pub timings: Timings,
    /// The address that was connected to.
    pub address: Option<SocketAddr>,
}

/// The way out to endpoints.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Whether a URI may be registered: its host is not a literal of a forbidden address in any notation, nor a name
    /// such as `localhost` that always means one. Asks no resolver.
    fn permits(&self, uri: &EndpointUri) -> bool;
    /// POSTs once, to an address that was checked, within the time limits of section 8. An endpoint's fault is a value.
    /// `Err` if this process cannot send at all, for want of descriptors, ports or memory, or because of its settings:
    /// that says nothing of the endpoint, and whoever asked tries again.
    async fn post(&self, request: OutgoingRequest<'_>) -> Answer<Exchange>;
    /// The same, over a connection of its own, and what can be learnt on the way. A transport that sees nothing more tells
    /// nothing more.
    async fn examine(&self, request: OutgoingRequest<'_>) -> Answer<Examination> {
        Ok(Examination { exchange: self.post(request).await?, addresses: Vec::new(), tls: None })
    }
}

/// All ports and settings together: what a use case is given.
#[derive(Clone)]
pub struct Service {
    /// How this deployment behaves.
    pub settings: Arc<Settings>,
    /// See [`Accounts`].
    pub accounts: Arc<dyn Accounts>,
    /// See [`Webhooks`].
    pub webhooks: Arc<dyn Webhooks>,
    /// See [`Audit`].
    pub audit: Arc<dyn Audit>,
    /// See [`EventTypes`].
    pub event_types: Arc<dyn EventTypes>,
    /// See [`Policies`].
    pub policies: Arc<dyn Policies>,
    /// See [`Attachments`].
    pub attachments: Arc<dyn Attachments>,
    /// See [`Events`].
    pub events: Arc<dyn Events>,
    /// See [`Deliveries`].
    pub deliveries: Arc<dyn Deliveries>,
    /// See [`Health`].
    pub health: Arc<dyn Health>,
    /// See [`Redeliveries`].
    pub redeliveries: Arc<dyn Redeliveries>,
    /// See [`Queues`].
    pub queues: Arc<dyn Queues>,
    /// See [`Vault`].
    pub vault: Arc<dyn Vault>,
    /// See [`Mailer`].
    pub mailer: Arc<dyn Mailer>,
    /// See [`Notices`].
    pub notices: Arc<dyn Notices>,
    /// See [`Transport`].
    pub transport: Arc<dyn Transport>,
    /// See [`Clock`].
    pub clock: Arc<dyn Clock>,
    /// See [`Entropy`].
    pub entropy: Arc<dyn Entropy>,
}

impl Service {
    /// The limits that webhooks are created under.
    #[must_use]
    pub fn limits(&self) -> Limits {
        Limits { webhooks: self.settings.max_webhooks, patterns: self.settings.max_pattern_webhooks }
    }
}
