//! Webhooks: *when this event occurs, POST to this URI* (section 3).

use jiff::Timestamp;

use super::attachment::Attachment;
use super::policy::Policy;
use super::sealed::{SealContext, Sealed};
use super::subscription::Subscription;
use crate::ids::{AccountId, PolicyId, WebhookId};
use crate::values::{EndpointUri, MailAddress};

/// A webhook as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Its id.
    pub id: WebhookId,
    /// Whose it is.
    pub account: AccountId,
    /// The event or pattern that it waits for.
    pub event: Subscription,
    /// Where messages go; the password is among the [`WebhookSecrets`](super::webhook_secrets::WebhookSecrets).
    pub uri: EndpointUri,
    /// Its name, at most 128 characters.
    pub name: String,
    /// Free text, at most 65,536 bytes.
    pub description: Option<String>,
    /// The files that belong to the description, in their order.
    pub attachments: Vec<Attachment>,
    /// Nothing is sent while it is disabled.
    pub disabled: bool,
    /// Who disabled it, and when; `None` while it is enabled.
    pub disabling: Option<Disabling>,
    /// Addresses for mails about failures, as they were given; at most 1,024 characters.
    pub mail_exceptions_to: Option<String>,
    /// The policy that signs its messages.
    pub policy: Option<PolicyId>,
    /// Who created it, as software: at most 30 characters.
    pub source: Option<String>,
    /// Its id over there: at most 128 characters.
    pub source_id: Option<String>,
    /// `openid_connect_discovery` of section 7.
    pub openid_connect_discovery: bool,
    /// Names of the extra headers, in the order given; their values are among the
    /// [`WebhookSecrets`](super::webhook_secrets::WebhookSecrets).
    pub header_names: Vec<String>,
    /// The sealed [`WebhookSecrets`](super::webhook_secrets::WebhookSecrets).
    pub secrets: Sealed,
    /// Counts the changes of the secrets; authenticated with them.
    pub secrets_version: u64,
    /// The endpoint proved that it wants our messages, or verification is off.
    pub verified: bool,
    /// When it was created.
    pub created_at: Timestamp,
    /// When an administrator last changed it.
    pub updated_at: Timestamp,
    /// Counts the changes by administrators: the optimistic lock.
    pub version: u64,
    /// The error of the newest failed delivery; `None` after the next success. Kept with the webhook's health, so a
    /// write of the webhook does not touch it.
    pub last_error: Option<String>,
}

impl Webhook {
    /// What its secrets are sealed for.
    #[must_use]
    pub fn seal_context(&self) -> SealContext<'_> {
        seal_context(&self.account, self.id, self.secrets_version)
    }
}

/// A webhook was disabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disabling {
    /// By whom.
    pub by: DisabledBy,
    /// When.
    pub at: Timestamp,
}

/// Who disabled a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DisabledBy {
    /// An administrator: never undone by the service.
    Administrator,
    /// The service, after too many failures.
    Failures,
    /// The service, because the endpoint answered 410.
    Gone,
}

impl DisabledBy {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Administrator, Self::Failures, Self::Gone];
}

/// What the secrets of a webhook are sealed for.
#[must_use]
pub fn seal_context(account: &AccountId, id: WebhookId, version: u64) -> SealContext<'_> {
    SealContext { account, kind: "webhook", id: id.0, version }
}

/// What a delivery needs of a webhook, read anew at every attempt: its state and its health.
#[derive(Debug, Clone)]
pub struct DeliveryTarget {
    /// The webhook's id.
    pub id: WebhookId,
    /// Its current name, for records and mails.
    pub name: String,
    /// Where to send.
    pub uri: EndpointUri,
    /// Names of the extra headers.
    pub header_names: Vec<String>,
    /// The sealed [`WebhookSecrets`](super::webhook_secrets::WebhookSecrets).
    pub secrets: Sealed,
    /// The version they were sealed with.
    pub secrets_version: u64,
    /// No event may be sent: the webhook or its account is disabled.
    pub disabled: bool,
    /// Nothing at all may be sent: its account is disabled.
    pub account_disabled: bool,
    /// See [`Webhook::verified`].
    pub verified: bool,
    /// The policy that signs its messages, read in the same step. A webhook that has one MUST NOT come without it.
    pub policy: Option<Policy>,
    /// See [`Webhook::openid_connect_discovery`].
    pub openid_connect_discovery: bool,
    /// Where mails about failures go: the webhook's addresses, else the account's administrators.
    pub mail_to: Vec<MailAddress>,
    /// The account's name, for mails.
    pub account_name: String,
    /// How it has been doing.
    pub health: WebhookHealth,
}

/// How the deliveries of a webhook have been doing since its last success.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WebhookHealth {
    /// The error of the newest failed delivery.
    pub last_error: Option<String>,
    /// Counted failures since the last success.
    pub failures: u32,
    /// When the first of them was.
    pub first_failure_at: Option<Timestamp>,
}

impl WebhookHealth {
    /// Nothing is wrong: a success changes nothing and needs no write.
    #[must_use]
    pub fn is_good(&self) -> bool {
        *self == Self::default()
    }
}
