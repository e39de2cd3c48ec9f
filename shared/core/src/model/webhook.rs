//! Webhooks: *when this event occurs, POST to this URI* (section 3).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::account::Account;
use super::attachment::Attachment;
use super::policy::Policy;
use super::sealed::{SealContext, Sealed};
use super::subscription::Subscriptions;
use crate::ids::{AccountId, PolicyId, WebhookId};
use crate::values::milliseconds;
use crate::values::{ContentFilter, EndpointUri, MailAddress};

/// A webhook as it is stored.
///
/// Its JSON is the stored record. Description, attachments and last error are not part of it: stores keep them apart,
/// because a delivery does not need them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhook {
    /// Its id.
    pub id: WebhookId,
    /// Whose it is.
    pub account: AccountId,
    /// The events and patterns that it waits for.
    #[serde(rename = "event")]
    pub events: Subscriptions,
    /// Which of these events it gets; all if there is none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub filter: Option<ContentFilter>,
    /// Where messages go; the password is among the [`WebhookSecrets`](super::webhook_secrets::WebhookSecrets).
    pub uri: EndpointUri,
    /// Its name, at most 128 characters.
    pub name: String,
    /// Free text, at most 65,536 bytes.
    #[serde(skip)]
    pub description: Option<String>,
    /// The files that belong to the description, in their order.
    #[serde(skip)]
    pub attachments: Vec<Attachment>,
    /// Nothing is sent while it is disabled.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub disabled: bool,
    /// Who disabled it, and when; `None` while it is enabled.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub disabling: Option<Disabling>,
    /// Addresses for mails about failures, as they were given; at most 1,024 characters.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub mail_exceptions_to: Option<String>,
    /// The policy that signs its messages.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub policy: Option<PolicyId>,
    /// Who created it, as software: at most 30 characters.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub source: Option<String>,
    /// Its id over there: at most 128 characters.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub source_id: Option<String>,
    /// `openid_connect_discovery` of section 7.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub openid_connect_discovery: bool,
    /// Names of the extra headers, in the order given; their values are among the
    /// [`WebhookSecrets`](super::webhook_secrets::WebhookSecrets).
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub header_names: Vec<String>,
    /// The sealed [`WebhookSecrets`](super::webhook_secrets::WebhookSecrets).
    pub secrets: Sealed,
    /// Counts the changes of the secrets; authenticated with them.
    pub secrets_version: u64,
    /// The endpoint proved that it wants our messages, or verification is off.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub verified: bool,
    /// When it was created.
    #[serde(with = "milliseconds")]
    pub created_at: Timestamp,
    /// When an administrator last changed it.
    #[serde(with = "milliseconds")]
    pub updated_at: Timestamp,
    /// Counts the changes by administrators: the optimistic lock.
    pub version: u64,
    /// The error of the newest failed delivery; `None` after the next success. Kept with the webhook's health, so a
    /// write of the webhook does not touch it.
    #[serde(skip)]
    pub last_error: Option<String>,
}

/// How many entries of events, and attachments, one change of a webhook may write: on AWS that is one transaction of at
/// most a hundred writes, of which eight are for the webhook itself.
pub const MAX_LINKED_WRITES: usize = 90;

impl Webhook {
    /// How many entries of events, and attachments, are written when the webhook becomes `new`: every entry that it has
    /// then, those that it loses, and the attachments that come or go.
    #[must_use]
    pub fn linked_writes(&self, new: &Self) -> usize {
        let lost = self.events.iter().filter(|event| new.events.iter().all(|other| other != *event));
        let moved = |from: &[Attachment], to: &[Attachment]| {
            from.iter().filter(|one| to.iter().all(|other| other.key != one.key)).count()
        };
        let attachments = moved(&self.attachments, &new.attachments) + moved(&new.attachments, &self.attachments);
        new.events.iter().count() + lost.count() + attachments
    }

    /// What its secrets are sealed for.
    #[must_use]
    pub fn seal_context(&self) -> SealContext<'_> {
        seal_context(&self.account, self.id, self.secrets_version)
    }
}

/// A webhook was disabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disabling {
    /// By whom.
    pub by: DisabledBy,
    /// When.
    #[serde(with = "milliseconds")]
    pub at: Timestamp,
}

/// Who disabled a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
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

impl DeliveryTarget {
    /// What a delivery needs of a stored webhook. `None` if the parts do not fit together: the policy is missing, or the
    /// addresses are unreadable. Nothing may be sent then, least of all unsigned.
    #[must_use]
    pub fn new(webhook: Webhook, account: &Account, policy: Option<Policy>, health: WebhookHealth) -> Option<Self> {
        if webhook.policy != policy.as_ref().map(|policy| policy.id) {
            return None;
        }
        let mail_to = match webhook.mail_exceptions_to.as_deref().filter(|text| !text.trim().is_empty()) {
            Some(text) => MailAddress::parse_list(text, usize::MAX)?,
            None => account.admin_mails.clone(),
        };
        Some(Self {
            id: webhook.id,
            name: webhook.name,
            uri: webhook.uri,
            header_names: webhook.header_names,
            secrets: webhook.secrets,
            secrets_version: webhook.secrets_version,
            disabled: webhook.disabled || account.disabled,
            account_disabled: account.disabled,
            verified: webhook.verified,
            policy,
            openid_connect_discovery: webhook.openid_connect_discovery,
            mail_to,
            account_name: account.name.clone(),
            health,
        })
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn webhook() -> Webhook {
        let at = Timestamp::from_millisecond(1_764_063_000_123).unwrap();
        Webhook {
            id: WebhookId(7),
            account: AccountId::parse("wdc").unwrap(),
            events: Subscriptions::stored("request.*").unwrap(),
            filter: None,
            uri: EndpointUri::stored("https://ada:***@a.example/x").unwrap(),
            name: "n".to_owned(),
            description: None,
            attachments: Vec::new(),
            disabled: false,
            disabling: None,
            mail_exceptions_to: None,
            policy: None,
            source: None,
            source_id: None,
            openid_connect_discovery: false,
            header_names: Vec::new(),
            secrets: Sealed(vec![1, 2, 255]),
            secrets_version: 1,
            verified: true,
            created_at: at,
            updated_at: at,
            version: 1,
            last_error: None,
        }
    }

    #[test]
    fn a_record_leaves_out_what_is_absent_and_what_is_stored_apart() {
        let mut webhook = webhook();
        let text = serde_json::to_string(&webhook).unwrap();
        assert_eq!(
            text,
            concat!(
                r#"{"id":7,"account":"wdc","event":"request.*","uri":"https://ada:***@a.example/x","name":"n","#,
                r#""secrets":"AQL/","secrets_version":1,"verified":true,"created_at":1764063000123,"#,
                r#""updated_at":1764063000123,"version":1}"#
            )
        );
        assert_eq!(serde_json::from_str::<Webhook>(&text).unwrap(), webhook);

        webhook.disabled = true;
        webhook.disabling = Some(Disabling { by: DisabledBy::Gone, at: webhook.created_at });
        webhook.mail_exceptions_to = Some("a@b.example".to_owned());
        webhook.events = Subscriptions::stored("request.* risk.create").unwrap();
        webhook.filter = Some(ContentFilter::parse(r#"{"object_id":[1.50]}"#).unwrap());
        webhook.policy = Some(PolicyId(3));
        webhook.source = Some("s".to_owned());
        webhook.source_id = Some("i".to_owned());
        webhook.openid_connect_discovery = true;
        webhook.header_names = vec!["X-Key".to_owned()];
        webhook.verified = false;
        let text = serde_json::to_string(&webhook).unwrap();
        assert!(text.contains(r#""disabling":{"by":"gone","at":1764063000123}"#), "{text}");
        assert_eq!(serde_json::from_str::<Webhook>(&text).unwrap(), webhook);

        (webhook.description, webhook.last_error) = (Some("d".to_owned()), Some("Timeout".to_owned()));
        assert_eq!(serde_json::to_string(&webhook).unwrap(), text, "stored apart");
    }

    #[test]
    fn broken_records_are_refused() {
        let text = serde_json::to_string(&webhook()).unwrap();
        for (good, bad) in [
            ("request.*", "Request"),
            ("https://ada:***@a.example/x", "ftp://a.example/"),
            ("AQL/", "AQL"),
            (r#""wdc""#, r#""W D C""#),
            (r#""created_at":1764063000123"#, r#""created_at":999999999999999999"#),
        ] {
            assert!(text.contains(good), "{good}");
            assert!(serde_json::from_str::<Webhook>(&text.replace(good, bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_delivery_gets_no_target_without_its_policy_or_its_addresses() {
        let account = Account {
            id: AccountId::parse("wdc").unwrap(),
            name: "Widgets".to_owned(),
            admin_mails: MailAddress::parse_list("admin@wdc.example", 1).unwrap(),
            time_zone: crate::values::TimeZone::default(),
            custom_url: None,
            disabled: true,
            created_at: Timestamp::UNIX_EPOCH,
        };
        let new = |webhook| DeliveryTarget::new(webhook, &account, None, WebhookHealth::default());
        let target = new(webhook()).unwrap();
        assert!(target.disabled && target.account_disabled);
        assert_eq!((target.mail_to, target.account_name.as_str()), (account.admin_mails.clone(), "Widgets"));
        let own = new(Webhook { mail_exceptions_to: Some("ops@wdc.example".to_owned()), ..webhook() }).unwrap();
        assert_eq!(own.mail_to[0].as_str(), "ops@wdc.example");
        assert!(new(Webhook { policy: Some(PolicyId(1)), ..webhook() }).is_none());
        assert!(new(Webhook { mail_exceptions_to: Some("no address".to_owned()), ..webhook() }).is_none());
    }
}
