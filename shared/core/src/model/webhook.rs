//! Webhooks: *when this event occurs, POST to this URI* (section 3).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::account::AccountId;
use crate::attachment::Attachment;
use crate::clock::Entropy;
use crate::endpoint_uri::EndpointUri;
use crate::mail_address::MailAddress;
use crate::matching::Subscription;
use crate::policy::{Policy, PolicyId};
use crate::secret::{SealContext, Sealed, Secret};
use crate::signing::hmac::SigningSecret;
use crate::verify::Code;

/// Id of a webhook: one counter per deployment, never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WebhookId(pub u64);

impl std::fmt::Display for WebhookId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// A webhook as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Its id.
    pub id: WebhookId,
    /// Whose it is.
    pub account: AccountId,
    /// The event or pattern that it waits for.
    pub event: Subscription,
    /// Where messages go; the password is among the [`Secrets`].
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
    /// Names of the extra headers, in the order given; their values are among the [`Secrets`].
    pub header_names: Vec<String>,
    /// The sealed [`Secrets`].
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

/// All that is secret about a webhook, sealed as one value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secrets {
    /// The password of the URI.
    pub uri_password: Option<Secret<String>>,
    /// The values of the extra headers, in the order of [`Webhook::header_names`].
    pub header_values: Vec<Secret<String>>,
    /// The Standard Webhooks secret that signs.
    pub signing: SigningSecret,
    /// Older signing secrets, which sign as well until their time is over.
    pub retiring: Vec<RetiringSecret>,
    /// What the endpoint must send back to be verified, or sent back.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub code: Option<Code>,
}

/// A signing secret that was rotated out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetiringSecret {
    /// The secret.
    pub secret: SigningSecret,
    /// When it stops signing.
    pub until: Timestamp,
}

impl Secrets {
    /// The secrets of a new webhook.
    #[must_use]
    pub fn new(entropy: &dyn Entropy) -> Self {
        Self {
            uri_password: None,
            header_values: Vec::new(),
            signing: SigningSecret::generate(entropy),
            retiring: Vec::new(),
            code: None,
        }
    }

    /// As bytes, to be sealed.
    #[must_use]
    pub fn encode(&self) -> zeroize::Zeroizing<Vec<u8>> {
        zeroize::Zeroizing::new(serde_json::to_vec(self).expect("strings and times always become JSON"))
    }

    /// From bytes that were sealed; `None` if they are not the secrets of a webhook.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }
}

/// What a delivery needs of a webhook, read anew at every attempt: its state and its health.
#[derive(Debug, Clone)]
pub struct Target {
    /// The webhook's id.
    pub id: WebhookId,
    /// Its current name, for records and mails.
    pub name: String,
    /// Where to send.
    pub uri: EndpointUri,
    /// Names of the extra headers.
    pub header_names: Vec<String>,
    /// The sealed [`Secrets`].
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
    pub health: Health,
}

/// How the deliveries of a webhook have been doing since its last success.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Health {
    /// The error of the newest failed delivery.
    pub last_error: Option<String>,
    /// Counted failures since the last success.
    pub failures: u32,
    /// When the first of them was.
    pub first_failure_at: Option<Timestamp>,
}

impl Health {
    /// Nothing is wrong: a success changes nothing and needs no write.
    #[must_use]
    pub fn is_good(&self) -> bool {
        *self == Self::default()
    }
}
