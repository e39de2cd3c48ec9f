//! The audit trail: who changed which webhook or policy, when, and what (sections 3 and 7).
//!
//! An entry is made before the change and written in the same step, so there is no change without an entry and no entry
//! without a change. Showing a secret changes nothing: its entry ([`Action::Read`]) is written before the secret is
//! shown. Entries outlive the record that they are about. Secrets appear in them only as [`CHANGED`].

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::account::AccountId;
use crate::attachment::Attachment;
use crate::policy::{Policy, PolicyId};
use crate::token::Person;
use crate::webhook::{Secrets, Webhook, WebhookId};

/// All that an entry tells of a secret.
pub const CHANGED: &str = "changed";

/// What an entry is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A webhook.
    Webhook(WebhookId),
    /// A webhook policy.
    Policy(PolicyId),
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// It was created.
    Create,
    /// It was changed.
    Update,
    /// It was deleted.
    Destroy,
    /// A secret of it was shown.
    Read,
}

impl Action {
    /// All actions.
    pub const ALL: [Self; 4] = [Self::Create, Self::Update, Self::Destroy, Self::Read];

    /// As it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Destroy => "destroy",
            Self::Read => "read",
        }
    }

    /// The action of that name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.as_str() == text)
    }
}

/// What changed: `{field: [old, new]}`, by the names of the API.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Changes(BTreeMap<Cow<'static, str>, [Value; 2]>);

impl Changes {
    /// What lies between two states of a record, each a list of fields with their values; `None` if there was or is no
    /// record. A field that is null or missing on both sides, or equal, has not changed.
    #[must_use]
    pub fn between(old: Option<&[(&'static str, Value)]>, new: Option<&[(&'static str, Value)]>) -> Self {
        let mut changes = Self::default();
        for (field, _) in old.into_iter().chain(new).flatten() {
            let value = |side: Option<&[(&'static str, Value)]>| {
                let found = side.into_iter().flatten().find(|(name, _)| name == field);
                found.map_or(Value::Null, |(_, value)| value.clone())
            };
            changes.note(field, value(old), value(new));
        }
        changes
    }

    /// Notes a field, unless both values are equal. Neither may be a secret.
    pub fn note(&mut self, field: &'static str, old: impl Into<Value>, new: impl Into<Value>) {
        let (old, new) = (old.into(), new.into());
        if old != new {
            self.0.insert(field.into(), [old, new]);
        }
    }

    /// Notes a secret that changed: whether there was one, and whether there is one.
    pub fn note_secret(&mut self, field: &'static str, old: bool, new: bool) {
        let shown = |there: bool| if there { Value::from(CHANGED) } else { Value::Null };
        self.0.insert(field.into(), [shown(old), shown(new)]);
    }
}

/// An entry before it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// Whose record it is about.
    pub account: AccountId,
    /// The record.
    pub subject: Subject,
    /// What was done.
    pub action: Action,
    /// When.
    pub at: Timestamp,
    /// Who did it; `None` is the service itself.
    pub by: Option<Person>,
    /// What changed.
    pub changes: Changes,
}

/// An entry as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audited {
    /// Its id: newer entries have larger ones.
    pub id: u64,
    /// What it tells.
    pub entry: AuditEntry,
}

/// What the creation of a webhook or a change of it changes; each state with its opened secrets.
#[must_use]
pub fn webhook_changes(old: Option<(&Webhook, &Secrets)>, new: (&Webhook, &Secrets)) -> Changes {
    let old_fields = old.map(|(webhook, _)| fields(webhook));
    let mut changes = Changes::between(old_fields.as_deref(), Some(&fields(new.0)));
    let (old_password, new_password) =
        (old.and_then(|(_, old)| old.uri_password.as_ref()), new.1.uri_password.as_ref());
    if old_password != new_password {
        changes.note_secret("uri_password", old_password.is_some(), new_password.is_some());
    }
    let gone = old.map_or(Value::Null, |old| changed_headers(old, Some(new)));
    let come = changed_headers(new, old);
    if !gone.is_null() || !come.is_null() {
        changes.0.insert("headers".into(), [gone, come]);
    }
    if old.is_some_and(|(_, old)| old.signing != new.1.signing) {
        changes.note_secret("secret", true, true);
    }
    let (old_code, new_code) = (old.and_then(|(_, old)| old.code.as_ref()), new.1.code.as_ref());
    if old_code != new_code {
        changes.note_secret("code", old_code.is_some(), new_code.is_some());
    }
    changes
}

/// What the deletion of a webhook changes. Asks for no secrets: a webhook can be deleted when they do not open any more.
#[must_use]
pub fn webhook_destroyed(webhook: &Webhook) -> Changes {
    let mut changes = Changes::between(Some(&fields(webhook)), None);
    if webhook.uri.has_password() {
        changes.note_secret("uri_password", true, false);
    }
    changes.note("headers", masked_headers(&webhook.header_names), Value::Null);
    changes
}

/// What the creation, a change or the deletion of a policy changes.
#[must_use]
pub fn policy_changes(old: Option<&Policy>, new: Option<&Policy>) -> Changes {
    let (old_fields, new_fields) = (old.map(policy_fields), new.map(policy_fields));
    Changes::between(old_fields.as_deref(), new_fields.as_deref())
}

/// The fields of a policy that tell nothing secret. Of the keys they tell which is the newest, from when on it signs with
/// discovery, and which is the newest that was activated.
fn policy_fields(policy: &Policy) -> Vec<(&'static str, Value)> {
    let Policy {
        id: _,
        account: _,
        name,
        disabled,
        algorithm,
        audience,
        expires_in,
        keys,
        created_at: _,
        updated_at: _,
        version: _,
    } = policy;
    vec![
        ("name", name.as_str().into()),
        ("disabled", (*disabled).into()),
        ("jwt_alg", algorithm.as_str().into()),
        ("jwt_audience", audience.as_deref().into()),
        ("jwt_claim_expires_in", (*expires_in).into()),
        ("kid", keys.newest().kid.to_string().into()),
        ("signs_with_discovery_from", keys.newest().with_discovery_from.to_string().into()),
        ("activated_kid", keys.activated().map(|key| key.kid.to_string()).into()),
    ]
}

/// The fields of a webhook that tell nothing secret. What follows from the others, or is no one's doing, is left out.
fn fields(webhook: &Webhook) -> Vec<(&'static str, Value)> {
    let Webhook {
        id: _,
        account: _,
        event,
        uri,
        name,
        description,
        attachments,
        disabled,
        disabling: _,
        mail_exceptions_to,
        policy,
        source,
        source_id,
        openid_connect_discovery,
        header_names: _,
        secrets: _,
        secrets_version: _,
        verified,
        created_at: _,
        updated_at: _,
        version: _,
        last_error: _,
    } = webhook;
    vec![
        ("event", event.to_string().into()),
        ("uri", uri.masked().into()),
        ("name", name.as_str().into()),
        ("description", description.as_deref().into()),
        ("attachments", names_of(attachments)),
        ("disabled", (*disabled).into()),
        ("mail_exceptions_to", mail_exceptions_to.as_deref().into()),
        ("webhook_policy_id", policy.map(|policy| policy.0).into()),
        ("source", source.as_deref().into()),
        ("sourceID", source_id.as_deref().into()),
        ("openid_connect_discovery", (*openid_connect_discovery).into()),
        ("verified", (*verified).into()),
    ]
}

/// Keys and names of attachments; null if there are none.
fn names_of(attachments: &[Attachment]) -> Value {
    let shown =
        |attachment: &Attachment| json!({"key": attachment.key, "name": attachment.name, "inline": attachment.inline});
    if attachments.is_empty() { Value::Null } else { attachments.iter().map(shown).collect() }
}

/// The headers of one side that the other side does not have with that value.
fn changed_headers(of: (&Webhook, &Secrets), other: Option<(&Webhook, &Secrets)>) -> Value {
    let (webhook, secrets) = of;
    let value = |name: &String| {
        let (webhook, secrets) = other?;
        let at = webhook.header_names.iter().position(|known| known == name)?;
        secrets.header_values.get(at)
    };
    let pairs = webhook.header_names.iter().zip(&secrets.header_values);
    masked_headers(pairs.filter(|(name, own)| value(name) != Some(*own)).map(|(name, _)| name))
}

/// `{name: "changed"}`; null if there are none.
fn masked_headers<'a>(names: impl IntoIterator<Item = &'a String>) -> Value {
    let names: serde_json::Map<String, Value> = names.into_iter().map(|name| (name.clone(), CHANGED.into())).collect();
    if names.is_empty() { Value::Null } else { names.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::System;
    use crate::endpoint_uri::EndpointUri;
    use crate::matching::Subscription;
    use crate::secret::{Sealed, Secret};

    fn webhook(uri: &str, headers: &[(&str, &str)]) -> (Webhook, Secrets) {
        let given = EndpointUri::parse(uri).unwrap();
        let mut secrets = Secrets::new(&System);
        secrets.uri_password = given.password;
        secrets.header_values = headers.iter().map(|(_, value)| Secret::new((*value).to_owned())).collect();
        let webhook = Webhook {
            id: WebhookId(1),
            account: AccountId::parse("wdc").unwrap(),
            event: Subscription::pattern("*").unwrap(),
            uri: given.uri,
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
            header_names: headers.iter().map(|(name, _)| (*name).to_owned()).collect(),
            secrets: Sealed(Vec::new()),
            secrets_version: 1,
            verified: true,
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
            version: 1,
            last_error: None,
        };
        (webhook, secrets)
    }

    fn told(old: Option<&(Webhook, Secrets)>, new: &(Webhook, Secrets)) -> Value {
        serde_json::to_value(webhook_changes(old.map(|(webhook, secrets)| (webhook, secrets)), (&new.0, &new.1)))
            .unwrap()
    }

    #[test]
    fn creation_and_deletion_tell_every_field_that_is_set() {
        let created = webhook("https://ada:canary@a.example/", &[("X-Key", "canary")]);
        assert_eq!(
            told(None, &created),
            json!({
                "event": [null, "*"],
                "uri": [null, "https://ada:***@a.example/"],
                "uri_password": [null, "changed"],
                "name": [null, "n"],
                "disabled": [null, false],
                "openid_connect_discovery": [null, false],
                "verified": [null, true],
                "headers": [null, {"X-Key": "changed"}],
            })
        );
        let destroyed = serde_json::to_value(webhook_destroyed(&created.0)).unwrap();
        assert_eq!(destroyed["uri_password"], json!(["changed", null]));
        assert_eq!(destroyed["headers"], json!([{"X-Key": "changed"}, null]));
        assert!(destroyed.get("description").is_none() && !destroyed.to_string().contains("canary"));
    }

    #[test]
    fn an_update_tells_what_changed_and_nothing_else() {
        let before = webhook("https://ada:a@a.example/", &[("X-A", "1"), ("X-B", "2"), ("X-C", "3")]);
        assert_eq!(told(Some(&before), &before), json!({}));
        let mut after = webhook("https://ada:b@a.example/", &[("X-A", "1"), ("X-B", "9"), ("X-D", "3")]);
        after.1.signing = before.1.signing.clone();
        assert_eq!(
            told(Some(&before), &after),
            json!({
                "uri_password": ["changed", "changed"],
                "headers": [{"X-B": "changed", "X-C": "changed"}, {"X-B": "changed", "X-D": "changed"}],
            })
        );
        let mut other_value = before.clone();
        other_value.1.header_values[0] = Secret::new("9".to_owned());
        let headers = told(Some(&before), &other_value);
        assert_eq!(headers, json!({"headers": [{"X-A": "changed"}, {"X-A": "changed"}]}));
        let mut rotated = before.clone();
        rotated.1.signing = Secrets::new(&System).signing;
        assert_eq!(told(Some(&before), &rotated), json!({"secret": ["changed", "changed"]}));
    }

    #[test]
    fn actions_have_the_names_of_the_contract() {
        assert_eq!(Action::ALL.map(Action::as_str), ["create", "update", "destroy", "read"]);
        assert!(Action::ALL.into_iter().all(|action| Action::parse(action.as_str()) == Some(action)));
    }
}
