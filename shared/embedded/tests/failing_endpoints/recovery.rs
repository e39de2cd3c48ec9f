//! A webhook that the service disabled is tried now and then, and enabled when it works.

use std::time::{Duration, Instant};

use hookline_core::audit::{AuditEntry, Subject};
use hookline_core::clock::Clock as _;
use hookline_core::delivery::{Delivery, Outcome};
use hookline_core::event::Event;
use hookline_core::given::Given;
use hookline_core::listing::{Position, Query, Sort};
use hookline_core::ports::Disposition;
use hookline_core::recover::{self, Step};
use hookline_core::register::WebhookInput;
use hookline_core::settings::Settings;
use hookline_core::webhook::{DisabledBy, WebhookId};
use hookline_embedded::ConcurrencyLimits;
use jiff::SignedDuration;

use crate::fixture::{Does, ServiceFixture, wdc};

/// Disables a webhook with its second failure.
fn impatient() -> Settings {
    Settings { disable_after_failures: 2, disable_after: Duration::ZERO, ..Settings::default() }
}

/// A webhook that the service disabled a moment ago, and its first try. Two messages of it wait for their retries.
async fn disabled() -> (ServiceFixture, WebhookId, Step) {
    let world = ServiceFixture::with(impatient()).await;
    let webhook = world.webhook("wdc", "https://bad.example/").await;
    world.endpoints.tell("bad.example", Does::Answers(500));
    world.send(webhook).await;
    world.send(webhook).await;
    assert_eq!(world.stored(webhook).await.disabling.unwrap().by, DisabledBy::Failures);
    assert_eq!(world.mails.subjects(), ["Webhook #1 failed", "Webhook #1 disabled"]);
    let mut tries = world.tries();
    assert_eq!(tries.len(), 1);
    (world, webhook, tries.remove(0))
}

async fn work(world: &ServiceFixture, step: &Step) -> Disposition {
    recover::handle(&world.service, step.clone()).await.unwrap()
}

/// Moves the clock to the time of a try, and makes it.
async fn make(world: &ServiceFixture, step: &Step) {
    let wait = step.due_at.duration_since(world.clock.now());
    world.clock.forward(wait.as_secs().try_into().unwrap());
    assert_eq!(work(world, step).await, Disposition::Done);
}

/// The newest record of an event.
async fn newest(world: &ServiceFixture, event: &Event) -> Delivery {
    world.records(event).await.into_iter().max_by_key(|record| record.run).unwrap()
}

async fn trail(world: &ServiceFixture, webhook: WebhookId) -> Vec<AuditEntry> {
    let query = Query {
        filters: Vec::new(),
        sort: vec![Sort { field: "id", descending: true }],
        position: Position::Page(1),
        per_page: 100,
    };
    let page = world.service.audit.list_audit(&wdc(), Subject::Webhook(webhook), &query).await.unwrap();
    page.items.into_iter().map(|audited| audited.entry).collect()
}

#[tokio::test]
async fn tries_send_the_oldest_skipped_message_until_it_is_taken() {
    let (world, webhook, step) = disabled().await;
    let oldest = world.fan_out().await;
    world.clock.forward(1);
    let later = world.fan_out().await;
    let posts = world.endpoints.posts("bad.example");
    assert_eq!(
        work(&world, &step).await,
        Disposition::HandBack { until: world.clock.now() + SignedDuration::from_secs(3599) }
    );
    assert_eq!(world.endpoints.posts("bad.example"), posts);

    make(&world, &step).await;
    assert_eq!(world.endpoints.posts("bad.example"), posts + 1);
    let tried = newest(&world, &oldest).await;
    assert_eq!((tried.outcome, tried.attempt, tried.next_attempt_at), (Outcome::Dropped, 1, None));
    assert!(tried.redelivery_of.is_some() && tried.run != 0);
    assert!(world.stored(webhook).await.disabled);
    assert_eq!(world.mails.subjects(), [""; 0], "tries are mailed to nobody");
    let mut tries = world.tries();
    assert_eq!(tries.len(), 1);
    let second = tries.remove(0);
    assert_eq!(second.due_at.duration_since(second.disabled_at), SignedDuration::from_hours(6));

    world.endpoints.tell("bad.example", Does::Answers(204));
    let version = world.stored(webhook).await.version;
    make(&world, &second).await;
    assert_eq!(newest(&world, &oldest).await.outcome, Outcome::Succeeded);
    assert_eq!(newest(&world, &later).await.outcome, Outcome::Skipped, "the rest is for an administrator to decide");
    let stored = world.stored(webhook).await;
    assert!(!stored.disabled && stored.disabling.is_none() && stored.last_error.is_none());
    assert_eq!(stored.version, version + 1);
    assert!(trail(&world, webhook).await[0].by.is_none());
    let mails = world.mails.take();
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].subject, "Webhook #1 recovered – request.create");
    assert!(mails[0].text.contains("It missed 1 message."), "{}", mails[0].text);
    assert_eq!(world.tries(), []);
    world.endpoints.tell("bad.example", Does::Answers(500));
    world.send(webhook).await;
    assert!(!world.stored(webhook).await.disabled, "a new count");
}

#[tokio::test]
async fn without_a_skipped_message_the_newest_dropped_one_is_tried() {
    let world = ServiceFixture::with(impatient()).await;
    let webhook = world.webhook("wdc", "https://bad.example/").await;
    let mut dropped = Vec::new();
    for _ in 0..2 {
        let attempt = world.message(webhook).await;
        world.clock.forward(72 * 3600);
        world.deliver(&attempt).await;
        assert_eq!(world.record(&attempt).await.unwrap().outcome, Outcome::Dropped);
        dropped.push(attempt);
    }
    world.endpoints.tell("bad.example", Does::Answers(500));
    world.send(webhook).await;
    world.send(webhook).await;
    let step = world.tries().remove(0);
    world.endpoints.tell("bad.example", Does::Answers(200));
    make(&world, &step).await;
    assert!(!world.stored(webhook).await.disabled);
    let outcomes = async |at: usize| {
        let message: &hookline_core::message::Attempt = &dropped[at];
        let event = &message.message.event.id;
        world.service.deliveries.outcomes_of_event(&wdc(), event, world.clock.now()).await.unwrap()[0].1
    };
    assert_eq!((outcomes(0).await, outcomes(1).await), (Outcome::Dropped, Outcome::Succeeded));
}

#[tokio::test]
async fn with_nothing_to_send_the_next_try_is_waited_for_until_the_last() {
    let (world, webhook, mut step) = disabled().await;
    let posts = world.endpoints.posts("bad.example");
    for number in 1..=32 {
        make(&world, &step).await;
        step = world.tries().remove(0);
        assert_eq!(step.number, number);
    }
    make(&world, &step).await;
    assert_eq!(world.tries(), [], "31 days are over");
    assert_eq!(world.endpoints.posts("bad.example"), posts);
    assert!(world.stored(webhook).await.disabled);
}

#[tokio::test]
async fn what_an_administrator_does_ends_the_tries() {
    for enabled in [true, false] {
        let (world, webhook, step) = disabled().await;
        world.fan_out().await;
        let disabled = Given::Value(!enabled);
        world.patch(webhook, WebhookInput { disabled, ..WebhookInput::default() }).await;
        let posts = world.endpoints.posts("bad.example");
        world.endpoints.tell("bad.example", Does::Answers(200));
        make(&world, &step).await;
        assert_eq!(world.endpoints.posts("bad.example"), posts);
        assert_eq!(world.tries(), []);
        assert_eq!(world.stored(webhook).await.disabled, !enabled);
    }
}

#[tokio::test]
async fn an_endpoint_that_is_gone_is_not_tried() {
    let world = ServiceFixture::with(impatient()).await;
    let webhook = world.webhook("wdc", "https://gone.example/").await;
    world.endpoints.tell("gone.example", Does::Answers(410));
    world.send(webhook).await;
    assert!(world.stored(webhook).await.disabled);
    assert_eq!(world.tries(), []);

    let (world, _, step) = disabled().await;
    world.fan_out().await;
    world.endpoints.tell("bad.example", Does::Answers(410));
    make(&world, &step).await;
    assert_eq!(world.tries(), [], "it became gone meanwhile");
}

#[tokio::test]
async fn a_step_that_is_repeated_makes_no_second_request() {
    let (world, webhook, step) = disabled().await;
    let event = world.fan_out().await;
    make(&world, &step).await;
    let posts = world.endpoints.posts("bad.example");
    assert_eq!(work(&world, &step).await, Disposition::Done);
    assert_eq!(world.endpoints.posts("bad.example"), posts);
    assert_eq!(world.tries().len(), 1);
    assert_eq!(world.records(&event).await.len(), 2);
    assert!(world.stored(webhook).await.disabled);
}

#[tokio::test]
async fn of_fifty_failures_at_once_one_is_tried() {
    let world = ServiceFixture::with(impatient()).await;
    let webhook = world.webhook("wdc", "https://bad.example/").await;
    world.endpoints.tell("bad.example", Does::Answers(500));
    futures_util::future::join_all((0..50).map(|_| world.send(webhook))).await;
    world.fan_out().await;
    world.clock.forward(3600);
    let posts = world.endpoints.posts("bad.example");
    let tries = world.tries();
    futures_util::future::join_all(tries.iter().map(|step| recover::handle(&world.service, step.clone()))).await;
    assert_eq!(world.endpoints.posts("bad.example"), posts + 1);
    assert_eq!(world.tries().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_recovers_by_itself() {
    // An hour is 0.36 s.
    let world = ServiceFixture::with(Settings { wait_scale: 0.0001, ..impatient() }).await;
    let webhook = world.webhook("wdc", "https://bad.example/").await;
    world.endpoints.tell("bad.example", Does::Answers(500));
    let workers = world.work(ConcurrencyLimits::default());
    world.publish(2).await;
    let until = async |what: &str, disabled: bool| {
        let deadline = Instant::now() + Duration::from_secs(20);
        while world.stored(webhook).await.disabled != disabled {
            assert!(Instant::now() < deadline, "not within 20 s: {what}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    until("it is disabled", true).await;
    world.publish(3).await;
    world.endpoints.tell("bad.example", Does::Answers(200));
    until("it is enabled", false).await;
    workers.stop(Duration::from_secs(10)).await;
    let subjects = world.mails.subjects();
    assert_eq!(subjects.iter().filter(|subject| subject.ends_with("recovered")).count(), 1, "{subjects:?}");
}
