//! Mails: who gets one, and how often (section 9). Nothing here can fail or delay a delivery.
//!
//! The kinds *failed*, *dropped* and *throttled* are limited, and what is silenced is counted for the next one. If an
//! attempt throttled its host, those mails come first: they say more. If it disabled its webhook, that is the one mail.

use crate::account::AccountId;
use crate::delivery::{Delivery, Outcome};
use crate::endpoint_uri::EndpointHost;
use crate::health::SetOff;
use crate::mail_address::MailAddress;
use crate::message::{Attempt, Kind};
use crate::notice::{self, About, FailedDelivery, ThrottledHost};
use crate::ports::{Admission, Answer, Mail, NoticeKind, NoticeLimits, Service};
use crate::throttle::HostHealth;
use crate::webhook::Target;

/// Mails about an attempt that failed, and about what it set off.
pub async fn after_failure(service: &Service, attempt: &Attempt, target: &Target, record: &Delivery, set_off: &SetOff) {
    let Some(failure) = &record.failure else { return };
    let account = attempt.message.account();
    if let Some(host) = &set_off.throttled {
        throttled(service, account, target.uri.host(), host).await;
    }
    if let Some(disabling) = &set_off.disabled {
        let mail = about(service, account, target, &target.mail_to, |about| {
            notice::disabled(about, disabling.by, &failure.text)
        });
        if !mail.to.is_empty() {
            logged(target, service.mailer.send(&mail).await);
        }
        return;
    }
    logged(target, failed(service, attempt, target, record, &failure.text).await);
}

/// Mails that a message was dropped because its run took too long.
pub async fn expired(service: &Service, attempt: &Attempt, target: &Target) {
    match attempt.message.kind {
        Kind::Event => {}
        Kind::Test | Kind::Verify => return,
    }
    let record = crate::deliver::blank(attempt, service.clock.now(), Outcome::Dropped);
    logged(target, failed(service, attempt, target, &record, "Expired").await);
}

/// The kinds *failed* and *dropped*.
async fn failed(service: &Service, attempt: &Attempt, target: &Target, record: &Delivery, error: &str) -> Answer<()> {
    let account = attempt.message.account();
    let kind = if record.next_attempt_at.is_some() { NoticeKind::Failed } else { NoticeKind::Dropped };
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
        Some(at) => notice::failed(about, &delivery, at),
        None => notice::dropped(about, &delivery),
    });
    service.mailer.send(&mail).await
}

/// The kind *recovered*. `missed` messages can be caught up.
pub async fn recovered(service: &Service, account: &AccountId, target: &Target, missed: u64) {
    let mail = about(service, account, target, &target.mail_to, |about| notice::recovered(about, missed));
    if !mail.to.is_empty() {
        logged(target, service.mailer.send(&mail).await);
    }
}

/// The kind *throttled*: to each webhook with a failure in the run.
pub async fn throttled(service: &Service, account: &AccountId, host: &EndpointHost, health: &HostHealth) {
    let mut targets = Vec::new();
    for webhook in &health.offenders {
        match service.webhooks.target(account, *webhook).await {
            Ok(Some(target)) => targets.push(target),
            // It was deleted meanwhile.
            Ok(None) => {}
            Err(fault) => tracing::warn!(webhook.id = webhook.0, error = %fault, "a mail could not be written"),
        }
    }
    let offenders: Vec<(String, u64)> = targets.iter().map(|target| (target.name.clone(), target.id.0)).collect();
    for target in &targets {
        let sent = async {
            let admitted = admitted(service, account, target, NoticeKind::Throttled).await?;
            let Some((to, silenced)) = admitted else { return Ok(()) };
            let (host, failures) = (host.as_str(), health.run);
            let throttled = ThrottledHost { host, failures, offenders: &offenders, silenced };
            let mail = about(service, account, target, &to, |about| notice::throttled(about, &throttled));
            service.mailer.send(&mail).await
        };
        logged(target, sent.await);
    }
}

/// Leave to mail: to whom, and what was silenced since the last mail. `None` if not now.
async fn admitted(
    service: &Service,
    account: &AccountId,
    target: &Target,
    kind: NoticeKind,
) -> Answer<Option<(Vec<MailAddress>, (u32, u32))>> {
    if target.mail_to.is_empty() {
        return Ok(None);
    }
    let limits = NoticeLimits { interval: service.settings.mail_interval, per_day: service.settings.mails_per_day };
    let now = service.clock.now();
    Ok(match service.notices.admit(account, target.id, &target.mail_to, kind, now, limits).await? {
        Admission::Silenced => None,
        Admission::Send { to, failed, dropped } => Some((to, (failed, dropped))),
    })
}

/// A mail about a webhook.
fn about(
    service: &Service,
    account: &AccountId,
    target: &Target,
    to: &[MailAddress],
    write: impl FnOnce(&About<'_>) -> Mail,
) -> Mail {
    let account_url = service.settings.account_url(account);
    write(&About {
        to,
        webhook_id: target.id.0,
        webhook_name: &target.name,
        account: (account.as_str(), &target.account_name),
        webhook_url: &format!("{account_url}/webhooks/{}", target.id),
        uri: &target.uri.for_mail(),
    })
}

/// A mail that cannot be sent is logged, and that is all.
fn logged(target: &Target, sent: Answer<()>) {
    if let Err(fault) = sent {
        tracing::warn!(webhook.id = target.id.0, error = %fault, "a mail could not be sent");
    }
}
