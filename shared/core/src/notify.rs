//! Mails about failures: who gets one, and how often (section 9). Nothing here can fail or delay a delivery.

use jiff::Timestamp;

use crate::delivery::Outcome;
use crate::message::Attempt;
use crate::notice::{self, FailureNotice};
use crate::ports::{Admission, Answer, Mail, Service};
use crate::webhook::Target;

/// Mails that a delivery failed or a message was dropped, unless a mail about this webhook went out a short while ago.
pub async fn failure(
    service: &Service,
    attempt: &Attempt,
    target: &Target,
    outcome: Outcome,
    error: &str,
    next_attempt_at: Option<Timestamp>,
) {
    if target.mail_to.is_empty() {
        return;
    }
    let sent = async {
        let Some(mail) = compose(service, attempt, target, outcome, error, next_attempt_at).await? else {
            return Ok(());
        };
        service.mailer.send(&mail).await
    };
    if let Err(fault) = sent.await {
        tracing::warn!(webhook.id = target.id.0, error = %fault, "a mail could not be sent");
    }
}

async fn compose(
    service: &Service,
    attempt: &Attempt,
    target: &Target,
    outcome: Outcome,
    error: &str,
    next_attempt_at: Option<Timestamp>,
) -> Answer<Option<Mail>> {
    let account = attempt.message.account();
    let dropped = outcome == Outcome::Dropped;
    let now = service.clock.now();
    let interval = service.settings.mail_interval;
    let silenced = match service.notices.admit(account, target.id, dropped, now, interval).await? {
        Admission::Silenced => return Ok(None),
        Admission::Send { failed, dropped } => (failed, dropped),
    };
    let account_url = service.settings.account_url(account);
    Ok(Some(notice::failure(&FailureNotice {
        to: &target.mail_to,
        webhook_id: target.id.0,
        webhook_name: &target.name,
        account: (account.as_str(), &target.account_name),
        webhook_url: &format!("{account_url}/webhooks/{}", target.id),
        uri: &target.uri.for_mail(),
        event: attempt.message.event.event.as_str(),
        message: attempt.message.id.as_str(),
        error,
        attempt: attempt.number,
        next_attempt_at,
        silenced,
        delivery_url: &format!("{account_url}/webhook_deliveries/{}", attempt.delivery_id()),
    })))
}
