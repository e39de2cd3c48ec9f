//! Webhooks, their subscriptions and their health, as they are stored.

use async_trait::async_trait;
use jiff::Timestamp;

use super::outcome::UpdateOutcome;
use crate::errors::PortResult;
use crate::ids::{AccountId, WebhookId};
use crate::model::{AuditEntry, DeliveryTarget, Disabling, EventName, Subscriber, Webhook, WebhookHealth};
use crate::values::{ListQuery, Page};

/// How the creation of a webhook went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CreateOutcome {
    /// It is created.
    Done,
    /// The account has its limit of webhooks.
    TooMany,
    /// The account has its limit of webhooks with a pattern.
    TooManyPatterns,
    /// The webhook's policy is not there, or is disabled and was not the webhook's before.
    NoPolicy,
    /// One of its attachments is not there, or is another webhook's.
    NoAttachment,
}

/// Webhooks. A webhook, its subscription and its audit trail change in one transaction: a change without its entry, or
/// an entry without its change, MUST NOT be seen.
#[async_trait]
pub trait Webhooks: Send + Sync {
    /// A new id, never given before.
    async fn allocate_webhook_id(&self) -> PortResult<WebhookId>;
    /// Stores a new webhook and links its attachments, unless the account has reached a limit or one of its links
    /// cannot be made.
    async fn create_webhook(
        &self,
        webhook: &Webhook,
        limits: WebhookLimits,
        audit: &AuditEntry,
    ) -> PortResult<CreateOutcome>;
    /// One webhook of an account.
    async fn webhook(&self, account: &AccountId, id: WebhookId) -> PortResult<Option<Webhook>>;
    /// A part of an account's webhooks.
    async fn list_webhooks(&self, account: &AccountId, query: &ListQuery) -> PortResult<Page<Webhook>>;
    /// Writes a webhook whose `version` was raised by one from the version that was read; a policy that it did not have
    /// before only if it can be linked, and so its attachments; those that it has no more may go after an hour. MUST
    /// NOT touch `last_error`. If this enables the webhook or changes its URI, its failures are counted anew.
    async fn update_webhook(
        &self,
        webhook: &Webhook,
        limits: WebhookLimits,
        audit: &AuditEntry,
    ) -> PortResult<Result<UpdateOutcome, CreateOutcome>>;
    /// Deletes a webhook if its version is still `version`. Its delivery records and its audit trail stay.
    async fn delete_webhook(
        &self,
        account: &AccountId,
        id: WebhookId,
        version: u64,
        audit: &AuditEntry,
    ) -> PortResult<UpdateOutcome>;

    /// The webhooks of the account whose subscription may match the event, by id, read consistently. MUST hold every
    /// webhook whose subscription matches; disabled ones may be among them.
    async fn subscribers(&self, account: &AccountId, event: &EventName) -> PortResult<Vec<Subscriber>>;
    /// What a delivery needs of a webhook, read consistently.
    async fn target(&self, account: &AccountId, id: WebhookId) -> PortResult<Option<DeliveryTarget>>;

    /// Notes a counted failure; answers the health with it. Failures that come at once are all counted.
    async fn note_failure(
        &self,
        account: &AccountId,
        id: WebhookId,
        error: &str,
        at: Timestamp,
    ) -> PortResult<WebhookHealth>;
    /// Notes a success after failures: the webhook's health is good again.
    async fn note_success(&self, account: &AccountId, id: WebhookId) -> PortResult<()>;
    /// Enables a webhook that was disabled in this way, and raises its version; its failures are counted anew. `false`
    /// if it is enabled, disabled otherwise, or gone.
    async fn enable_webhook(
        &self,
        account: &AccountId,
        id: WebhookId,
        disabling: Disabling,
        audit: &AuditEntry,
    ) -> PortResult<bool>;
    /// Disables a webhook on behalf of the service and raises its version; `false` if it is disabled already or gone.
    async fn disable_webhook(
        &self,
        account: &AccountId,
        id: WebhookId,
        disabling: Disabling,
        audit: &AuditEntry,
    ) -> PortResult<bool>;
}

/// How many webhooks an account may have.
#[derive(Debug, Clone, Copy)]
pub struct WebhookLimits {
    /// In all.
    pub webhooks: u64,
    /// Of them with a pattern.
    pub patterns: u64,
}
