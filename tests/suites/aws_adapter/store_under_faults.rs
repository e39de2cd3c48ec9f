//! The store while DynamoDB throttles, fails, falls silent and cuts connections: what was asked for is done once.

use futures_util::future::join_all;
use hookline_core::errors::PortResult;
use hookline_core::ids::WebhookId;
use hookline_core::model::{AuditAction, Hour, Outcome, SkipReason, SkippedChunk, SkippedWebhook};
use hookline_core::ports::{
    AttemptClaim, Counts as _, CountsScope, CreateOutcome, Deliveries as _, EventClaim, Events as _, UpdateOutcome,
    Webhooks as _,
};
use hookline_tests::local_aws::fault_proxy::{FaultProxy, InjectedFault};

use crate::fixture::{LIMITS, StoreFixture, at, entry, event, first, id, webhook};

/// Every third call goes wrong, each time in another way. Two of them are not answered for long.
fn plan(number: u64) -> Option<InjectedFault> {
    const WAYS: [InjectedFault; 4] =
        [InjectedFault::Throttled, InjectedFault::CutAfter, InjectedFault::Failed, InjectedFault::CutBefore];
    match number {
        20 | 41 => Some(InjectedFault::Silent),
        _ if number % 3 == 2 => WAYS.get(usize::try_from(number / 3 % 4).unwrap()).copied(),
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_fifty_at_once_one_wins_whatever_goes_wrong_on_the_way() {
    let proxy = FaultProxy::start(plan).await;
    let fixture = StoreFixture::new().await;
    let table = &fixture.behind(&proxy.url());
    let one = event("a", "e", 0);
    let claims = join_all((0..50).map(|_| table.claim_event(&one, at(1), at(61)))).await;
    let begun = claims.into_iter().filter(|claim| matches!(claim, Ok(EventClaim::Begun { .. }))).count();
    assert_eq!(begun, 1);
    let hook = webhook("a", 1, "request.create");
    assert_eq!(
        table.create_webhook(&hook, LIMITS, &entry(&hook, AuditAction::Create)).await.unwrap(),
        CreateOutcome::Done
    );
    let names: Vec<_> = (0..50)
        .map(|number| {
            let mut changed = hook.clone();
            (changed.name, changed.version) = (format!("name {number}"), hook.version + 1);
            changed
        })
        .collect();
    let trail = entry(&hook, AuditAction::Update);
    let written = join_all(names.iter().map(|hook| table.update_webhook(hook, LIMITS, &trail))).await;
    let winners: Vec<usize> = (0..50).filter(|at| matches!(written[*at], Ok(Ok(UpdateOutcome::Done)))).collect();
    assert_eq!(winners.len(), 1, "{written:?}");
    let stored = table.webhook(&hook.account, hook.id).await.unwrap().unwrap();
    assert_eq!((stored.name, stored.version), (format!("name {}", winners[0]), hook.version + 1));
    let mut retry = first(&one, hook.id);
    retry.number = 2;
    let claims = join_all((0..50).map(|_| table.claim_attempt(&retry, at(1), at(61)))).await;
    assert_eq!(claims.into_iter().filter(|claim| matches!(claim, Ok(AttemptClaim::Won))).count(), 1);
    assert!(proxy.calls() > 200, "{}", proxy.calls());
}

/// Repeats a call as the queue repeats a message. The client has repeated it a few times before it fails.
async fn repeated<T, F: Future<Output = PortResult<T>>>(call: impl Fn() -> F) -> T {
    for _ in 0..200 {
        if let Ok(done) = call().await {
            return done;
        }
    }
    panic!("200 calls failed one after the other");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_noted_is_there_whatever_goes_wrong_on_the_way() {
    let proxy = FaultProxy::start(plan).await;
    let fixture = StoreFixture::new().await;
    let table = &fixture.behind(&proxy.url());
    let one = event("a", "e", 0);
    assert!(matches!(table.claim_event(&one, at(1), at(61)).await.unwrap(), EventClaim::Begun { .. }));
    repeated(|| table.event_progress(&one, WebhookId(5), at(100))).await;
    let matched: Vec<WebhookId> = (1..=40).map(WebhookId).collect();
    // Small chunks, so that they take many calls.
    let chunks = |webhook| {
        let webhook = SkippedWebhook { id: WebhookId(webhook), reason: SkipReason::Unverified, name: "n".to_owned() };
        SkippedChunk::all(&one.head, None, vec![webhook])
    };
    let skipped: Vec<_> = (41..=160).flat_map(chunks).collect();
    repeated(|| table.record_skipped(&skipped)).await;
    for &webhook in &matched {
        let record = hookline_core::model::Delivery::of_attempt(&first(&one, webhook), at(2), Outcome::Succeeded);
        repeated(|| table.record(&record)).await;
    }
    repeated(|| table.event_done(&one, &matched)).await;
    assert_eq!(repeated(|| table.claim_event(&one, at(500), at(560))).await, EventClaim::Done);
    let account = id("a");
    let stored = repeated(|| table.event(&account, &one.head.id, at(3))).await.unwrap();
    assert_eq!(stored.matched.as_deref(), Some(matched.as_slice()));
    let outcomes = repeated(|| table.outcomes_of_event(&account, &one.head.id, at(3))).await;
    let count = |wanted| outcomes.iter().filter(|(_, outcome)| *outcome == wanted).count();
    assert_eq!((count(Outcome::Succeeded), count(Outcome::Skipped)), (40, 120));
}

/// A write that was made although its answer was cut off is made again by the client, and must not count twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counts_are_exact_whatever_goes_wrong_on_the_way() {
    let proxy = FaultProxy::start(plan).await;
    let fixture = StoreFixture::new().await;
    let table = &fixture.behind(&proxy.url());
    let (hour, mut stored) = (Hour(500_000), 0);
    for _ in 0..30 {
        table.count(&id("a"), WebhookId(1), hour, Outcome::Succeeded, None);
        table.count(&id("a"), WebhookId(2), hour, Outcome::Skipped, None);
        // What could not be stored is stored with the next one.
        stored += usize::from(table.store_counts().await.is_ok());
    }
    while table.store_counts().await.is_err() {}
    for (webhook, expected) in [(1, (30, 0)), (2, (0, 30))] {
        let scope = CountsScope::Webhook(WebhookId(webhook));
        let found = fixture.table.counts(&id("a"), scope, hour..=hour).await.unwrap().remove(0).counts;
        assert_eq!((found.succeeded, found.skipped), expected, "webhook {webhook}");
    }
    assert!(stored > 0 && proxy.calls() > 60, "{stored} stored, {} calls", proxy.calls());
}
