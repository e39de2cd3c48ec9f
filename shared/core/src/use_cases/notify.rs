//! Mails: who gets one, and how often (section 9). Nothing here can fail or delay a delivery.
//!
//! All kinds are limited. Of *failed* and *dropped*, those that are suppressed are counted for the next mail. If an
//! attempt throttled its host, those mails come first: they say more. If it disabled its webhook, that is the one mail.

use tracing::Instrument as _;

use super::health::SideEffects;
use super::spans;
use crate::errors::PortResult;
use crate::ids::AccountId;
use crate::model::{Attempt, Delivery, DeliveryTarget, HostHealth, Mail, MessageKind, Outcome};
use crate::ports::{MailKind, MailLimits, MailPermit, MailResult, MailTopic, Measurement};
use crate::rules::{FailedDelivery, MailContext, ThrottledHost, mail_texts};
use crate::service::Service;
use crate::values::{EndpointHost, MailAddress};

/// Mails about an attempt that failed, and about what it set off.
pub async fn after_failure(
    service: &Service,
    attempt: &Attempt,
    target: &DeliveryTarget,
    record: &Delivery,
    set_off: &SideEffects,
) {
    let Some(failure) = &record.failure else { return };
    let account = attempt.message.account();
    if let Some(host) = &set_off.throttled {
        throttled(service, account, target.uri.host(), host).await;
    }
    if let Some(disabling) = &set_off.disabled {
        let sent = of_state(service, account, target, MailKind::Disabled, |about| {
            mail_texts::disabled(about, disabling.by, &failure.text)
        });
        logged(account, target, MailTopic::Disabled, sent).await;
        return;
    }
    let kind = topic(kind_of(record));
    logged(account, target, kind, failed(service, attempt, target, record, &failure.text)).await;
}

/// Mails that a message was dropped because its run took too long.
pub async fn expired(service: &Service, attempt: &Attempt, target: &DeliveryTarget) {
    match attempt.message.kind {
        MessageKind::Event => {}
        MessageKind::Test | MessageKind::Verify => return,
    }
    let record = Delivery::of_attempt(attempt, service.clock.now(), Outcome::Dropped);
    let sent = failed(service, attempt, target, &record, "Expired");
    logged(attempt.message.account(), target, MailTopic::Dropped, sent).await;
}

/// The kinds *failed* and *dropped*.
async fn failed(
    service: &Service,
    attempt: &Attempt,
    target: &DeliveryTarget,
    record: &Delivery,
    error: &str,
) -> PortResult<()> {
    let account = attempt.message.account();
    let kind = kind_of(record);
    let Some((to, silenced)) = admitted(service, account, target, kind).await? else { return Ok(()) };
    let account_url = service.settings.account_url(account);
    let delivery = FailedDelivery {
        event: attempt.message.event.event.as_str(),
        message: attempt.message.id.as_str(),
        error,
        attempt: attempt.number,
        delivery_url: &format!("{account_url}/webhook_deliveries/{}", record.id),
        silenced,
    };
    let mail = about(service, account, target, &to, |about| match record.next_attempt_at {
        Some(at) => mail_texts::failed(about, &delivery, at),
        None => mail_texts::dropped(about, &delivery),
    });
    send(service, topic(kind), &mail).await
}

fn kind_of(record: &Delivery) -> MailKind {
    if record.next_attempt_at.is_some() { MailKind::Failed } else { MailKind::Dropped }
}

/// The kind *recovered*. `missed` messages can be caught up.
pub async fn recovered(service: &Service, account: &AccountId, target: &DeliveryTarget, missed: u64) {
    let sent = of_state(service, account, target, MailKind::Recovered, |about| mail_texts::recovered(about, missed));
    logged(account, target, MailTopic::Recovered, sent).await;
}

/// The kind *throttled*: to each webhook with a failure in the run.
pub async fn throttled(service: &Service, account: &AccountId, host: &EndpointHost, health: &HostHealth) {
    let mut targets = Vec::new();
    for webhook in &health.offenders {
        match service.webhooks.target(account, *webhook).await {
            Ok(Some(target)) => targets.push(target),
            // It was deleted meanwhile.
            Ok(None) => {}
            Err(fault) => {
                tracing::warn!(webhook = webhook.0, error = %fault, "loading the webhook of a mail failed");
            }
        }
    }
    let offenders: Vec<(String, u64)> = targets.iter().map(|target| (target.name.clone(), target.id.0)).collect();
    for target in &targets {
        let sent = async {
            let admitted = admitted(service, account, target, MailKind::Throttled).await?;
            let Some((to, silenced)) = admitted else { return Ok(()) };
            let (host, failures) = (host.as_str(), health.run);
            let throttled = ThrottledHost { host, failures, offenders: &offenders, silenced };
            let mail = about(service, account, target, &to, |about| mail_texts::throttled(about, &throttled));
            send(service, MailTopic::Throttled, &mail).await
        };
        logged(account, target, MailTopic::Throttled, sent).await;
    }
}

/// A mail about the state of a webhook: *disabled* or *recovered*.
async fn of_state(
    service: &Service,
    account: &AccountId,
    target: &DeliveryTarget,
    kind: MailKind,
    write: impl FnOnce(&MailContext<'_>) -> Mail,
) -> PortResult<()> {
    let Some((to, _)) = admitted(service, account, target, kind).await? else { return Ok(()) };
    send(service, topic(kind), &about(service, account, target, &to, write)).await
}

/// Leave to mail: to whom, and what was silenced since the last mail. `None` if not now.
async fn admitted(
    service: &Service,
    account: &AccountId,
    target: &DeliveryTarget,
    kind: MailKind,
) -> PortResult<Option<(Vec<MailAddress>, (u32, u32))>> {
    if target.mail_to.is_empty() {
        return Ok(None);
    }
    let limits = MailLimits {
        interval: service.settings.mail_interval,
        per_day: service.settings.mails_per_day,
        addressees_per_day: service.settings.mail_addressees_per_day,
    };
    let now = service.clock.now();
    Ok(match service.mail_limiter.admit(account, target.id, &target.mail_to, kind, now, limits).await? {
        MailPermit::Suppressed => {
            tracing::debug!("mail suppressed");
            service.metrics.record(Measurement::Mail { kind: topic(kind), result: MailResult::Suppressed });
            None
        }
        MailPermit::Send { to, failed, dropped } => Some((to, (failed, dropped))),
    })
}

/// A mail about a webhook.
fn about(
    service: &Service,
    account: &AccountId,
    target: &DeliveryTarget,
    to: &[MailAddress],
    write: impl FnOnce(&MailContext<'_>) -> Mail,
) -> Mail {
    let account_url = service.settings.account_url(account);
    write(&MailContext {
        to,
        webhook_id: target.id.0,
        webhook_name: &target.name,
        account: (account.as_str(), &target.account_name),
        webhook_url: &format!("{account_url}/webhooks/{}", target.id),
        uri: &target.uri.for_mail(),
    })
}

/// Sends a mail.
async fn send(service: &Service, kind: MailTopic, mail: &Mail) -> PortResult<()> {
    let sent = service.mailer.send(mail).await;
    let result = if sent.is_ok() { MailResult::Sent } else { MailResult::Failed };
    service.metrics.record(Measurement::Mail { kind, result });
    if sent.is_ok() {
        tracing::info!("mail sent");
    }
    sent
}

fn topic(kind: MailKind) -> MailTopic {
    match kind {
        MailKind::Failed => MailTopic::Failed,
        MailKind::Dropped => MailTopic::Dropped,
        MailKind::Throttled => MailTopic::Throttled,
        MailKind::Disabled => MailTopic::Disabled,
        MailKind::Recovered => MailTopic::Recovered,
    }
}

/// A mail that cannot be sent is logged, and that is all.
async fn logged(
    account: &AccountId,
    target: &DeliveryTarget,
    kind: MailTopic,
    sent: impl Future<Output = PortResult<()>>,
) {
    let logged = async {
        if let Err(fault) = sent.await {
            tracing::warn!(error = %fault, "sending a mail failed");
        }
    };
    logged.instrument(spans::mail(account, target.id, kind)).await;
}
