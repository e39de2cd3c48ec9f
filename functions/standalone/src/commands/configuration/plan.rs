//! What has to change so that the account is as the file says.

use std::collections::{BTreeMap, BTreeSet};

use hookline_core::rules::request::CONTENT_TYPE;
use hookline_core::values::EndpointUri;
use serde_json::{Map, Value, json};

use super::account::{CurrentAccount, CurrentWebhook};
use super::file::{Configuration, DescribedType, EventTypeEntry, PolicyEntry, WebhookEntry, WebhookKey};
use super::secrets::{masked, missing};

/// A change, in the order in which changes are made.
#[derive(Debug, PartialEq)]
pub(super) enum Change {
    CreateEventType(DescribedType),
    UpdateEventType {
        name: String,
        fields: Vec<FieldChange>,
    },
    CreatePolicy(String, PolicyEntry),
    UpdatePolicy {
        name: String,
        id: u64,
        fields: Vec<FieldChange>,
    },
    CreateWebhook(WebhookEntry),
    UpdateWebhook {
        id: u64,
        entry: WebhookEntry,
        fields: Vec<FieldChange>,
    },
    /// The secrets of the file are written, which may be those that are stored.
    WriteSecrets {
        id: u64,
        entry: WebhookEntry,
    },
    /// After its webhooks have been linked to it.
    DisablePolicy(String),
    DeleteWebhook(u64, WebhookKey),
}

/// A field with its old and new value.
#[derive(Debug, PartialEq)]
pub(super) struct FieldChange {
    pub(super) field: &'static str,
    pub(super) old: Value,
    pub(super) new: Value,
}

/// All changes, and the policies of the account by their names in the file.
#[derive(Debug)]
pub(super) struct ChangePlan {
    pub(super) policies: BTreeMap<String, u64>,
    pub(super) changes: Vec<Change>,
}

/// Compares the file with the account. The error names what cannot be applied.
pub(super) fn plan(file: &Configuration, current: &CurrentAccount, prune: bool) -> Result<ChangePlan, String> {
    let by_key = by_key(current)?;
    let policies = assign_policies(file, current, &by_key);
    let mut changes = Vec::new();
    for wanted in file.event_types.iter().map(EventTypeEntry::described) {
        match current.event_types.get(&wanted.name) {
            None => changes.push(Change::CreateEventType(wanted)),
            Some(stored) => {
                let fields = differences(&event_type_fields(stored), &event_type_fields(&wanted));
                if !fields.is_empty() {
                    changes.push(Change::UpdateEventType { name: wanted.name, fields });
                }
            }
        }
    }
    let mut disabled = Vec::new();
    for (name, wanted) in &file.policies {
        match policies.get(name).and_then(|id| Some((*id, current.policies.get(id)?))) {
            None => {
                changes.push(Change::CreatePolicy(name.clone(), wanted.clone()));
                disabled.extend(wanted.disabled.then(|| Change::DisablePolicy(name.clone())));
            }
            Some((id, stored)) => {
                let fields = differences(&policy_fields(stored), &policy_fields(wanted));
                if !fields.is_empty() {
                    changes.push(Change::UpdatePolicy { name: name.clone(), id, fields });
                }
                match (stored.disabled, wanted.disabled) {
                    (false, true) => disabled.push(Change::DisablePolicy(name.clone())),
                    (true, true) => check_links(file, &by_key, name, id)?,
                    (_, false) => {}
                }
            }
        }
    }
    for wanted in &file.webhooks {
        changes.extend(match by_key.get(&wanted.key()) {
            None => Some(created(wanted)?),
            Some(stored) => updated(wanted, stored, &policies)?,
        });
    }
    changes.append(&mut disabled);
    if prune {
        let sources: BTreeSet<&str> = file.webhooks.iter().map(|webhook| webhook.source.as_str()).collect();
        let kept: BTreeSet<WebhookKey> = file.webhooks.iter().map(WebhookEntry::key).collect();
        let of_file = by_key.iter().filter(|(key, _)| sources.contains(key.0.as_str()) && !kept.contains(key));
        changes.extend(of_file.map(|(key, webhook)| Change::DeleteWebhook(webhook.id, key.clone())));
    }
    Ok(ChangePlan { policies, changes })
}

/// The webhooks that have a key of their own.
fn by_key(current: &CurrentAccount) -> Result<BTreeMap<WebhookKey, &CurrentWebhook>, String> {
    let mut by_key = BTreeMap::new();
    for webhook in &current.webhooks {
        let key = webhook.entry.key();
        if key.1.is_empty() {
            continue;
        }
        if let Some(other) = by_key.insert(key.clone(), webhook) {
            let (one, other) = (other.id, webhook.id);
            return Err(format!("webhooks #{one} and #{other} of the account both have source and sourceID {key}"));
        }
    }
    Ok(by_key)
}

/// Which policy of the account each name stands for: the one that most of its webhooks use. Each policy has one name.
fn assign_policies(
    file: &Configuration,
    current: &CurrentAccount,
    by_key: &BTreeMap<WebhookKey, &CurrentWebhook>,
) -> BTreeMap<String, u64> {
    let mut votes: BTreeMap<(&str, u64), usize> = BTreeMap::new();
    for webhook in &file.webhooks {
        let stored = by_key.get(&webhook.key()).and_then(|stored| stored.policy);
        if let (Some(name), Some(id)) = (&webhook.policy, stored)
            && let (Some(wanted), Some(stored)) = (file.policies.get(name), current.policies.get(&id))
            && wanted.jwt_alg == stored.jwt_alg
        {
            *votes.entry((name, id)).or_default() += 1;
        }
    }
    let mut votes: Vec<_> = votes.into_iter().collect();
    votes.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let (mut assigned, mut taken) = (BTreeMap::new(), BTreeSet::new());
    for ((name, id), _) in votes {
        if !assigned.contains_key(name) && taken.insert(id) {
            assigned.insert(name.to_owned(), id);
        }
    }
    assigned
}

/// A disabled policy takes no new webhooks.
fn check_links(
    file: &Configuration,
    by_key: &BTreeMap<WebhookKey, &CurrentWebhook>,
    name: &str,
    id: u64,
) -> Result<(), String> {
    let mut linked = file.webhooks.iter().filter(|webhook| webhook.policy.as_deref() == Some(name));
    let other = linked.find(|webhook| by_key.get(&webhook.key()).is_none_or(|stored| stored.policy != Some(id)));
    match other {
        Some(webhook) => Err(format!("webhook {}: policy {name} is disabled and takes no webhooks", webhook.key())),
        None => Ok(()),
    }
}

fn created(wanted: &WebhookEntry) -> Result<Change, String> {
    match missing(wanted).first() {
        Some(secret) => Err(format!("webhook {}: {secret} is needed: give it with --secrets FILE", wanted.key())),
        None => Ok(Change::CreateWebhook(wanted.clone())),
    }
}

fn updated(
    wanted: &WebhookEntry,
    stored: &CurrentWebhook,
    policies: &BTreeMap<String, u64>,
) -> Result<Option<Change>, String> {
    check_stored_secrets(wanted, stored)?;
    let shown = masked(wanted);
    let mut fields = differences(&webhook_fields(&stored.entry), &webhook_fields(&shown));
    let policy = shown.policy.as_ref().map(|name| policies.get(name));
    if policy.map(Option::<&u64>::copied) != stored.policy.map(Some) {
        fields.push(FieldChange { field: "policy", old: stored.policy.into(), new: shown.policy.clone().into() });
    }
    Ok(if !fields.is_empty() {
        Some(Change::UpdateWebhook { id: stored.id, entry: wanted.clone(), fields })
    } else if shown == *wanted {
        None
    } else {
        Some(Change::WriteSecrets { id: stored.id, entry: wanted.clone() })
    })
}

/// Refuses a `***` for which the service has no value, or drops the one that it has.
fn check_stored_secrets(wanted: &WebhookEntry, stored: &CurrentWebhook) -> Result<(), String> {
    let (Ok(new), Ok(old)) = (EndpointUri::parse(&wanted.uri), EndpointUri::parse(&stored.entry.uri)) else {
        return Ok(());
    };
    let is_stored = |secret: &str| match secret.strip_prefix("the value of header ") {
        Some(name) => new.uri.host() == old.uri.host() && stored.entry.headers.contains_key(name),
        None => old.keeps_password && old.uri.same_login(&new.uri),
    };
    match missing(wanted).iter().find(|secret| !is_stored(secret)) {
        Some(secret) => Err(format!("webhook {}: {secret} is needed: give it with --secrets FILE", wanted.key())),
        None => Ok(()),
    }
}

fn differences(old: &Map<String, Value>, new: &Map<String, Value>) -> Vec<FieldChange> {
    FIELDS
        .iter()
        .filter_map(|field| {
            let (old, new) = (old.get(*field)?, new.get(*field)?);
            (old != new).then(|| FieldChange { field, old: old.clone(), new: new.clone() })
        })
        .collect()
}

/// The fields that are compared, in the order in which they are shown.
const FIELDS: [&str; 17] = [
    "event",
    "events",
    "uri",
    "name",
    "description",
    "disabled",
    "mail_exceptions_to",
    "openid_connect_discovery",
    "trace",
    "content_type",
    "headers",
    "filter",
    "jwt_audience",
    "jwt_claim_expires_in",
    "schema",
    "example",
    "schema_mode",
];

/// The fields of a webhook as the API takes them, but its policy, `source` and `sourceID`.
pub(super) fn webhook_fields(webhook: &WebhookEntry) -> Map<String, Value> {
    let fields = json!({
        "event": webhook.event,
        "events": Some(&webhook.events).filter(|events| !events.is_empty()),
        "uri": webhook.uri,
        "name": webhook.name(),
        "description": webhook.description.as_deref().filter(|text| !text.is_empty()),
        "disabled": webhook.disabled,
        "mail_exceptions_to": webhook.mail_exceptions_to.as_deref().filter(|text| !text.is_empty()),
        "openid_connect_discovery": webhook.openid_connect_discovery,
        "trace": webhook.trace,
        "content_type": webhook.content_type.as_deref().filter(|text| *text != CONTENT_TYPE),
        "headers": webhook.headers,
        "filter": webhook.filter,
    });
    fields.as_object().cloned().unwrap_or_default()
}

/// The fields of an event type as the API takes them, but its name.
pub(super) fn event_type_fields(described: &DescribedType) -> Map<String, Value> {
    let fields = json!({
        "description": described.description.as_deref().filter(|text| !text.is_empty()),
        "schema": described.schema,
        "example": described.example,
        "schema_mode": described.schema_mode.as_deref().unwrap_or("off"),
    });
    fields.as_object().cloned().unwrap_or_default()
}

/// The fields of a policy that can change, as the API takes them, but `disabled`: that is the last step.
pub(super) fn policy_fields(policy: &PolicyEntry) -> Map<String, Value> {
    let fields = json!({"jwt_audience": policy.jwt_audience, "jwt_claim_expires_in": policy.jwt_claim_expires_in});
    fields.as_object().cloned().unwrap_or_default()
}
