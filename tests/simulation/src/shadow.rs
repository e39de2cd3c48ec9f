//! What must be in the store: every webhook in all its versions, and its health, kept beside the store's own writes.

use std::collections::BTreeMap;

use hookline_core::ids::{AccountId, PolicyId, WebhookId};
use hookline_core::model::{DisabledBy, Disabling, EventName, Webhook, WebhookHealth, WebhookSecrets};
use jiff::Timestamp;

use crate::hosts::Hosts;

/// The event that goes to the one webhook that it names.
pub(crate) const RULE: &str = "automation_rule";

/// A version of a webhook.
#[derive(Debug, Clone)]
pub(crate) struct Version {
    pub(crate) webhook: Webhook,
    pub(crate) secrets: WebhookSecrets,
}

/// A webhook.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) account: AccountId,
    pub(crate) versions: Vec<Version>,
    pub(crate) deleted: bool,
    pub(crate) health: WebhookHealth,
}

impl Known {
    pub(crate) fn now(&self) -> &Version {
        self.versions.last().expect("a webhook has a first version")
    }
}

/// All webhooks and hosts.
#[derive(Debug, Default)]
pub(crate) struct Shadow {
    pub(crate) webhooks: BTreeMap<WebhookId, Known>,
    pub(crate) hosts: Hosts,
    /// Only verified webhooks get messages.
    pub(crate) verifies: bool,
    /// The policies that webhooks can be linked to.
    pub(crate) policies: Vec<(AccountId, PolicyId)>,
    /// The secrets that were made for an account's policies, in base64url.
    pub(crate) keys: Vec<(AccountId, String)>,
    /// Accounts that were deleted, and in which step.
    pub(crate) gone: BTreeMap<AccountId, u64>,
    /// They may have left something that is to be removed.
    pub(crate) leftovers: bool,
    /// Every id that was given.
    pub(crate) ids: Vec<WebhookId>,
}

impl Shadow {
    /// The webhooks of an account that are not deleted.
    pub(crate) fn living(&self, account: &AccountId) -> Vec<WebhookId> {
        self.webhooks
            .iter()
            .filter(|(_, known)| known.account == *account && !known.deleted)
            .map(|(id, _)| *id)
            .collect()
    }

    /// The webhooks that an event is for, as section 4 says it. `named` is the one webhook that it names itself.
    pub(crate) fn matching(&self, account: &AccountId, event: &EventName, named: Option<&str>) -> Vec<WebhookId> {
        self.waiting(account, event, named)
            .into_iter()
            .filter(|webhook| !webhook.disabled && self.may_send(webhook))
            .map(|webhook| webhook.id)
            .collect()
    }

    /// The webhooks that miss it: disabled by the service, or by an administrator within the last seven days.
    pub(crate) fn missing(
        &self,
        account: &AccountId,
        event: &EventName,
        named: Option<&str>,
        now: Timestamp,
    ) -> Vec<WebhookId> {
        let misses = |disabling: &Disabling| match disabling.by {
            DisabledBy::Failures | DisabledBy::Gone => true,
            DisabledBy::Administrator => now.duration_since(disabling.at).as_hours() < 7 * 24,
        };
        let waiting = self.waiting(account, event, named).into_iter();
        let missing = waiting.filter(|webhook| match &webhook.disabling {
            Some(disabling) => misses(disabling),
            None => !webhook.disabled && !self.may_send(webhook),
        });
        missing.map(|webhook| webhook.id).collect()
    }

    /// True if another webhook of the account, now or before, was verified with the same URI.
    pub(crate) fn has_twin(&self, webhook: &Webhook) -> bool {
        let others = self.webhooks.iter().filter(|(id, known)| **id != webhook.id && known.account == webhook.account);
        let mut versions = others.flat_map(|(_, known)| &known.versions).map(|version| &version.webhook);
        versions.any(|twin| twin.verified && twin.uri.masked() == webhook.uri.masked())
    }

    /// True if its endpoint has proved what it must.
    pub(crate) fn may_send(&self, webhook: &Webhook) -> bool {
        webhook.verified || !self.verifies
    }

    fn waiting(&self, account: &AccountId, event: &EventName, named: Option<&str>) -> Vec<&Webhook> {
        let name = event.as_str();
        let living = self.living(account).into_iter().map(|id| &self.webhooks[&id].now().webhook);
        if name == RULE {
            let rules: Vec<&Webhook> = living.filter(|webhook| webhook.events.to_string() == RULE).collect();
            let by_id = rules.iter().find(|webhook| Some(&*webhook.id.to_string()) == named);
            let mut enabled = rules.iter().filter(|webhook| !webhook.disabled);
            let one = by_id.or_else(|| enabled.find(|webhook| Some(&*webhook.name) == named));
            return one.copied().into_iter().collect();
        }
        let waits = |webhook: &&Webhook| {
            let noun = name.split('.').next().unwrap_or_default();
            let waits_for = |one: &str| one == name || one == "*" || one == format!("{noun}.*");
            webhook.events.to_string().split(' ').any(waits_for)
        };
        living.filter(waits).collect()
    }
}
