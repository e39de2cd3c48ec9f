//! All ports and the settings together: what a use case is given.

use std::sync::Arc;

use crate::model::EventSample;
use crate::ports::{
    Accounts, Attachments, Audit, Counts, Deliveries, EventTypes, Events, Health, MailBatches, MailLimiter, Mailer,
    Metrics, Policies, Queues, Redeliveries, Traces, Transport, Vault, WebhookLimits, Webhooks,
};
use crate::settings::CoreSettings;
use crate::values::{Clock, Entropy, SchemaCache};

/// All ports and settings together: what a use case is given.
#[derive(Clone)]
pub struct Service {
    /// How this deployment behaves.
    pub settings: Arc<CoreSettings>,
    /// See [`Accounts`].
    pub accounts: Arc<dyn Accounts>,
    /// See [`Webhooks`].
    pub webhooks: Arc<dyn Webhooks>,
    /// See [`Audit`].
    pub audit: Arc<dyn Audit>,
    /// See [`EventTypes`].
    pub event_types: Arc<dyn EventTypes>,
    /// See [`Policies`].
    pub policies: Arc<dyn Policies>,
    /// See [`Attachments`].
    pub attachments: Arc<dyn Attachments>,
    /// See [`Events`].
    pub events: Arc<dyn Events>,
    /// See [`Deliveries`].
    pub deliveries: Arc<dyn Deliveries>,
    /// See [`Counts`].
    pub counts: Arc<dyn Counts>,
    /// See [`Health`].
    pub health: Arc<dyn Health>,
    /// See [`Redeliveries`].
    pub redeliveries: Arc<dyn Redeliveries>,
    /// See [`Queues`].
    pub queues: Arc<dyn Queues>,
    /// See [`Vault`].
    pub vault: Arc<dyn Vault>,
    /// See [`Mailer`].
    pub mailer: Arc<dyn Mailer>,
    /// See [`MailLimiter`].
    pub mail_limiter: Arc<dyn MailLimiter>,
    /// See [`MailBatches`].
    pub mail_batches: Arc<dyn MailBatches>,
    /// See [`Metrics`].
    pub metrics: Arc<dyn Metrics>,
    /// See [`Traces`].
    pub traces: Arc<dyn Traces>,
    /// See [`Transport`].
    pub transport: Arc<dyn Transport>,
    /// The events that this process accepted lately.
    pub sample: Arc<EventSample>,
    /// The schemas of event types that this process used last.
    pub schemas: Arc<SchemaCache>,
    /// See [`Clock`].
    pub clock: Arc<dyn Clock>,
    /// See [`Entropy`].
    pub entropy: Arc<dyn Entropy>,
}

impl Service {
    /// The limits that webhooks are created under.
    #[must_use]
    pub fn limits(&self) -> WebhookLimits {
        WebhookLimits { webhooks: self.settings.max_webhooks, patterns: self.settings.max_pattern_webhooks }
    }
}
