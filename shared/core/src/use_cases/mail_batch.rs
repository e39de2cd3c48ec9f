//! Mails that wait until more can join them (section 9).
//!
//! A mail that a webhook was disabled or has recovered waits for a minute: further webhooks of the account whose mails go
//! to the same addresses join it. What the limits hold back joins the account's digest of the hour, which goes to the
//! administrators, outside of the limits.
//!
//! A [`MailStep`] on the deliveries queue sends a batch when it is due. The step is on the queue before the batch is
//! stored, so a crash in between leaves a step without a batch, which ends by itself. The step claims the batch, and
//! removes it when the mail is sent. A step whose process died in between finds its claim, and cannot know whether the
//! mail was sent: it sends none, and the content joins the digest instead. So no mail is sent twice, and none is lost
//! without a word.

use std::time::Duration;

use super::mail::{self, admit, leaves_out, send};
use crate::errors::PortResult;
use crate::ids::AccountId;
use crate::model::attempt::LEASE;
use crate::model::{Account, DeliveryTarget, DisabledBy, MailBatch, MailKind, MailStep, Webhook};
use crate::ports::{Disposition, MailBatchClaim, MailPermit, MailTopic};
use crate::rules::{AccountContext, batch_mail_texts, mail_texts};
use crate::service::Service;
use crate::values::MailAddress;

/// How long a mail about the state of a webhook waits for others.
const STATE_WAIT: Duration = Duration::from_mins(1);
/// How often an account may have a digest.
const DIGEST_EVERY: Duration = Duration::from_hours(1);

/// Adds a webhook to the next mail of this kind, *disabled* or *recovered*, to its addresses. It missed `missed` messages.
pub(super) async fn hold(
    service: &Service,
    account: &AccountId,
    target: &DeliveryTarget,
    kind: MailKind,
    missed: u64,
) -> PortResult<()> {
    if target.mail_to.is_empty() {
        return Ok(());
    }
    let wait = service.settings.scaled(STATE_WAIT);
    let step = MailStep::of_state(account, kind, &target.mail_to, service.clock.now(), wait);
    // Always, because the batch that is there now may be sent before this webhook joins it.
    service.queues.put_mail(&step).await?;
    join(service, &step, &MailBatch { missed, ..MailBatch::of(kind, target.id) }).await
}

/// Adds what the limits held back to the account's digest.
pub(super) async fn hold_back(service: &Service, account: &AccountId, batch: &MailBatch) -> PortResult<()> {
    let step = MailStep::digest(account, service.clock.now(), service.settings.scaled(DIGEST_EVERY));
    if !service.mail_batches.has_mail_batch(account, &step.batch).await? {
        service.queues.put_mail(&step).await?;
    }
    join(service, &step, batch).await
}

/// Joins the batch of a step that is on the queue.
async fn join(service: &Service, step: &MailStep, batch: &MailBatch) -> PortResult<()> {
    service.mail_batches.join_mail_batch(&step.account, &step.batch, batch, step.due_at).await?;
    if service.clock.now() >= step.due_at {
        // It took so long that the step may have ended before.
        service.queues.put_mail(step).await?;
    }
    Ok(())
}

/// Sends a batch if it is due.
pub async fn run_step(service: &Service, step: MailStep) -> PortResult<Disposition> {
    let now = service.clock.now();
    if step.due_at > now {
        return Ok(Disposition::HandBack { until: step.due_at });
    }
    match service.mail_batches.claim_mail_batch(&step, now, now + LEASE).await? {
        MailBatchClaim::Nothing => return Ok(Disposition::Done),
        MailBatchClaim::Busy { until } => return Ok(Disposition::HandBack { until }),
        MailBatchClaim::Interrupted(batch) => {
            tracing::warn!("sending a mail was interrupted: the next digest reports it");
            hold_back(service, &step.account, &batch).await?;
        }
        MailBatchClaim::Won(batch) => {
            let account = service.accounts.account(&step.account).await?;
            match (account.filter(|account| !account.disabled), step.kind) {
                // A deleted or disabled account sends nothing.
                (None, _) => {}
                (Some(account), None) => digest(service, &account, &batch).await?,
                (Some(account), Some(kind)) => of_state(service, &account, &step, kind, batch).await?,
            }
        }
    }
    service.mail_batches.remove_mail_batch(&step).await?;
    Ok(Disposition::Done)
}

/// Mails that webhooks were disabled, or have recovered.
async fn of_state(
    service: &Service,
    account: &Account,
    step: &MailStep,
    kind: MailKind,
    batch: MailBatch,
) -> PortResult<()> {
    let wanted = MailAddress::parse_list(&step.to, usize::MAX).unwrap_or_default();
    let mut listed = listed(service, account, &batch).await?;
    let asked: Vec<_> = listed.iter().map(|webhook| webhook.id).collect();
    let (to, webhooks) = match admit(service, &account.id, &asked, &wanted, kind).await? {
        MailPermit::Suppressed => return Ok(()),
        MailPermit::Beyond => return hold_back(service, &account.id, &batch).await,
        MailPermit::Send { to, webhooks, .. } => (to, webhooks),
    };
    if leaves_out(&to, &wanted) {
        hold_back(service, &account.id, &batch).await?;
    }
    listed.retain(|webhook| webhooks.contains(&webhook.id));
    let mail = match (&listed[..], batch.more, kind) {
        ([webhook], false, _) => {
            let subject = (webhook.id, webhook.name.as_str(), &webhook.uri);
            mail::about(service, (&account.id, &account.name), subject, &to, |about| match kind {
                MailKind::Recovered => mail_texts::recovered(about, batch.missed),
                MailKind::Failed | MailKind::Dropped | MailKind::Throttled | MailKind::Disabled => {
                    let by = webhook.disabling.map_or(DisabledBy::Failures, |disabling| disabling.by);
                    mail_texts::disabled(about, by, webhook.last_error.as_deref())
                }
            })
        }
        (several, _, MailKind::Recovered) => {
            batch_mail_texts::recovered(&context(service, account, &to), &batch, &lines(several))
        }
        (several, _, MailKind::Failed | MailKind::Dropped | MailKind::Throttled | MailKind::Disabled) => {
            batch_mail_texts::disabled(&context(service, account, &to), &batch, &lines(several))
        }
    };
    logged(send(service, MailTopic::Webhook(kind), &mail).await);
    Ok(())
}

/// Mails a digest.
async fn digest(service: &Service, account: &Account, batch: &MailBatch) -> PortResult<()> {
    if account.admin_mails.is_empty() {
        tracing::warn!("the account has no administrator to mail a digest to");
        return Ok(());
    }
    let listed = listed(service, account, batch).await?;
    let mail = batch_mail_texts::digest(&context(service, account, &account.admin_mails), batch, &lines(&listed));
    logged(send(service, MailTopic::Digest, &mail).await);
    Ok(())
}

/// The webhooks that a batch lists and that are not deleted.
async fn listed(service: &Service, account: &Account, batch: &MailBatch) -> PortResult<Vec<Webhook>> {
    let mut listed = Vec::with_capacity(batch.webhooks.len());
    for id in &batch.webhooks {
        listed.extend(service.webhooks.webhook(&account.id, *id).await?);
    }
    Ok(listed)
}

fn lines(webhooks: &[Webhook]) -> Vec<String> {
    let line = |webhook: &Webhook| {
        let uri = webhook.uri.for_mail();
        batch_mail_texts::line(webhook.id.0, &webhook.name, &uri, webhook.last_error.as_deref())
    };
    webhooks.iter().map(line).collect()
}

fn context<'a>(service: &Service, account: &'a Account, to: &'a [MailAddress]) -> AccountContext<'a> {
    AccountContext { to, account: (account.id.as_str(), &account.name), url: service.settings.account_url(&account.id) }
}

/// A mail that cannot be sent is logged, and that is all.
fn logged(sent: PortResult<()>) {
    if let Err(fault) = sent {
        tracing::warn!(error = %fault, "sending a mail failed");
    }
}
