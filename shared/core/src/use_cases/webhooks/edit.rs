//! What every change of a webhook shares: its secrets are opened and sealed, its audit entry is made, and a refusal is
//! worded.

use tracing::Span;

use crate::errors::{PortError, UseCaseError, ValidationErrors};
use crate::model::{AuditAction, AuditChanges, AuditEntry, AuditSubject, Person, Webhook, WebhookSecrets};
use crate::ports::CreateOutcome;
use crate::service::Service;

/// The entry of what a person does to a webhook now.
pub(crate) fn audit_entry(
    service: &Service,
    webhook: &Webhook,
    by: &Person,
    action: AuditAction,
    changes: AuditChanges,
) -> AuditEntry {
    Span::current().record("webhook", webhook.id.0);
    AuditEntry::by_person(&webhook.account, AuditSubject::Webhook(webhook.id), action, service.clock.now(), by, changes)
}

pub(crate) fn touch(service: &Service, webhook: &mut Webhook) {
    webhook.version += 1;
    webhook.updated_at = service.clock.now();
}

pub(crate) fn refused(service: &Service, refused: CreateOutcome) -> UseCaseError {
    let mut problems = ValidationErrors::new();
    match refused {
        CreateOutcome::Done => {}
        CreateOutcome::TooMany => {
            problems.add("webhooks", format!("has reached its limit of {}", service.settings.max_webhooks));
        }
        CreateOutcome::TooManyPatterns => {
            let limit = service.settings.max_pattern_webhooks;
            problems.add("webhooks_with_a_pattern", format!("has reached its limit of {limit}"));
        }
        CreateOutcome::NoPolicy => problems.add("webhook_policy", "must exist"),
        CreateOutcome::NoAttachment => problems.add("description_attachments", "is invalid"),
    }
    UseCaseError::Invalid(problems)
}

/// Seals the secrets of a webhook, in their next version.
pub(crate) async fn seal_secrets(
    service: &Service,
    webhook: &mut Webhook,
    secrets: &WebhookSecrets,
) -> Result<(), PortError> {
    webhook.secrets_version += 1;
    webhook.secrets = service.vault.seal(webhook.seal_context(), &secrets.encode()).await?;
    Ok(())
}

/// Opens the secrets of a webhook.
pub(crate) async fn open_secrets(service: &Service, webhook: &Webhook) -> Result<WebhookSecrets, PortError> {
    let bytes = service.vault.open(webhook.seal_context(), &webhook.secrets).await?;
    WebhookSecrets::decode(&bytes)
        .ok_or_else(|| PortError::unavailable("vault", "the secrets of a webhook are unreadable"))
}
