//! Mails: who gets one, and how often (section 9). Nothing here can fail or delay a delivery.
//!
//! All kinds are limited. Of *failed* and *dropped*, those that are suppressed are counted for the next mail. What the
//! limits per address and per day hold back goes into the account's digest ([`mail_batch`]). If an
//! attempt throttled its host, those mails come first: they say more. If it disabled its webhook, that is the one mail.

use tracing::Instrument as _;

use super::health::SideEffects;
use super::mail::{self, admit, leaves_out, send};
use super::mail_batch;
use super::spans;
use crate::errors::PortResult;
use crate::ids::AccountId;
use crate::model::{Attempt, Delivery, DeliveryTarget, HostHealth, Mail, MailBatch, MailKind, MessageKind, Outcome};
use crate::ports::{MailPermit, MailTopic};
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
    if set_off.disabled.is_some() {
        let held = mail_batch::hold(service, account, target, MailKind::Disabled, 0);
        logged(account, target, MailKind::Disabled, held).await;
        return;
    }
    logged(account, target, kind_of(record), failed(service, attempt, target, record, &failure.text)).await;
}

/// Mails that a message was dropped because its run took too long.
pub async fn expired(service: &Service, attempt: &Attempt, target: &DeliveryTarget) {
    match attempt.message.kind {
        MessageKind::Event => {}
        MessageKind::Test | MessageKind::Verify => return,
    }
    let record = Delivery::of_attempt(attempt, service.clock.now(), Outcome::Dropped);
    let sent = failed(service, attempt, target, &record, "Expired");
    logged(attempt.message.account(), target, MailKind::Dropped, sent).await;
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
    send(service, MailTopic::Webhook(kind), &mail).await
}

fn kind_of(record: &Delivery) -> MailKind {
    if record.next_attempt_at.is_some() { MailKind::Failed } else { MailKind::Dropped }
}

/// The kind *recovered*. `missed` messages can be caught up.
pub async fn recovered(service: &Service, account: &AccountId, target: &DeliveryTarget, missed: u64) {
    let held = mail_batch::hold(service, account, target, MailKind::Recovered, missed);
    logged(account, target, MailKind::Recovered, held).await;
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
            send(service, MailTopic::Webhook(MailKind::Throttled), &mail).await
        };
        logged(account, target, MailKind::Throttled, sent).await;
    }
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
    let (admitted, held_back) = match admit(service, account, &[target.id], &target.mail_to, kind).await? {
        MailPermit::Suppressed => (None, false),
        MailPermit::Beyond => (None, true),
        MailPermit::Send { to, webhooks: _, failed, dropped } => {
            let held_back = leaves_out(&to, &target.mail_to);
            (Some((to, (failed, dropped))), held_back)
        }
    };
    if held_back {
        // A digest that fails must not take this mail with it.
        let batch = MailBatch::of(kind, target.id);
        logged(account, target, kind, mail_batch::hold_back(service, account, &batch)).await;
    }
    Ok(admitted)
}

/// A mail about a webhook.
fn about(
    service: &Service,
    account: &AccountId,
    target: &DeliveryTarget,
    to: &[MailAddress],
    write: impl FnOnce(&MailContext<'_>) -> Mail,
) -> Mail {
    mail::about(service, (account, &target.account_name), (target.id, &target.name, &target.uri), to, write)
}

/// A mail that cannot be sent is logged, and that is all.
async fn logged(
    account: &AccountId,
    target: &DeliveryTarget,
    kind: MailKind,
    sent: impl Future<Output = PortResult<()>>,
) {
    let logged = async {
        if let Err(fault) = sent.await {
            tracing::warn!(error = %fault, "sending a mail failed");
        }
    };
    logged.instrument(spans::mail(account, target.id, MailTopic::Webhook(kind))).await;
}
