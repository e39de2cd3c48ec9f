//! The foreign systems behind the use cases, named after what they are for.
//!
//! A method is one step that either happened or did not. `Err` always means *our own infrastructure failed, try again*;
//! everything that can go differently on a good day is a value. Every implementation MUST pass the port contracts in
//! `tests/`.

mod accounts;
mod attachments;
mod audit;
mod deliveries;
mod event_types;
mod events;
mod examination;
mod health;
mod mail_limiter;
mod mailer;
mod policies;
mod queues;
pub mod rate_limit;
mod redeliveries;
mod transport;
mod vault;
mod webhooks;

use std::sync::Arc;

pub use self::accounts::{Accounts, TokenCreated};
pub use self::attachments::{Attachments, Content, Download, Received, SenderGone, Signature};
pub use self::audit::Audit;
pub use self::deliveries::{AttemptClaim, Deliveries, DeliveryPage, DeliveryQuery, DeliveryScope, Recorded};
pub use self::event_types::{EventTypeCreated, EventTypes};
pub use self::events::{EventClaim, Events, StoredEvent};
pub use self::examination::{Examination, TlsSeen};
pub use self::health::{Health, HostStatus};
pub use self::mail_limiter::{Admission, NoticeKind, NoticeLimits, Notices};
pub use self::mailer::{Mail, Mailer};
pub use self::policies::{Policies, PolicyDeleted};
pub use self::queues::{Disposition, Queues};
pub use self::redeliveries::{Begun, Redeliveries, RedeliveryPage, RedeliveryQuery};
pub use self::transport::{Exchange, OutgoingRequest, Transport};
pub use self::vault::Vault;
pub use self::webhooks::{Created, Limits, Webhooks};
use crate::clock::{Clock, Entropy};
use crate::settings::Settings;

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
