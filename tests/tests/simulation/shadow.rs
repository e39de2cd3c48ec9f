//! What must be in the store: every webhook in all its versions, and its health, kept beside the store's own writes.

use std::collections::BTreeMap;

use hookline_core::account::AccountId;
use hookline_core::event::EventName;
use hookline_core::webhook::{Health, Secrets, Webhook, WebhookId};

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
        self.living(account)
            .into_iter()
            .filter(|id| {
                let webhook = &self.webhooks[id].now().webhook;
                let (waits_for, name) = (webhook.event.to_string(), event.as_str());
                let noun = name.split('.').next().unwrap_or_default();
                let meant = waits_for == name || waits_for == "*" || waits_for == format!("{noun}.*");
                meant && !webhook.disabled && webhook.verified
            })
            .collect()
    }
}
