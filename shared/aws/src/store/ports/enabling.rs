//! The service disables a webhook, or enables one that it disabled.

use aws_sdk_dynamodb::types::AttributeValue;
use hookline_core::account::AccountId;
use hookline_core::audit::AuditEntry;
use hookline_core::matching::Subscription;
use hookline_core::ports::{Answer, Fault};
use hookline_core::webhook::{Disabling, WebhookId};

use crate::store::dynamo::{ItemKey, ItemReader, Table, Write, number, pause, text, time};
use crate::store::items::webhook_item::{disabler, disabling};
use crate::store::keys;

/// How often a change is made anew after losing a race.
const MAX_RACES: u32 = 100;

/// What is to become of a webhook.
#[derive(Debug, Clone, Copy)]
pub(in crate::store) enum EnableChange {
    /// An enabled one is disabled in this way.
    Off(Disabling),
    /// One that was disabled in this way is enabled.
    On(Disabling),
}

impl Table {
    /// Turns a webhook off or on under its version; `false` if it is not as it must be for that.
    pub(in crate::store) async fn turn(
        &self,
        account: &AccountId,
        id: WebhookId,
        turn: EnableChange,
        audit: &AuditEntry,
    ) -> Answer<bool> {
        let key = keys::of_webhook(account, id, keys::STATE);
        let at = match turn {
            EnableChange::Off(disabling) => disabling.at,
            EnableChange::On(_) => audit.at,
        };
        let audit = self.audit_step(audit).await?;
        for race in 0..MAX_RACES {
            let Some(stored) = self.get(&key).await? else { return Ok(false) };
            let stored = ItemReader(&stored);
            let may = match turn {
                EnableChange::Off(_) => !stored.flag("disabled"),
                EnableChange::On(off) => stored.flag("disabled") && disabling(stored)? == Some(off),
            };
            if !may {
                return Ok(false);
            }
            let version: u64 = stored.number("version")?;
            let event = stored.parsed("event", Subscription::stored)?;
            let mut steps = vec![
                turned(key.clone(), turn, ", #updated_at = :at, #version = :next")
                    .when("#version = :version")
                    .with("at", time(at))
                    .with("version", number(version))
                    .with("next", number(version + 1)),
                turned(keys::webhook_entry(account, id), turn, ", #updated_at = :at").with("at", time(at)),
                turned(keys::subscription(account, &event, id), turn, ""),
                audit.clone(),
            ];
            if let EnableChange::On(_) = turn {
                // Its failures are counted anew.
                let health = keys::of_webhook(account, id, keys::HEALTH);
                let anew = Write::update(health, "SET #failures = :none REMOVE #first_failure_at");
                steps.push(anew.with("none", number(0)));
            }
            if self.transact(&steps).await?.is_ok() {
                return Ok(true);
            }
            pause(race).await;
        }
        Err(Fault::unavailable("store", "a webhook changes too often to be written"))
    }
}

/// Writes of an item whether its webhook is disabled, and sets what `more` says.
fn turned(key: ItemKey, turn: EnableChange, more: &str) -> Write {
    match turn {
        EnableChange::Off(Disabling { by, at }) => {
            let change = format!("SET #disabled = :yes, #disabled_by = :by, #disabled_at = :since{more}");
            Write::update(key, change)
                .with("yes", AttributeValue::Bool(true))
                .with("by", text(disabler(by)))
                .with("since", time(at))
        }
        EnableChange::On(_) => {
            let set = more.strip_prefix(", ").map(|set| format!("SET {set} ")).unwrap_or_default();
            Write::update(key, format!("{set}REMOVE #disabled, #disabled_by, #disabled_at"))
        }
    }
}
