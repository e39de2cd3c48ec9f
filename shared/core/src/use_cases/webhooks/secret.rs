//! Shows and rotates the signing secret of a webhook (section 3).

use std::time::Duration;

use super::edit::{audit_entry, open_secrets, refused, seal_secrets, touch};
use crate::errors::UseCaseError;
use crate::ids::{AccountId, WebhookId};
use crate::model::{AuditAction, AuditChanges, Person, RetiringSecret};
use crate::ports::UpdateOutcome;
use crate::service::Service;
use crate::signing::SigningSecret;
use crate::use_cases::retry_on_conflict::retry_on_conflict;

/// How long a signing secret that was rotated out goes on signing.
const RETIRING_FOR: Duration = Duration::from_hours(24);

/// The signing secret of a webhook, to be shown to a person.
pub async fn secret(
    service: &Service,
    account: &AccountId,
    by: &Person,
    id: WebhookId,
) -> Result<SigningSecret, UseCaseError> {
    let webhook = service.webhooks.webhook(account, id).await?.ok_or(UseCaseError::NotFound)?;
    let secrets = open_secrets(service, &webhook).await?;
    service.audit.audit(&audit_entry(service, &webhook, by, AuditAction::Read, AuditChanges::default())).await?;
    Ok(secrets.signing)
}

/// Gives a webhook a new signing secret. The old one signs as well for its full 24 hours, and so does any that was
/// rotated out before it.
pub async fn rotate_secret(
    service: &Service,
    account: &AccountId,
    by: &Person,
    id: WebhookId,
) -> Result<SigningSecret, UseCaseError> {
    let fresh = SigningSecret::generate(&*service.entropy);
    retry_on_conflict("a webhook", || async {
        let mut webhook = service.webhooks.webhook(account, id).await?.ok_or(UseCaseError::NotFound)?;
        let mut secrets = open_secrets(service, &webhook).await?;
        let now = service.clock.now();
        secrets.retiring.retain(|old| old.until > now);
        let old = std::mem::replace(&mut secrets.signing, fresh.clone());
        secrets.retiring.insert(0, RetiringSecret { secret: old, until: now + RETIRING_FOR });
        seal_secrets(service, &mut webhook, &secrets).await?;
        touch(service, &mut webhook);
        let mut changes = AuditChanges::default();
        changes.note_secret("secret", true, true);
        let entry = audit_entry(service, &webhook, by, AuditAction::Update, changes);
        match service.webhooks.update_webhook(&webhook, service.limits(), &entry).await? {
            Ok(UpdateOutcome::Done) => Ok(Some(fresh.clone())),
            Ok(UpdateOutcome::Conflict) => Ok(None),
            Ok(UpdateOutcome::Gone) => Err(UseCaseError::NotFound),
            Err(outcome) => Err(refused(service, outcome)),
        }
    })
    .await
}
