//! What all mails share: permits, links, and what becomes of one.

use crate::errors::PortResult;
use crate::ids::{AccountId, WebhookId};
use crate::model::{Mail, MailKind};
use crate::ports::{MailLimits, MailPermit, MailResult, MailTopic, Measurement};
use crate::rules::MailContext;
use crate::service::Service;
use crate::values::{EndpointUri, MailAddress};

/// Requests a permit to mail about webhooks.
pub(super) async fn admit(
    service: &Service,
    account: &AccountId,
    webhooks: &[WebhookId],
    to: &[MailAddress],
    kind: MailKind,
) -> PortResult<MailPermit> {
    let limits = MailLimits {
        interval: service.settings.mail_interval,
        per_day: service.settings.mails_per_day,
        addressees_per_day: service.settings.mail_addressees_per_day,
    };
    let now = service.clock.now();
    let permit = service.mail_limiter.admit(account, webhooks, to, kind, now, limits).await?;
    match permit {
        MailPermit::Send { .. } => {}
        MailPermit::Suppressed | MailPermit::Beyond => {
            tracing::debug!("mail suppressed");
            let kind = MailTopic::Webhook(kind);
            service.metrics.record(Measurement::Mail { kind, result: MailResult::Suppressed });
        }
    }
    Ok(permit)
}

/// True if a permit leaves out one of the addressees.
pub(super) fn leaves_out(permitted: &[MailAddress], wanted: &[MailAddress]) -> bool {
    let permits = |address: &MailAddress| {
        permitted.iter().any(|permitted| permitted.as_str().eq_ignore_ascii_case(address.as_str()))
    };
    !wanted.iter().all(permits)
}

/// A mail about a webhook.
pub(super) fn about(
    service: &Service,
    (account, account_name): (&AccountId, &str),
    (id, name, uri): (WebhookId, &str, &EndpointUri),
    to: &[MailAddress],
    write: impl FnOnce(&MailContext<'_>) -> Mail,
) -> Mail {
    let account_url = service.settings.account_url(account);
    write(&MailContext {
        to,
        webhook_id: id.0,
        webhook_name: name,
        account: (account.as_str(), account_name),
        webhook_url: &format!("{account_url}/webhooks/{id}"),
        uri: &uri.for_mail(),
    })
}

/// Sends a mail.
pub(super) async fn send(service: &Service, kind: MailTopic, mail: &Mail) -> PortResult<()> {
    let sent = service.mailer.send(mail).await;
    let result = if sent.is_ok() { MailResult::Sent } else { MailResult::Failed };
    service.metrics.record(Measurement::Mail { kind, result });
    if sent.is_ok() {
        tracing::info!("mail sent");
    }
    sent
}
