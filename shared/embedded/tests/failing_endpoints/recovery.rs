//! The service tries a webhook that it disabled from time to time, and enables it after a success.

use std::time::Duration;

use hookline_core::ids::WebhookId;
use hookline_core::model::{AuditEntry, AuditSubject, Delivery, DisabledBy, Event, Outcome, RecoveryStep};
use hookline_core::ports::Disposition;
use hookline_core::settings::CoreSettings;
use hookline_core::use_cases::recover;
use hookline_core::use_cases::webhooks::draft::WebhookInput;
use hookline_core::values::{Clock as _, ListQuery, Patch, Position, Sort};
use hookline_embedded::ConcurrencyLimits;
use jiff::SignedDuration;

use crate::fixture::{Does, ServiceFixture, until, wdc};

/// Disables a webhook with its second failure.
fn impatient() -> CoreSettings {
    CoreSettings { disable_after_failures: 2, disable_after: Duration::ZERO, ..CoreSettings::default() }
}

/// A webhook that the service disabled a moment ago, and its first try. Two messages of it wait for their retries.
async fn disabled() -> (ServiceFixture, WebhookId, RecoveryStep) {
    let fixture = ServiceFixture::with(impatient()).await;
    let webhook = fixture.webhook("wdc", "https://bad.example/").await;
    fixture.endpoints.tell("bad.example", Does::Answers(500));
    fixture.send(webhook).await;
    fixture.send(webhook).await;
    assert_eq!(fixture.stored(webhook).await.disabling.unwrap().by, DisabledBy::Failures);
    assert_eq!(fixture.mails.subjects(), ["Webhook #1 failed"]);
    let mut tries = fixture.tries();
    assert_eq!(tries.len(), 1);
    (fixture, webhook, tries.remove(0))
}

async fn work(fixture: &ServiceFixture, step: &RecoveryStep) -> Disposition {
    recover::run_step(&fixture.service, step.clone()).await.unwrap()
}

/// Moves the clock to the time of a try and runs it.
async fn make(fixture: &ServiceFixture, step: &RecoveryStep) {
    let wait = step.due_at.duration_since(fixture.clock.now());
    fixture.clock.forward(wait.as_secs().try_into().unwrap());
    assert_eq!(work(fixture, step).await, Disposition::Done);
}

/// The newest record of an event.
async fn newest(fixture: &ServiceFixture, event: &Event) -> Delivery {
    fixture.records(event).await.into_iter().max_by_key(|record| record.run).unwrap()
}

async fn trail(fixture: &ServiceFixture, webhook: WebhookId) -> Vec<AuditEntry> {
    let query = ListQuery {
        filters: Vec::new(),
        sort: vec![Sort { field: "id", descending: true }],
        position: Position::Page(1),
        per_page: 100,
    };
    let page = fixture.service.audit.list_audit(&wdc(), AuditSubject::Webhook(webhook), &query).await.unwrap();
    page.items.into_iter().map(|audited| audited.entry).collect()
}

#[tokio::test]
async fn tries_send_the_oldest_skipped_message_until_it_succeeds() {
    let (fixture, webhook, step) = disabled().await;
    let oldest = fixture.fan_out().await;
    fixture.clock.forward(1);
    let later = fixture.fan_out().await;
    let posts = fixture.endpoints.posts("bad.example");
    assert_eq!(
        work(&fixture, &step).await,
        Disposition::HandBack { until: fixture.clock.now() + SignedDuration::from_secs(3599) }
    );
    assert_eq!(fixture.endpoints.posts("bad.example"), posts);

    make(&fixture, &step).await;
    assert_eq!(fixture.endpoints.posts("bad.example"), posts + 1);
    let tried = newest(&fixture, &oldest).await;
    assert_eq!((tried.outcome, tried.attempt, tried.next_attempt_at), (Outcome::Dropped, 1, None));
    assert!(tried.redelivery_of.is_some() && tried.run != 0);
    assert!(fixture.stored(webhook).await.disabled);
    assert_eq!(fixture.mails.subjects(), [""; 0], "tries send no mail");
    let mut tries = fixture.tries();
    assert_eq!(tries.len(), 1);
    let second = tries.remove(0);
    assert_eq!(second.due_at.duration_since(second.disabled_at), SignedDuration::from_hours(6));

    fixture.endpoints.tell("bad.example", Does::Answers(204));
    let version = fixture.stored(webhook).await.version;
    make(&fixture, &second).await;
    assert_eq!(newest(&fixture, &oldest).await.outcome, Outcome::Succeeded);
    assert_eq!(newest(&fixture, &later).await.outcome, Outcome::Skipped, "the rest is for an administrator to decide");
    let stored = fixture.stored(webhook).await;
    assert!(!stored.disabled && stored.disabling.is_none() && stored.last_error.is_none());
    assert_eq!(stored.version, version + 1);
    assert!(trail(&fixture, webhook).await[0].by.is_none());
    fixture.send_waiting_mails(60).await;
    let mails = fixture.mails.take();
    let mails: Vec<_> = mails.iter().filter(|mail| !mail.subject.contains(" disabled ")).collect();
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].subject, "Webhook #1 recovered – request.create");
    assert!(mails[0].text.contains("It missed 1 message."), "{}", mails[0].text);
    assert_eq!(fixture.tries(), []);
    fixture.endpoints.tell("bad.example", Does::Answers(500));
    fixture.send(webhook).await;
    assert!(!fixture.stored(webhook).await.disabled, "a new count");
}

#[tokio::test]
async fn without_a_skipped_message_the_newest_dropped_one_is_tried() {
    let fixture = ServiceFixture::with(impatient()).await;
    let webhook = fixture.webhook("wdc", "https://bad.example/").await;
    let mut dropped = Vec::new();
    for _ in 0..2 {
        let attempt = fixture.message(webhook).await;
        fixture.clock.forward(72 * 3600);
        fixture.deliver(&attempt).await;
        assert_eq!(fixture.record(&attempt).await.unwrap().outcome, Outcome::Dropped);
        dropped.push(attempt);
    }
    fixture.endpoints.tell("bad.example", Does::Answers(500));
    fixture.send(webhook).await;
    fixture.send(webhook).await;
    let step = fixture.tries().remove(0);
    fixture.endpoints.tell("bad.example", Does::Answers(200));
    make(&fixture, &step).await;
    assert!(!fixture.stored(webhook).await.disabled);
    let outcomes = async |at: usize| {
        let message: &hookline_core::model::Attempt = &dropped[at];
        let event = &message.message.event.id;
        fixture.service.deliveries.outcomes_of_event(&wdc(), event, fixture.clock.now()).await.unwrap()[0].1
    };
    assert_eq!((outcomes(0).await, outcomes(1).await), (Outcome::Dropped, Outcome::Succeeded));
}

#[tokio::test]
async fn with_nothing_to_send_tries_continue_until_the_last() {
    let (fixture, webhook, mut step) = disabled().await;
    let posts = fixture.endpoints.posts("bad.example");
    for number in 1..=32 {
        make(&fixture, &step).await;
        step = fixture.tries().remove(0);
        assert_eq!(step.number, number);
    }
    make(&fixture, &step).await;
    assert_eq!(fixture.tries(), [], "31 days are over");
    assert_eq!(fixture.endpoints.posts("bad.example"), posts);
    assert!(fixture.stored(webhook).await.disabled);
}

#[tokio::test]
async fn what_an_administrator_does_ends_the_tries() {
    for enabled in [true, false] {
        let (fixture, webhook, step) = disabled().await;
        fixture.fan_out().await;
        let disabled = Patch::Value(!enabled);
        fixture.patch(webhook, WebhookInput { disabled, ..WebhookInput::default() }).await;
        let posts = fixture.endpoints.posts("bad.example");
        fixture.endpoints.tell("bad.example", Does::Answers(200));
        make(&fixture, &step).await;
        assert_eq!(fixture.endpoints.posts("bad.example"), posts);
        assert_eq!(fixture.tries(), []);
        assert_eq!(fixture.stored(webhook).await.disabled, !enabled);
    }
}

#[tokio::test]
async fn an_endpoint_that_is_gone_is_not_tried() {
    let fixture = ServiceFixture::with(impatient()).await;
    let webhook = fixture.webhook("wdc", "https://gone.example/").await;
    fixture.endpoints.tell("gone.example", Does::Answers(410));
    fixture.send(webhook).await;
    assert!(fixture.stored(webhook).await.disabled);
    assert_eq!(fixture.tries(), []);

    let (fixture, _, step) = disabled().await;
    fixture.fan_out().await;
    fixture.endpoints.tell("bad.example", Does::Answers(410));
    make(&fixture, &step).await;
    assert_eq!(fixture.tries(), [], "it became gone meanwhile");
}

#[tokio::test]
async fn a_step_that_is_repeated_makes_no_second_request() {
    let (fixture, webhook, step) = disabled().await;
    let event = fixture.fan_out().await;
    make(&fixture, &step).await;
    let posts = fixture.endpoints.posts("bad.example");
    assert_eq!(work(&fixture, &step).await, Disposition::Done);
    assert_eq!(fixture.endpoints.posts("bad.example"), posts);
    assert_eq!(fixture.tries().len(), 1);
    assert_eq!(fixture.records(&event).await.len(), 2);
    assert!(fixture.stored(webhook).await.disabled);
}

#[tokio::test]
async fn fifty_failures_at_once_start_one_series_of_tries() {
    let fixture = ServiceFixture::with(impatient()).await;
    let webhook = fixture.webhook("wdc", "https://bad.example/").await;
    fixture.endpoints.tell("bad.example", Does::Answers(500));
    futures_util::future::join_all((0..50).map(|_| fixture.send(webhook))).await;
    fixture.fan_out().await;
    fixture.clock.forward(3600);
    let posts = fixture.endpoints.posts("bad.example");
    let tries = fixture.tries();
    futures_util::future::join_all(tries.iter().map(|step| recover::run_step(&fixture.service, step.clone()))).await;
    assert_eq!(fixture.endpoints.posts("bad.example"), posts + 1);
    assert_eq!(fixture.tries().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_recovers_by_itself() {
    // An hour is 0.36 s.
    let fixture = ServiceFixture::with(CoreSettings { wait_scale: 0.0001, ..impatient() }).await;
    let webhook = fixture.webhook("wdc", "https://bad.example/").await;
    fixture.endpoints.tell("bad.example", Does::Answers(500));
    let workers = fixture.work(ConcurrencyLimits::default());
    fixture.publish(2).await;
    until("it is disabled", async || fixture.stored(webhook).await.disabled).await;
    fixture.publish(3).await;
    fixture.endpoints.tell("bad.example", Does::Answers(200));
    until("it is enabled", async || !fixture.stored(webhook).await.disabled).await;
    until("that is mailed", async || fixture.mails.has("recovered")).await;
    workers.stop(Duration::from_mins(1)).await;
    let subjects = fixture.mails.subjects();
    assert_eq!(subjects.iter().filter(|subject| subject.ends_with("recovered")).count(), 1, "{subjects:?}");
}
