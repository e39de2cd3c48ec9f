//! The audit trail: who changed which webhook or policy, when, and what (sections 3 and 7).
//!
//! An entry is made before the change and written in the same step, so there is no change without an entry and no entry
//! without a change. Showing a secret changes nothing: its entry ([`AuditAction::Read`]) is written before the secret
//! is shown. Entries outlive the record that they are about. Secrets appear in them only as [`CHANGED`].

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::token::Person;
use crate::ids::{AccountId, PolicyId, WebhookId};

/// Stands for the value of a secret in an entry.
pub const CHANGED: &str = "changed";

/// What an entry is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AuditSubject {
    /// A webhook.
    Webhook(WebhookId),
    /// A webhook policy.
    Policy(PolicyId),
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AuditAction {
    /// It was created.
    Create,
    /// It was changed.
    Update,
    /// It was deleted.
    Destroy,
    /// A secret of it was shown.
    Read,
}

impl AuditAction {
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
pub struct AuditChanges(BTreeMap<Cow<'static, str>, [Value; 2]>);

impl AuditChanges {
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

    /// Records a field, unless both values are equal. Neither may be a secret.
    pub fn note(&mut self, field: &'static str, old: impl Into<Value>, new: impl Into<Value>) {
        let (old, new) = (old.into(), new.into());
        if old != new {
            self.0.insert(field.into(), [old, new]);
        }
    }

    /// Records both values of a field. Neither may be a secret.
    pub fn set(&mut self, field: &'static str, old: Value, new: Value) {
        self.0.insert(field.into(), [old, new]);
    }

    /// Records that a secret changed: whether there was one before, and whether there is one now.
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
    pub subject: AuditSubject,
    /// What was done.
    pub action: AuditAction,
    /// When.
    pub at: Timestamp,
    /// Who did it; `None` is the service itself.
    pub by: Option<Person>,
    /// What changed.
    pub changes: AuditChanges,
}

impl AuditEntry {
    /// An entry of what a person does now.
    #[must_use]
    pub fn by_person(
        account: &AccountId,
        subject: AuditSubject,
        action: AuditAction,
        at: Timestamp,
        by: &Person,
        changes: AuditChanges,
    ) -> Self {
        Self { account: account.clone(), subject, action, at, by: Some(by.clone()), changes }
    }

    /// An entry of a change that the service itself makes now.
    #[must_use]
    pub fn by_service(account: &AccountId, subject: AuditSubject, at: Timestamp, changes: AuditChanges) -> Self {
        Self { account: account.clone(), subject, action: AuditAction::Update, at, by: None, changes }
    }
}

/// An entry as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAuditEntry {
    /// Its id: newer entries have larger ones.
    pub id: u64,
    /// The entry.
    pub entry: AuditEntry,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_have_the_names_of_the_contract() {
        assert_eq!(AuditAction::ALL.map(AuditAction::as_str), ["create", "update", "destroy", "read"]);
        assert!(AuditAction::ALL.into_iter().all(|action| AuditAction::parse(action.as_str()) == Some(action)));
    }
}
