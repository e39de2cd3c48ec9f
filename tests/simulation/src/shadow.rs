//! What must be in the store: every webhook in all its versions, and its health, kept beside the store's own writes.

use std::collections::BTreeMap;

use hookline_core::account::AccountId;
use hookline_core::event::EventName;
use hookline_core::policy::PolicyId;
use hookline_core::webhook::{DisabledBy, Disabling, Health, Secrets, Webhook, WebhookId};
use jiff::Timestamp;

use crate::hosts::Hosts;

/// A version of a webhook.
#[derive(Debug, Clone)]
pub(crate) struct Version {
    pub(crate) webhook: Webhook,
    pub(crate) secrets: Secrets,
}

/// A webhook.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    pub(crate) account: AccountId,
    pub(crate) versions: Vec<Version>,
    pub(crate) deleted: bool,
    pub(crate) health: Health,
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
    /// The policies that webhooks can be linked to.
    pub(crate) policies: Vec<(AccountId, PolicyId)>,
    /// The secrets that were made for an account's policies, in base64url.
    pub(crate) keys: Vec<(AccountId, String)>,
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

    /// The webhooks that an event is for, as section 4 says it.
    pub(crate) fn matching(&self, account: &AccountId, event: &EventName) -> Vec<WebhookId> {
        self.waiting(account, event).filter(|webhook| !webhook.disabled).map(|webhook| webhook.id).collect()
    }

    /// The webhooks that miss it: disabled by the service, or by an administrator within the last seven days.
    pub(crate) fn missing(&self, account: &AccountId, event: &EventName, now: Timestamp) -> Vec<WebhookId> {
        let misses = |disabling: &Disabling| match disabling.by {
            DisabledBy::Failures | DisabledBy::Gone => true,
            DisabledBy::Administrator => now.duration_since(disabling.at).as_hours() < 7 * 24,
        };
        let missing = self.waiting(account, event).filter(|webhook| webhook.disabling.as_ref().is_some_and(misses));
        missing.map(|webhook| webhook.id).collect()
    }

    fn waiting(&self, account: &AccountId, event: &EventName) -> impl Iterator<Item = &Webhook> {
        let name = event.as_str().to_owned();
        self.living(account).into_iter().map(|id| &self.webhooks[&id].now().webhook).filter(move |webhook| {
            let waits_for = webhook.event.to_string();
            let noun = name.split('.').next().unwrap_or_default();
            waits_for == name || waits_for == "*" || waits_for == format!("{noun}.*")
        })
    }
}
