//! Registering webhooks (section 3): create, change, delete, test, and show or rotate the signing secret.
//!
//! An input is checked as a whole and all its problems are told at once. A change is read, applied and written under the
//! webhook's version; whoever loses the race reads again and applies its own fields to what is there now, so two
//! administrators who edit different fields lose nothing. Secrets are sealed before they reach a store and are sealed
//! again only when one of them changes. Every step is written together with its entry in the audit trail.

use super::draft::{WebhookDraft, WebhookInput};
use super::edit::{MAX_RACES, audit_entry, open_secrets, refused, seal_secrets, touch};
use super::verify::{self, WebhookChange};
use crate::errors::{PortError, UseCaseError, ValidationErrors};
use crate::ids::{AccountId, WebhookId};
use crate::model::{
    Account, AuditAction, AuditChanges, CodeStamp, DisabledBy, Disabling, Person, Sealed, Webhook, WebhookSecrets,
};
use crate::ports::{CreateOutcome, UpdateOutcome};
use crate::rules::audit_changes;
use crate::service::Service;
use crate::use_cases::{attachments, event_types, policies};
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
    if input.event.is_absent() {
        problems.add("event", "can't be blank");
    }
    if input.uri.is_absent() {
        problems.add("uri", "can't be blank");
    }
    let now = service.clock.now();
    let mut draft = WebhookDraft::new(software, WebhookSecrets::new(&*service.entropy));
    let own_events = event_types::own_names_for(service, &account.id, input.event.value()).await?;
    draft.apply(service, input, &own_events, &mut problems);
    draft.link(policies::resolve_policy(service, &account.id, &input.webhook_policy_id, None).await?, &mut problems);
    let given = &input.description_attachments;
    let attachments = attachments::apply_input(service, &account.id, None, &[], given, &mut problems).await?;
    let (Some(event), Some(uri)) = (draft.event, draft.uri) else { return Err(UseCaseError::Invalid(problems)) };
    problems.check()?;

    let mut webhook = Webhook {
        id: service.webhooks.allocate_webhook_id().await?,
        account: account.id.clone(),
        name: if draft.name.is_empty() { event.to_string() } else { draft.name },
        event,
        uri,
        description: draft.description,
        attachments,
        disabled: draft.disabled,
        disabling: draft.disabled.then_some(Disabling { by: DisabledBy::Administrator, at: now }),
        mail_exceptions_to: draft.mail_exceptions_to,
        policy: draft.policy,
        source: draft.source,
        source_id: draft.source_id,
        openid_connect_discovery: draft.openid_connect_discovery,
        header_names: draft.header_names,
        secrets: Sealed(Vec::new()),
        secrets_version: 0,
        verified: false,
        created_at: now,
        updated_at: now,
        version: 1,
        last_error: None,
    };
    let asked = verify::require_verification(service, &mut webhook, &mut draft.secrets, WebhookChange::Uri).await?;
    seal_secrets(service, &mut webhook, &draft.secrets).await?;
    let changes = audit_changes::webhook_changes(None, (&webhook, &draft.secrets));
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
    for _ in 0..MAX_RACES {
        let stored = service.webhooks.webhook(account, id).await?.ok_or(UseCaseError::NotFound)?;
        if !if_match(&stored) {
            return Err(UseCaseError::PreconditionFailed);
        }
        let ChangedWebhook { webhook, changes, asked } = changed(service, &stored, input).await?;
        if webhook == stored {
            return Ok(stored);
        }
        let entry = audit_entry(service, &webhook, by, AuditAction::Update, changes);
        match service.webhooks.update_webhook(&webhook, service.limits(), &entry).await? {
            Ok(UpdateOutcome::Done) => {
                if let Some(stamp) = asked {
                    verify::send(service, &webhook, stamp).await?;
                }
                return Ok(webhook);
            }
            Ok(UpdateOutcome::Conflict) => {}
            Ok(UpdateOutcome::Gone) => return Err(UseCaseError::NotFound),
            Err(outcome) => return Err(refused(service, outcome)),
        }
    }
    Err(PortError::unavailable("store", "a webhook changes too often to be written").into())
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
    let own_events = event_types::own_names_for(service, &stored.account, input.event.value()).await?;
    draft.apply(service, input, &own_events, &mut problems);
    draft.link(
        policies::resolve_policy(service, &stored.account, &input.webhook_policy_id, stored.policy).await?,
        &mut problems,
    );
    let (own, given) = (&stored.attachments, &input.description_attachments);
    let attachments =
        attachments::apply_input(service, &stored.account, Some(stored.id), own, given, &mut problems).await?;
    let (Some(event), Some(uri)) = (draft.event, draft.uri) else { return Err(UseCaseError::Invalid(problems)) };
    problems.check()?;

    let mut webhook = Webhook {
        name: if draft.name.is_empty() { event.to_string() } else { draft.name },
        event,
        uri,
        description: draft.description,
        attachments,
        disabled: draft.disabled,
        disabling: disabling(service, stored, input, draft.disabled),
        mail_exceptions_to: draft.mail_exceptions_to,
        policy: draft.policy,
        source: draft.source,
        source_id: draft.source_id,
        openid_connect_discovery: draft.openid_connect_discovery,
        header_names: draft.header_names,
        ..stored.clone()
    };
    if webhook == *stored && draft.secrets == before {
        return Ok(ChangedWebhook { webhook, changes: AuditChanges::default(), asked: None });
    }
    let change = if webhook.uri == stored.uri { WebhookChange::Other } else { WebhookChange::Uri };
    let asked = verify::require_verification(service, &mut webhook, &mut draft.secrets, change).await?;
    if draft.secrets != before {
        seal_secrets(service, &mut webhook, &draft.secrets).await?;
    }
    touch(service, &mut webhook);
    let changes = audit_changes::webhook_changes(Some((stored, &before)), (&webhook, &draft.secrets));
    Ok(ChangedWebhook { webhook, changes, asked })
}

/// Who disabled the webhook after the change. An administrator who disables it anew takes it out of the service's hands.
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
    for _ in 0..MAX_RACES {
        let stored = service.webhooks.webhook(account, id).await?.ok_or(UseCaseError::NotFound)?;
        if !if_match(&stored) {
            return Err(UseCaseError::PreconditionFailed);
        }
        let entry = audit_entry(service, &stored, by, AuditAction::Destroy, audit_changes::webhook_destroyed(&stored));
        match service.webhooks.delete_webhook(account, id, stored.version, &entry).await? {
            UpdateOutcome::Done => return Ok(()),
            UpdateOutcome::Conflict => {}
            UpdateOutcome::Gone => return Err(UseCaseError::NotFound),
        }
    }
    Err(PortError::unavailable("store", "a webhook changes too often to be deleted").into())
}
