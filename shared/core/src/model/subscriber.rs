//! What fan-out knows of a webhook.

use super::subscription::Subscriptions;
use super::webhook::{Disabling, Webhook};
use crate::ids::WebhookId;
use crate::values::ContentFilter;

/// What fan-out knows of a webhook whose subscription may match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscriber {
    /// The webhook.
    pub webhook: WebhookId,
    /// Its name at this moment: part of the message's data.
    pub name: String,
    /// What it waits for; of several, at least those that may match.
    pub subscriptions: Subscriptions,
    /// See [`Webhook::filter`](super::webhook::Webhook::filter).
    pub filter: Option<ContentFilter>,
    /// Hash of its endpoint host: the fair-queue group.
    pub host_hash: u64,
    /// It is not disabled.
    pub enabled: bool,
    /// See [`Webhook::disabling`](super::webhook::Webhook::disabling).
    pub disabling: Option<Disabling>,
    /// It is verified.
    pub verified: bool,
}

impl Subscriber {
    /// What fan-out would know of a webhook.
    #[must_use]
    pub fn of(webhook: &Webhook) -> Self {
        Self {
            webhook: webhook.id,
            name: webhook.name.clone(),
            subscriptions: webhook.events.clone(),
            filter: webhook.filter.clone(),
            host_hash: webhook.uri.host().hash(),
            enabled: !webhook.disabled,
            disabling: webhook.disabling,
            verified: webhook.verified,
        }
    }
}
