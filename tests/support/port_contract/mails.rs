//! Mails: how many are sent, and those that wait.

use std::time::Duration;

use hookline_core::ids::WebhookId;
use hookline_core::model::{MailBatch, MailKind, MailStep};
use hookline_core::ports::{MailBatchClaim, MailLimits, MailPermit};
use hookline_core::service::Service;
use hookline_core::values::MailAddress;
use jiff::Timestamp;

use super::{MINUTE, at_once, fresh_account, stored};

const LIMITS: MailLimits = MailLimits { interval: Duration::from_mins(20), per_day: 200, addressees_per_day: 1000 };

fn addresses() -> Vec<MailAddress> {
    MailAddress::parse_list("a@example.com", 1).expect("an address")
}

fn send(webhook: WebhookId, failed: u32, dropped: u32) -> MailPermit {
    MailPermit::Send { to: addresses(), webhooks: vec![webhook], failed, dropped }
}

/// One mail per webhook and interval, also when many ask at once.
pub async fn a_notice_is_admitted_once_of_fifty(service: &Service) {
    let account = fresh_account(service).await;
    let webhook = stored(service, &account.id, "*").await.id;
    let now = service.clock.now();
    let admit = async |at| {
        let admitted =
            service.mail_limiter.admit(&account.id, &[webhook], &addresses(), MailKind::Failed, at, LIMITS).await;
        admitted.expect("the store works")
    };
    let admissions = at_once(50, |_| admit(now)).await;
    let sent: Vec<_> = admissions.iter().filter(|one| !matches!(one, MailPermit::Suppressed)).collect();
    assert_eq!(sent, [&send(webhook, 0, 0)]);
    assert_eq!(admit(now + MINUTE * 19).await, MailPermit::Suppressed);
    let again = admit(now + MINUTE * 20).await;
    assert_eq!(again, send(webhook, 50, 0), "with all that was silenced");
    assert_eq!(admit(now + MINUTE * 40).await, send(webhook, 0, 0));
}

/// Each kind by itself.
pub async fn silenced_failures_are_counted(service: &Service) {
    let account = fresh_account(service).await;
    let webhook = stored(service, &account.id, "*").await.id;
    let now = service.clock.now();
    let admit = async |kind, at| {
        let admitted = service.mail_limiter.admit(&account.id, &[webhook], &addresses(), kind, at, LIMITS).await;
        admitted.expect("the store works")
    };
    admit(MailKind::Dropped, now).await;
    for kind in [MailKind::Failed, MailKind::Dropped, MailKind::Failed] {
        assert_eq!(admit(kind, now + MINUTE).await, MailPermit::Suppressed);
    }
    let next = admit(MailKind::Failed, now + MINUTE * 21).await;
    assert_eq!(next, send(webhook, 2, 1));
}

/// A mail about the state of webhooks has a limit of its own, and all mails of a day have one for their addressees.
pub async fn mails_about_the_state_of_webhooks_are_limited(service: &Service) {
    let account = fresh_account(service).await;
    let (webhook, other) = (stored(service, &account.id, "*").await.id, stored(service, &account.id, "*").await.id);
    let to = MailAddress::parse_list("a@example.com,b@example.com,c@example.com", 3).expect("addresses");
    let limits = MailLimits { per_day: 4, addressees_per_day: 8, ..LIMITS };
    let day = Timestamp::UNIX_EPOCH + Duration::from_hours(24 * 30_000);
    let admit = async |webhooks: &[WebhookId], kind, minutes: u32| {
        let at = day + MINUTE * minutes;
        let admitted = service.mail_limiter.admit(&account.id, webhooks, &to, kind, at, limits).await;
        admitted.expect("the store works")
    };
    let send = |to: &[MailAddress], webhooks: &[WebhookId], failed| MailPermit::Send {
        to: to.to_vec(),
        webhooks: webhooks.to_vec(),
        failed,
        dropped: 0,
    };
    assert_eq!(admit(&[webhook], MailKind::Failed, 0).await, send(&to, &[webhook], 0));
    assert_eq!(admit(&[webhook], MailKind::Failed, 1).await, MailPermit::Suppressed);
    assert_eq!(admit(&[other], MailKind::Failed, 1).await, MailPermit::Beyond, "each address had one");
    assert_eq!(admit(&[webhook], MailKind::Disabled, 2).await, send(&to, &[webhook], 0), "beside the failures");
    assert_eq!(admit(&[webhook], MailKind::Disabled, 21).await, MailPermit::Suppressed);
    let both = [webhook, other];
    assert_eq!(admit(&both, MailKind::Disabled, 21).await, send(&to[..2], &[other], 0), "eight addressees a day");
    assert_eq!(admit(&both, MailKind::Recovered, 22).await, MailPermit::Beyond, "there is no addressee left");
    assert_eq!(admit(&both, MailKind::Recovered, 24 * 60).await, send(&to, &both, 0), "the next day");
    assert_eq!(admit(&[webhook], MailKind::Failed, 24 * 60).await, send(&to, &[webhook], 1), "the count stayed");
    assert_eq!(admit(&[other], MailKind::Failed, 24 * 60 + 20).await, send(&to[..2], &[other], 1));
}

/// Many join a batch at once, one step sends it, and what comes later begins another one.
pub async fn mails_that_wait_are_sent_by_one_step(service: &Service) {
    let (account, other) = (fresh_account(service).await.id, fresh_account(service).await.id);
    let now = service.clock.now();
    let step = MailStep::of_state(&account, MailKind::Disabled, &addresses(), now, MINUTE);
    let batches = &service.mail_batches;
    let join = async |step: &MailStep, webhook, missed| {
        let more = MailBatch { missed, ..MailBatch::of(MailKind::Disabled, WebhookId(webhook)) };
        batches.join_mail_batch(&step.account, &step.batch, &more, step.due_at).await.expect("the store works");
    };
    let claim = async |at, until| batches.claim_mail_batch(&step, at, until).await.expect("the store works");
    assert_eq!(claim(step.due_at, step.due_at + MINUTE).await, MailBatchClaim::Nothing);
    at_once(30, |number| join(&step, number as u64 % 20, 2)).await;
    // The first one decides when it is due.
    join(&MailStep { due_at: step.due_at + MINUTE, ..step.clone() }, 1, 0).await;
    join(&MailStep { account: other.clone(), ..step.clone() }, 77, 0).await;
    assert!(batches.has_mail_batch(&account, &step.batch).await.expect("the store works"));
    assert!(!batches.has_mail_batch(&account, "another").await.expect("the store works"));

    assert_eq!(claim(now, now + MINUTE).await, MailBatchClaim::Nothing, "it is not due");
    let (due, lease) = (step.due_at, step.due_at + MINUTE);
    let claims = at_once(20, |_| claim(due, lease)).await;
    let won: Vec<_> = claims.iter().filter(|claim| **claim != MailBatchClaim::Busy { until: lease }).collect();
    let expected = MailBatch {
        counts: [(MailKind::Disabled, 31)].into(),
        missed: 60,
        webhooks: (0..20).map(WebhookId).collect(),
        more: false,
    };
    assert_eq!(won, [&MailBatchClaim::Won(expected.clone())]);
    assert!(
        !batches.has_mail_batch(&account, &step.batch).await.expect("the store works"),
        "what joins now is another"
    );
    join(&step, 5, 0).await;

    assert_eq!(claim(lease, lease + MINUTE).await, MailBatchClaim::Interrupted(expected), "the first process died");
    assert_eq!(claim(lease, lease + MINUTE).await, MailBatchClaim::Busy { until: lease + MINUTE });
    batches.remove_mail_batch(&step).await.expect("the store works");
    let next = claim(lease, lease + MINUTE).await;
    assert_eq!(next, MailBatchClaim::Won(MailBatch::of(MailKind::Disabled, WebhookId(5))));
    let theirs = MailStep { account: other, ..step.clone() };
    let theirs = batches.claim_mail_batch(&theirs, lease, lease + MINUTE).await.expect("the store works");
    assert_eq!(theirs, MailBatchClaim::Won(MailBatch::of(MailKind::Disabled, WebhookId(77))));
}

/// A batch stays small, whatever joins it.
pub async fn a_batch_of_mails_lists_a_limited_number_of_webhooks(service: &Service) {
    let account = fresh_account(service).await.id;
    let step = MailStep::digest(&account, service.clock.now(), MINUTE);
    let join = async |more: &MailBatch| {
        let joined = service.mail_batches.join_mail_batch(&account, &step.batch, more, step.due_at).await;
        joined.expect("the store works");
    };
    for webhook in 0..MailBatch::LISTED as u64 + 5 {
        join(&MailBatch::of(MailKind::Failed, WebhookId(webhook))).await;
    }
    join(&MailBatch::of(MailKind::Dropped, WebhookId(0))).await;
    let claim = service.mail_batches.claim_mail_batch(&step, step.due_at, step.due_at + MINUTE).await;
    let MailBatchClaim::Won(batch) = claim.expect("the store works") else { panic!("it is due") };
    assert_eq!((batch.webhooks.len(), batch.more), (MailBatch::LISTED, true));
    assert_eq!((batch.count(MailKind::Failed), batch.count(MailKind::Dropped)), (55, 1));
}
