//! Webhooks that fail too often for too long are disabled, and those whose endpoint is gone.

use hookline_core::audit::Subject;
use hookline_core::clock::Clock as _;
use hookline_core::delivery::Outcome;
use hookline_core::given::Given;
use hookline_core::listing::{Position, Query, Sort};
use hookline_core::ports::Disposition;
use hookline_core::register::WebhookInput;
use hookline_core::webhook::{DisabledBy, Disabling, WebhookId};

use crate::fixture::{Does, ServiceFixture, wdc};

const DAY: u64 = 86_400;

/// A webhook that has failed so often, the first time a week ago.
async fn failing(count: usize) -> (ServiceFixture, WebhookId) {
    let world = ServiceFixture::new().await;
    let webhook = world.webhook("wdc", "https://bad.example/").await;
    world.endpoints.tell("bad.example", Does::Answers(404));
    for _ in 0..count {
        world.send(webhook).await;
    }
    world.clock.forward(7 * DAY);
    world.mails.take();
    (world, webhook)
}

fn disabled(on: bool) -> WebhookInput {
    WebhookInput { disabled: Given::Value(on), ..WebhookInput::default() }
}

#[tokio::test]
async fn fifty_failures_at_once_disable_once_and_mail_once() {
    let (world, webhook) = failing(19).await;
    let before = world.stored(webhook).await;
    let mut attempts = Vec::new();
    for _ in 0..50 {
        attempts.push(world.message(webhook).await);
    }
    let all = futures_util::future::join_all(attempts.iter().map(|attempt| world.deliver(attempt))).await;
    assert!(all.iter().all(|disposition| *disposition == Disposition::Done));
    assert_eq!(world.endpoints.posts("bad.example"), 19 + 50, "all were on their way together");
    let stored = world.stored(webhook).await;
    let now = world.clock.now();
    assert_eq!(stored.disabling, Some(Disabling { by: DisabledBy::Failures, at: now }));
    assert!(stored.disabled && stored.version == before.version + 1 && stored.updated_at == now);
    assert_eq!(stored.last_error.as_deref(), Some("404 Not Found"));
    let mut subjects = world.mails.subjects();
    subjects.sort();
    assert_eq!(subjects, ["Webhook #1 disabled", "Webhook #1 failed"]);

    let waiting = world.next();
    world.clock.forward(60);
    world.deliver(&waiting).await;
    assert_eq!(world.record(&waiting).await.unwrap().outcome, Outcome::Cancelled);
    let query = Query {
        filters: Vec::new(),
        sort: vec![Sort { field: "id", descending: true }],
        position: Position::Page(1),
        per_page: 10,
    };
    let trail = world.service.audit.list_audit(&wdc(), Subject::Webhook(webhook), &query).await.unwrap();
    assert!(trail.total == 2 && trail.items[0].entry.by.is_none(), "{trail:?}");
}

#[tokio::test]
async fn nineteen_failures_or_six_days_disable_nobody() {
    let (world, webhook) = failing(18).await;
    world.send(webhook).await;
    assert!(!world.stored(webhook).await.disabled, "nineteen");
    world.send(webhook).await;
    assert!(world.stored(webhook).await.disabled, "twenty");

    let world = ServiceFixture::new().await;
    let webhook = world.webhook("wdc", "https://bad.example/").await;
    world.endpoints.tell("bad.example", Does::Answers(404));
    world.send(webhook).await;
    world.clock.forward(7 * DAY - 1);
    for _ in 0..30 {
        world.send(webhook).await;
    }
    assert!(!world.stored(webhook).await.disabled, "not yet seven days");
    world.clock.forward(1);
    world.send(webhook).await;
    assert!(world.stored(webhook).await.disabled);
}

#[tokio::test]
async fn a_success_an_enabling_and_a_new_uri_start_a_new_count() {
    for what in ["success", "enabling", "uri", "name"] {
        let (world, webhook) = failing(19).await;
        match what {
            "success" => {
                world.endpoints.tell("bad.example", Does::Answers(200));
                world.send(webhook).await;
                assert_eq!(world.stored(webhook).await.last_error, None);
                world.endpoints.tell("bad.example", Does::Answers(404));
            }
            "enabling" => {
                let stored = world.patch(webhook, disabled(true)).await;
                let by_ada = Some(Disabling { by: DisabledBy::Administrator, at: world.clock.now() });
                assert_eq!(stored.disabling, by_ada);
                assert_eq!(world.patch(webhook, disabled(false)).await.disabling, None);
                assert_eq!(world.stored(webhook).await.last_error.as_deref(), Some("404 Not Found"));
            }
            "uri" => {
                let uri = Given::Value("https://bad.example/other".to_owned());
                world.patch(webhook, WebhookInput { uri, ..WebhookInput::default() }).await;
            }
            _ => {
                let name = Given::Value("another".to_owned());
                world.patch(webhook, WebhookInput { name, ..WebhookInput::default() }).await;
            }
        }
        world.send(webhook).await;
        assert_eq!(world.stored(webhook).await.disabled, what == "name", "{what}");
    }
}

#[tokio::test]
async fn gone_drops_the_message_and_disables_the_webhook() {
    let world = ServiceFixture::new().await;
    let webhook = world.webhook("wdc", "https://gone.example/").await;
    let (message, waiting) = (world.message(webhook).await, world.message(webhook).await);
    world.endpoints.tell("gone.example", Does::Answers(410));
    assert_eq!(world.deliver(&message).await, Disposition::Done);
    let record = world.record(&message).await.unwrap();
    assert_eq!((record.outcome, record.attempt, record.next_attempt_at), (Outcome::Dropped, 1, None));
    let stored = world.stored(webhook).await;
    assert_eq!(stored.disabling.map(|disabling| disabling.by), Some(DisabledBy::Gone));
    assert_eq!(stored.last_error.as_deref(), Some("410 Gone"));
    assert_eq!(world.mails.subjects(), ["Webhook #1 disabled"]);
    world.deliver(&waiting).await;
    assert_eq!(world.record(&waiting).await.unwrap().outcome, Outcome::Cancelled);
    assert_eq!(world.endpoints.posts("gone.example"), 1);
}

#[tokio::test]
async fn an_administrator_takes_a_disabled_webhook_out_of_the_services_hands() {
    let (world, webhook) = failing(19).await;
    world.send(webhook).await;
    assert_eq!(world.stored(webhook).await.disabling.unwrap().by, DisabledBy::Failures);
    let name = Given::Value("another".to_owned());
    world.patch(webhook, WebhookInput { name, ..WebhookInput::default() }).await;
    assert_eq!(world.stored(webhook).await.disabling.unwrap().by, DisabledBy::Failures, "a name says nothing of it");
    world.patch(webhook, disabled(true)).await;
    assert_eq!(world.stored(webhook).await.disabling.unwrap().by, DisabledBy::Administrator);
    let version = world.stored(webhook).await.version;
    world.patch(webhook, disabled(true)).await;
    assert_eq!(world.stored(webhook).await.version, version, "nothing changes the second time");
}
