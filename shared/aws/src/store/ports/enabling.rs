//! Disables webhooks, and enables those that Hookline disabled.

use aws_sdk_dynamodb::types::AttributeValue;
use hookline_core::errors::{PortError, PortResult};
use hookline_core::ids::{AccountId, WebhookId};
use hookline_core::model::{AuditEntry, Disabling};

use crate::store::dynamo::{ItemKey, ItemReader, Table, Write, number, pause, text, time};
use crate::store::items::webhook_item::{disabling, events, reason_text, subscriptions};
use crate::store::keys;

/// How often a change is retried after a conflict.
const MAX_RACES: u32 = 100;

/// A change of a webhook that Hookline makes.
#[derive(Debug, Clone, Copy)]
pub(in crate::store) enum EnableChange {
    /// Disables a webhook that is enabled.
    Disable(Disabling),
    /// Enables a webhook, if it was disabled for this reason at this time.
    Enable(Disabling),
}

impl Table {
    /// Changes a webhook under its version. Answers `false` if it is not in the required state.
    pub(in crate::store) async fn set_enabled(
        &self,
        account: &AccountId,
        id: WebhookId,
        change: EnableChange,
        audit: &AuditEntry,
    ) -> PortResult<bool> {
        let key = keys::of_webhook(account, id, keys::STATE);
        let at = match change {
            EnableChange::Disable(disabling) => disabling.at,
            EnableChange::Enable(_) => audit.at,
        };
        let audit = self.audit_write(audit).await?;
        for race in 0..MAX_RACES {
            let Some(stored) = self.get(&key).await? else { return Ok(false) };
            let stored = ItemReader(&stored);
            let may = match change {
                EnableChange::Disable(_) => !stored.flag("disabled"),
                EnableChange::Enable(off) => stored.flag("disabled") && disabling(stored)? == Some(off),
            };
            if !may {
                return Ok(false);
            }
            let version: u64 = stored.number("version")?;
            let mut writes = vec![
                state_write(key.clone(), change, ", #updated_at = :at, #version = :next")
                    .when("#version = :version")
                    .with("at", time(at))
                    .with("version", number(version))
                    .with("next", number(version + 1)),
                state_write(keys::webhook_entry(account, id), change, ", #updated_at = :at").with("at", time(at)),
                audit.clone(),
            ];
            let subscriptions = subscriptions(account, &events(stored)?, id);
            writes.extend(subscriptions.into_iter().map(|(key, _)| state_write(key, change, "")));
            if let EnableChange::Enable(_) = change {
                // Enabling resets the count of failures.
                let health = keys::of_webhook(account, id, keys::HEALTH);
                let reset = Write::update(health, "SET #failures = :none REMOVE #first_failure_at");
                writes.push(reset.with("none", number(0)));
            }
            if self.transact(&writes).await?.is_ok() {
                return Ok(true);
            }
            pause(race).await;
        }
        Err(PortError::unavailable("store", "changing a webhook conflicted too often"))
    }
}

/// The write that sets or removes the attributes of a disabled webhook, and sets what `more` says.
fn state_write(key: ItemKey, change: EnableChange, more: &str) -> Write {
    match change {
        EnableChange::Disable(Disabling { by, at }) => {
            let expression = format!("SET #disabled = :yes, #disabled_by = :by, #disabled_at = :since{more}");
            Write::update(key, expression)
                .with("yes", AttributeValue::Bool(true))
                .with("by", text(reason_text(by)))
                .with("since", time(at))
        }
        EnableChange::Enable(_) => {
            let set = more.strip_prefix(", ").map(|set| format!("SET {set} ")).unwrap_or_default();
            Write::update(key, format!("{set}REMOVE #disabled, #disabled_by, #disabled_at"))
        }
    }
}
