//! Redelivery jobs: which messages they send again, and how their progress is kept.

use std::sync::Arc;

use hookline_core::ids::{DeliveryId, EventId, WebhookId};
use hookline_core::model::{
    Attempt, Delivery, Event, EventHead, EventName, JobProgress, JobState, Links, Message, MessageKind, Outcome,
    Payload, RedeliveryFilter, RedeliveryJob,
};
use hookline_core::ports::{BeginJobOutcome, Deliveries as _, Events as _, Redeliveries as _, RedeliveryQuery};
use uuid::Uuid;

use crate::fixture::{StoreFixture, at, id};

/// An event of account `a`, accepted this many seconds after the start.
async fn event(fixture: &StoreFixture, name: &str, seconds: i64) -> Event {
    let head = EventHead {
        id: EventId::parse(name).unwrap(),
        account: id("a"),
        event: EventName::builtin("request.create").unwrap(),
        object_id: 1,
        object_type: "Request".to_owned(),
        person_id: None,
        person_name: None,
        links: Links::default(),
        webhook: None,
        trace: None,
        accepted_at: at(seconds),
    };
    let event = Event { head: Arc::new(head), payload: Payload::empty() };
    fixture.view.claim_event(&event, at(seconds), at(seconds + 60)).await.unwrap();
    event
}

/// Writes a record of the event for webhook 1 and returns its id.
async fn record(
    fixture: &StoreFixture,
    event: &Event,
    run: u64,
    number: u8,
    seconds: i64,
    outcome: Outcome,
) -> DeliveryId {
    let message = Message::new(&event.head, WebhookId(1), "w".to_owned(), None);
    let mut attempt = Attempt::first(message, &event.payload, at(seconds));
    (attempt.run, attempt.number, attempt.due_at) = (run, number, at(seconds));
    fixture.view.record(&Delivery::of_attempt(&attempt, at(seconds), outcome)).await.unwrap();
    attempt.delivery_id()
}

fn query() -> RedeliveryQuery {
    RedeliveryQuery {
        webhook: WebhookId(1),
        outcomes: vec![Outcome::Dropped, Outcome::Cancelled, Outcome::Skipped],
        event: None,
        since: None,
        before: at(1000),
        accepted_from: at(0),
        but_run: 99,
        after: None,
        most: 100,
        now: at(2000),
    }
}

/// The event ids of the messages found, and the records that matched.
async fn found(fixture: &StoreFixture, query: &RedeliveryQuery) -> Vec<(String, DeliveryId)> {
    let page = fixture.view.redeliverable(&id("a"), query).await.unwrap();
    let count = fixture.view.count_redeliverable(&id("a"), query, 1000).await.unwrap();
    assert!(page.next.is_some() || query.after.is_some() || count == page.items.len() as u64);
    page.items.into_iter().map(|delivery| (delivery.event_id.as_str().to_owned(), delivery.id)).collect()
}

/// Run, attempt and outcome of each record of a message.
type Records = &'static [(u64, u8, Outcome)];

#[tokio::test]
async fn a_message_is_found_once_and_only_if_it_has_not_succeeded() {
    use Outcome::{Cancelled, Dropped, Failed, Succeeded, Waiting};
    let fixture = StoreFixture::new().await;
    let rows: [(&str, Records, bool); 11] = [
        ("dropped", &[(0, 1, Failed), (0, 2, Dropped)], true),
        ("cancelled", &[(0, 1, Cancelled)], true),
        ("succeeded", &[(0, 1, Failed), (0, 2, Succeeded)], false),
        ("tried-again", &[(0, 1, Failed)], false),
        ("succeeded-later", &[(0, 1, Dropped), (5, 1, Succeeded)], false),
        ("succeeded-before", &[(0, 1, Succeeded), (5, 1, Dropped)], false),
        ("being-redelivered", &[(0, 1, Dropped), (5, 1, Waiting)], false),
        ("being-retried", &[(0, 1, Dropped), (5, 1, Failed)], false),
        ("dropped-twice", &[(0, 1, Dropped), (5, 1, Dropped)], true),
        ("of-this-job", &[(0, 1, Dropped), (99, 1, Waiting)], true),
        ("done-by-this-job", &[(0, 1, Cancelled), (99, 1, Succeeded)], true),
    ];
    let (mut expected, mut seconds) = (Vec::new(), 0);
    for (name, records, is_found) in rows {
        let event = event(&fixture, name, seconds).await;
        let mut first = None;
        for (run, number, outcome) in records {
            let id = record(&fixture, &event, *run, *number, seconds, *outcome).await;
            if query().outcomes.contains(outcome) {
                first = first.or(Some(id));
            }
            seconds += 1;
        }
        expected.extend(first.filter(|_| is_found).map(|id| (name.to_owned(), id)));
    }
    assert_eq!(found(&fixture, &query()).await, expected);
    let only = RedeliveryQuery { outcomes: vec![Cancelled], ..query() };
    let names: Vec<_> = found(&fixture, &only).await.into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["cancelled", "done-by-this-job"]);
    assert_eq!(found(&fixture, &RedeliveryQuery { webhook: WebhookId(2), ..query() }).await, []);
    assert!(fixture.view.redeliverable(&id("b"), &query()).await.unwrap().items.is_empty());
}

#[tokio::test]
async fn the_time_of_the_record_and_the_age_of_the_event_count() {
    let fixture = StoreFixture::new().await;
    for seconds in [10, 20, 30] {
        let event = event(&fixture, &format!("e{seconds}"), seconds).await;
        record(&fixture, &event, 0, 1, seconds, Outcome::Dropped).await;
        record(&fixture, &event, 7, 1, seconds + 100, Outcome::Dropped).await;
    }
    let names = async |query: RedeliveryQuery| -> Vec<String> {
        found(&fixture, &query).await.into_iter().map(|(name, _)| name).collect()
    };
    assert_eq!(names(RedeliveryQuery { since: Some(at(20)), before: at(30), ..query() }).await, ["e20"]);
    assert_eq!(names(RedeliveryQuery { since: Some(at(111)), ..query() }).await, ["e20", "e30"]);
    assert_eq!(names(RedeliveryQuery { before: at(10), ..query() }).await, [""; 0]);
    assert_eq!(names(RedeliveryQuery { accepted_from: at(20), ..query() }).await, ["e20", "e30"]);
    let thirty_days = 30 * 86_400;
    assert_eq!(names(RedeliveryQuery { now: at(thirty_days + 25), ..query() }).await, ["e30", "e10", "e20"]);
    assert_eq!(names(RedeliveryQuery { now: at(thirty_days + 115), ..query() }).await, ["e20", "e30"]);
}

#[tokio::test]
async fn tests_are_never_found() {
    let fixture = StoreFixture::new().await;
    let event = event(&fixture, "e", 0).await;
    for kind in [MessageKind::Test, MessageKind::Verify] {
        let mut message = Message::new(&event.head, WebhookId(1), "w".to_owned(), None);
        message.kind = kind;
        let attempt = Attempt { number: 3, ..Attempt::first(message, &event.payload, at(1)) };
        fixture.view.record(&Delivery::of_attempt(&attempt, at(1), Outcome::Dropped)).await.unwrap();
    }
    assert_eq!(found(&fixture, &query()).await, []);
}

#[tokio::test]
async fn pages_lead_to_each_other() {
    let fixture = StoreFixture::new().await;
    for seconds in 0..7 {
        let event = event(&fixture, &format!("e{seconds}"), seconds).await;
        record(&fixture, &event, 0, 1, seconds, Outcome::Cancelled).await;
    }
    let (mut after, mut seen) = (None, Vec::new());
    loop {
        let query = RedeliveryQuery { after, most: 3, ..query() };
        seen.extend(found(&fixture, &query).await.into_iter().map(|(name, _)| name));
        after = fixture.view.redeliverable(&id("a"), &query).await.unwrap().next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, ["e0", "e1", "e2", "e3", "e4", "e5", "e6"]);
    assert_eq!(fixture.view.count_redeliverable(&id("a"), &query(), 5).await.unwrap(), 5);
}

fn job(number: u128, outcomes: &[Outcome]) -> RedeliveryJob {
    RedeliveryJob {
        id: Uuid::from_u128(number),
        account: id("a"),
        webhook: WebhookId(1),
        wanted: RedeliveryFilter { since: Some(at(1)), until: None, outcomes: outcomes.to_vec(), event: None },
        run: 1 << 55,
        created_at: at(5),
        matched: 10_000,
        more: true,
        progress: JobProgress { state: JobState::Running, after: None, redelivered: 0, finished_at: None },
    }
}

#[tokio::test]
async fn only_one_job_runs_per_filter() {
    let fixture = StoreFixture::new().await;
    let (first, same, other) = (job(1, &[Outcome::Dropped]), job(2, &[Outcome::Dropped]), job(3, &[Outcome::Skipped]));
    assert_eq!(fixture.view.begin_redelivery(&first).await.unwrap(), BeginJobOutcome::Started);
    assert_eq!(fixture.view.begin_redelivery(&same).await.unwrap(), BeginJobOutcome::Running(Box::new(first.clone())));
    assert_eq!(fixture.view.begin_redelivery(&other).await.unwrap(), BeginJobOutcome::Started);
    let running = fixture.view.running_redelivery(&id("a"), WebhookId(1), &same.wanted).await.unwrap();
    assert_eq!(running, Some(first.clone()));
    assert_eq!(fixture.view.redelivery(&id("a"), first.id).await.unwrap(), Some(first.clone()));
    assert_eq!(fixture.view.redelivery(&id("b"), first.id).await.unwrap(), None);

    let event = event(&fixture, "e", 1).await;
    let near = record(&fixture, &event, 0, 1, 1, Outcome::Dropped).await;
    let far = record(&fixture, &event, 0, 2, 2, Outcome::Dropped).await;
    let mark = |after, redelivered| JobProgress { after: Some(after), redelivered, ..first.progress };
    let done = JobProgress { state: JobState::Done, finished_at: Some(at(9)), ..mark(far, 2) };
    for (progress, expected) in
        [(mark(far, 2), mark(far, 2)), (mark(near, 1), mark(far, 2)), (done, done), (mark(far, 3), done)]
    {
        fixture.view.redelivery_progress(&first, progress).await.unwrap();
        assert_eq!(fixture.view.redelivery(&id("a"), first.id).await.unwrap().unwrap().progress, expected);
    }
    assert_eq!(fixture.view.begin_redelivery(&same).await.unwrap(), BeginJobOutcome::Started, "the first one is over");

    while fixture.store.sweep(at(5 + 31 * 86_400)).await.unwrap() {}
    assert_eq!(fixture.view.redelivery(&id("a"), first.id).await.unwrap(), None);
}
