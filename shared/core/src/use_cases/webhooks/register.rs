//! Creates, changes and deletes webhooks (section 3).
//!
//! An input is checked as a whole, and all its errors are returned at once. A change reads the webhook, applies the
//! input and writes it under the webhook's version. After a conflict it reads again and applies its fields to the new
//! state, so two administrators who edit different fields lose nothing. Secrets are sealed before they are stored, and
//! sealed again only when one of them changes. Every change is written together with its entry in the audit trail.

use super::draft::{WebhookDraft, WebhookInput};
use super::edit::{audit_entry, open_secrets, refused, seal_secrets, touch};
use super::verify::{self, WebhookChange};
use crate::errors::{UseCaseError, ValidationErrors};
use crate::ids::{AccountId, WebhookId};
use crate::model::{
    Account, AuditAction, AuditChanges, CodeStamp, DisabledBy, Disabling, MAX_LINKED_WRITES, Person, Webhook,
    WebhookSecrets,
};
use crate::ports::{CreateOutcome, UpdateOutcome};
use crate::rules::audit_changes;
use crate::service::Service;
use crate::use_cases::retry_on_conflict::retry_on_conflict;
use crate::values::Patch;

/// Creates a webhook. `software` names the caller's program, for a webhook that comes without a `source`.
pub async fn create(
    service: &Service,
    account: &Account,
    by: &Person,
    input: &WebhookInput,
    software: &str,
) -> Result<Webhook, UseCaseError> {
    let mut problems = ValidationErrors::new();
    if input.event.is_absent() && matches!(input.events, Patch::Absent | Patch::Null) {
        problems.add("event", "can't be blank");
    }
    if input.uri.is_absent() {
        problems.add("uri", "can't be blank");
    }
    let now = service.clock.now();
    let secrets = WebhookSecrets::new(&*service.entropy);
    let mut draft = WebhookDraft::new(account.id.clone(), software, secrets, now);
    draft.apply_all(service, input, &mut problems).await?;
    problems.check()?;

    let WebhookDraft { mut webhook, mut secrets, .. } = draft;
    webhook.id = service.webhooks.allocate_webhook_id().await?;
    webhook.disabling = webhook.disabled.then_some(Disabling { by: DisabledBy::Administrator, at: now });
    let asked = verify::require_verification(service, &mut webhook, &mut secrets, WebhookChange::Uri).await?;
    seal_secrets(service, &mut webhook, &secrets).await?;
    let changes = audit_changes::webhook_changes(None, (&webhook, &secrets));
    let entry = audit_entry(service, &webhook, by, AuditAction::Create, changes);
    match service.webhooks.create_webhook(&webhook, service.limits(), &entry).await? {
        CreateOutcome::Done => {}
        outcome @ (CreateOutcome::TooMany
        | CreateOutcome::TooManyPatterns
        | CreateOutcome::NoPolicy
        | CreateOutcome::NoAttachment) => {
            return Err(refused(service, outcome));
        }
    }
    if let Some(stamp) = asked {
        verify::send(service, &webhook, stamp).await?;
    }
    Ok(webhook)
}

/// Changes the fields that the input mentions. `if_match` is asked whether the stored webhook is still the one that the
/// caller saw.
pub async fn update(
    service: &Service,
    account: &AccountId,
    by: &Person,
    id: WebhookId,
    input: &WebhookInput,
    if_match: impl Fn(&Webhook) -> bool + Send + Sync,
) -> Result<Webhook, UseCaseError> {
    retry_on_conflict("a webhook", || async {
        let stored = service.webhooks.webhook(account, id).await?.ok_or(UseCaseError::NotFound)?;
        if !if_match(&stored) {
            return Err(UseCaseError::PreconditionFailed);
        }
        let ChangedWebhook { webhook, changes, asked } = changed(service, &stored, input).await?;
        if webhook == stored {
            return Ok(Some(stored));
        }
        let entry = audit_entry(service, &webhook, by, AuditAction::Update, changes);
        match service.webhooks.update_webhook(&webhook, service.limits(), &entry).await? {
            Ok(UpdateOutcome::Done) => {
                if let Some(stamp) = asked {
                    verify::send(service, &webhook, stamp).await?;
                }
                Ok(Some(webhook))
            }
            Ok(UpdateOutcome::Conflict) => Ok(None),
            Ok(UpdateOutcome::Gone) => Err(UseCaseError::NotFound),
            Err(outcome) => Err(refused(service, outcome)),
        }
    })
    .await
}

/// A webhook after a change.
struct ChangedWebhook {
    /// Equal to the stored one if nothing changes.
    webhook: Webhook,
    changes: AuditChanges,
    /// Which code to ask the endpoint for.
    asked: Option<CodeStamp>,
}

/// Applies an input to a webhook.
async fn changed(service: &Service, stored: &Webhook, input: &WebhookInput) -> Result<ChangedWebhook, UseCaseError> {
    let before = open_secrets(service, stored).await?;
    let mut problems = ValidationErrors::new();
    let mut draft = WebhookDraft::of(stored, before.clone());
    draft.apply_all(service, input, &mut problems).await?;
    if stored.linked_writes(&draft.webhook) > MAX_LINKED_WRITES {
        problems.add_base("Events and attachments cannot change this much at once: change one after the other");
    }
    problems.check()?;

    let WebhookDraft { mut webhook, mut secrets, .. } = draft;
    webhook.disabling = disabling(service, stored, input, webhook.disabled);
    if webhook == *stored && secrets == before {
        return Ok(ChangedWebhook { webhook, changes: AuditChanges::default(), asked: None });
    }
    let change = if webhook.uri == stored.uri { WebhookChange::Other } else { WebhookChange::Uri };
    let asked = verify::require_verification(service, &mut webhook, &mut secrets, change).await?;
    if secrets != before {
        seal_secrets(service, &mut webhook, &secrets).await?;
    }
    touch(service, &mut webhook);
    let changes = audit_changes::webhook_changes(Some((stored, &before)), (&webhook, &secrets));
    Ok(ChangedWebhook { webhook, changes, asked })
}

/// Who disabled the webhook, after the change. If an administrator disables a webhook that the service had disabled,
/// the service no longer tries to recover it.
fn disabling(service: &Service, stored: &Webhook, input: &WebhookInput, disabled: bool) -> Option<Disabling> {
    let by_administrator = stored.disabling.is_some_and(|stored| stored.by == DisabledBy::Administrator);
    match (disabled, &input.disabled) {
        (false, _) => None,
        (true, Patch::Value(true)) if !by_administrator => {
            Some(Disabling { by: DisabledBy::Administrator, at: service.clock.now() })
        }
        (true, _) => stored.disabling,
    }
}

/// Deletes a webhook. Its waiting messages are cancelled at their next attempt.
pub async fn delete(
    service: &Service,
    account: &AccountId,
    by: &Person,
    id: WebhookId,
    if_match: impl Fn(&Webhook) -> bool + Send + Sync,
) -> Result<(), UseCaseError> {
    retry_on_conflict("a webhook", || async {
        let stored = service.webhooks.webhook(account, id).await?.ok_or(UseCaseError::NotFound)?;
        if !if_match(&stored) {
            return Err(UseCaseError::PreconditionFailed);
        }
        let entry = audit_entry(service, &stored, by, AuditAction::Destroy, audit_changes::webhook_destroyed(&stored));
        match service.webhooks.delete_webhook(account, id, stored.version, &entry).await? {
            UpdateOutcome::Done => Ok(Some(())),
            UpdateOutcome::Conflict => Ok(None),
            UpdateOutcome::Gone => Err(UseCaseError::NotFound),
        }
    })
    .await
}
