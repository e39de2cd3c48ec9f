//! Verification of endpoints (section 6): an endpoint proves that it wants our messages before it gets any.
//!
//! Where a deployment requires it, a webhook that is created, or moves to another URI, is unverified. A
//! [`VerificationCode`] is put among its secrets, and only then a message `webhook.verify` goes on the deliveries
//! queue. The message tells which code it is about by a [`CodeStamp`]; the code itself joins the payload at the moment
//! of sending. The receiver calls the URL in it, and the webhook is verified. A code that was replaced meanwhile
//! is wrong from that moment on, since code and `verified` change together under the webhook's version.
//!
//! No message is needed if the account has a living verified webhook with the identical URI. Passwords do not count in
//! that: the endpoint is the same.

use std::sync::Arc;

use jiff::Timestamp;

use super::all;
use super::edit;
use crate::errors::{PortError, PortResult, UseCaseError, ValidationErrors};
use crate::ids::{AccountId, WebhookId};
use crate::model::{
    Attempt, AuditAction, AuditChanges, AuditEntry, AuditSubject, CodeStamp, Message, MessageKind, Payload, Person,
    VerificationCode, Webhook, WebhookSecrets,
};
use crate::ports::UpdateOutcome;
use crate::rules::verification::head;
use crate::service::Service;
use crate::settings::VerificationMode;
use crate::use_cases::retry_on_conflict::retry_on_conflict;
use crate::values::{Condition, FieldValue, Filter};

/// What a person did to a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WebhookChange {
    /// It is new, or its URI is another one.
    Uri,
    /// Something else was changed.
    Other,
}

/// Decides whether a webhook is verified after a change, and gives it a new code if its endpoint must be verified. The
/// stamp says which code to send once the webhook is stored. The secrets are sealed by the caller, in the next version.
pub(crate) async fn require_verification(
    service: &Service,
    webhook: &mut Webhook,
    secrets: &mut WebhookSecrets,
    change: WebhookChange,
) -> PortResult<Option<CodeStamp>> {
    let now = service.clock.now();
    if change == WebhookChange::Uri {
        secrets.code = None;
        webhook.verified = false;
    }
    match (service.settings.verification, change) {
        (VerificationMode::Off, WebhookChange::Uri) => webhook.verified = true,
        (VerificationMode::Off, WebhookChange::Other) => return Ok(None),
        (VerificationMode::Required, _) if webhook.verified => {}
        (VerificationMode::Required, _) => webhook.verified = has_verified_twin(service, webhook).await?,
    }
    if webhook.verified || secrets.code.as_ref().is_some_and(|code| code.is_fresh(now)) {
        return Ok(None);
    }
    Ok(Some(renew(service, webhook, secrets, now)))
}

fn renew(service: &Service, webhook: &Webhook, secrets: &mut WebhookSecrets, now: Timestamp) -> CodeStamp {
    secrets.code.insert(VerificationCode::issue(webhook.secrets_version + 1, now, &*service.entropy)).stamp()
}

/// True if the account has an enabled, verified webhook with the identical URI.
async fn has_verified_twin(service: &Service, webhook: &Webhook) -> PortResult<bool> {
    let filter = |field, value| Filter { field, test: Condition::OneOf(vec![value]), ignore_case: false };
    let uri = filter("uri", FieldValue::Text(webhook.uri.masked().to_owned()));
    let living = filter("disabled", FieldValue::Bool(false));
    let twins = all::all_webhooks(service, &webhook.account, vec![uri, living]).await?;
    Ok(twins.iter().any(|twin| twin.verified && twin.id != webhook.id))
}

/// Puts the message that asks for a code on the queue. Called when the code is stored.
pub(crate) async fn send(service: &Service, webhook: &Webhook, stamp: CodeStamp) -> PortResult<()> {
    let now = service.clock.now();
    let id = stamp
        .event_id(now, &*service.entropy)
        .ok_or_else(|| PortError::unavailable("service", "a verify message got no id"))?;
    let custom_url = service.accounts.account(&webhook.account).await?.and_then(|account| account.custom_url);
    let head = Arc::new(head(webhook.account.clone(), webhook.id, id, now));
    let message =
        Message { kind: MessageKind::Verify, ..Message::new(&head, webhook.id, webhook.name.clone(), custom_url) };
    let attempt = Attempt::first(message, &Payload::empty(), now);
    service.queues.put_attempts(&[(webhook.uri.host().hash(), attempt)]).await
}

/// Sends the verify message again, with a fresh code unless the last one is younger than a minute.
pub async fn resend(service: &Service, account: &AccountId, by: &Person, id: WebhookId) -> Result<(), UseCaseError> {
    retry_on_conflict("a webhook", || async {
        let mut webhook = service.webhooks.webhook(account, id).await?.ok_or(UseCaseError::NotFound)?;
        if webhook.verified {
            return Err(ValidationErrors::base("Webhook is verified already").into());
        }
        let mut secrets = edit::open_secrets(service, &webhook).await?;
        let now = service.clock.now();
        if let Some(code) = secrets.code.as_ref().filter(|code| code.is_fresh(now)) {
            return Ok(Some(send(service, &webhook, code.stamp()).await?));
        }
        let mut changes = AuditChanges::default();
        changes.note_secret("code", secrets.code.is_some(), true);
        let stamp = renew(service, &webhook, &mut secrets, now);
        edit::seal_secrets(service, &mut webhook, &secrets).await?;
        webhook.version += 1;
        let entry = edit::audit_entry(service, &webhook, by, AuditAction::Update, changes);
        match service.webhooks.update_webhook(&webhook, service.limits(), &entry).await? {
            Ok(UpdateOutcome::Done) => Ok(Some(send(service, &webhook, stamp).await?)),
            Ok(UpdateOutcome::Conflict) => Ok(None),
            Ok(UpdateOutcome::Gone) => Err(UseCaseError::NotFound),
            Err(outcome) => Err(edit::refused(service, outcome)),
        }
    })
    .await
}

/// The outcome of a callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallbackOutcome {
    /// The webhook is verified, by this call or by an earlier one with the same code.
    Verified,
    /// It is not, or no longer, the code of the webhook.
    WrongCode,
    /// The code was right but has expired.
    Expired,
    /// There is no such webhook.
    Unknown,
}

/// Handles a callback with a code.
pub async fn confirm(
    service: &Service,
    account: &AccountId,
    id: WebhookId,
    given: &str,
) -> PortResult<CallbackOutcome> {
    retry_on_conflict("a webhook", || async {
        let Some(mut webhook) = service.webhooks.webhook(account, id).await? else {
            return Ok(Some(CallbackOutcome::Unknown));
        };
        let secrets = edit::open_secrets(service, &webhook).await?;
        let Some(code) = secrets.code.as_ref().filter(|code| code.is(given)) else {
            return Ok(Some(CallbackOutcome::WrongCode));
        };
        if code.has_expired(service.clock.now()) {
            return Ok(Some(CallbackOutcome::Expired));
        }
        if webhook.verified {
            return Ok(Some(CallbackOutcome::Verified));
        }
        webhook.verified = true;
        webhook.version += 1;
        match service.webhooks.update_webhook(&webhook, service.limits(), &verified_entry(service, &webhook)).await? {
            Ok(UpdateOutcome::Done) => {
                tracing::info!("webhook verified");
                Ok(Some(CallbackOutcome::Verified))
            }
            Ok(UpdateOutcome::Conflict) => Ok(None),
            Ok(UpdateOutcome::Gone) => Ok(Some(CallbackOutcome::Unknown)),
            Err(_) => Err(PortError::unavailable("store", "a limit was applied to a webhook that exists")),
        }
    })
    .await
}

/// The audit entry of a callback, which names no person.
fn verified_entry(service: &Service, webhook: &Webhook) -> AuditEntry {
    tracing::Span::current()
        .record("account", tracing::field::display(&webhook.account))
        .record("webhook", webhook.id.0);
    let mut changes = AuditChanges::default();
    changes.note("verified", false, true);
    AuditEntry::by_service(&webhook.account, AuditSubject::Webhook(webhook.id), service.clock.now(), changes)
}
