//! Webhooks are disabled after too many failures for too long, or when their endpoint is gone.

use hookline_core::ids::WebhookId;
use hookline_core::model::{AuditSubject, DisabledBy, Disabling, Outcome};
use hookline_core::ports::Disposition;
use hookline_core::use_cases::webhooks::draft::WebhookInput;
use hookline_core::values::{Clock as _, ListQuery, Patch, Position, Sort};

use crate::fixture::{Does, ServiceFixture, wdc};

const DAY: u64 = 86_400;

/// A webhook with this many failures, the first of them a week ago.
async fn failing(count: usize) -> (ServiceFixture, WebhookId) {
    let fixture = ServiceFixture::new().await;
    let webhook = fixture.webhook("wdc", "https://bad.example/").await;
    fixture.endpoints.tell("bad.example", Does::Answers(404));
    for _ in 0..count {
        fixture.send(webhook).await;
    }
    fixture.clock.forward(7 * DAY);
    fixture.mails.take();
    (fixture, webhook)
}

fn disabled(on: bool) -> WebhookInput {
    WebhookInput { disabled: Patch::Value(on), ..WebhookInput::default() }
}

#[tokio::test]
async fn fifty_failures_at_once_disable_once_and_mail_once() {
    let (fixture, webhook) = failing(19).await;
    let before = fixture.stored(webhook).await;
    let mut attempts = Vec::new();
    for _ in 0..50 {
        attempts.push(fixture.message(webhook).await);
    }
    let all = futures_util::future::join_all(attempts.iter().map(|attempt| fixture.deliver(attempt))).await;
    assert!(all.iter().all(|disposition| *disposition == Disposition::Done));
    assert_eq!(fixture.endpoints.posts("bad.example"), 19 + 50, "all were on their way together");
    let stored = fixture.stored(webhook).await;
    let now = fixture.clock.now();
    assert_eq!(stored.disabling, Some(Disabling { by: DisabledBy::Failures, at: now }));
    assert!(stored.disabled && stored.version == before.version + 1 && stored.updated_at == now);
    assert_eq!(stored.last_error.as_deref(), Some("404 Not Found"));
    assert_eq!(fixture.mails.subjects(), ["Webhook #1 failed"]);

    let waiting = fixture.next();
    fixture.send_waiting_mails(60).await;
    assert_eq!(fixture.mails.subjects(), ["Webhook #1 disabled"]);
    fixture.deliver(&waiting).await;
    assert_eq!(fixture.record(&waiting).await.unwrap().outcome, Outcome::Cancelled);
    let query = ListQuery {
        filters: Vec::new(),
        sort: vec![Sort { field: "id", descending: true }],
        position: Position::Page(1),
        per_page: 10,
    };
    let trail = fixture.service.audit.list_audit(&wdc(), AuditSubject::Webhook(webhook), &query).await.unwrap();
    assert!(trail.total == 2 && trail.items[0].entry.by.is_none(), "{trail:?}");
}

#[tokio::test]
async fn nineteen_failures_or_six_days_disable_no_webhook() {
    let (fixture, webhook) = failing(18).await;
    fixture.send(webhook).await;
    assert!(!fixture.stored(webhook).await.disabled, "nineteen");
    fixture.send(webhook).await;
    assert!(fixture.stored(webhook).await.disabled, "twenty");

    let fixture = ServiceFixture::new().await;
    let webhook = fixture.webhook("wdc", "https://bad.example/").await;
    fixture.endpoints.tell("bad.example", Does::Answers(404));
    fixture.send(webhook).await;
    fixture.clock.forward(7 * DAY - 1);
    for _ in 0..30 {
        fixture.send(webhook).await;
    }
    assert!(!fixture.stored(webhook).await.disabled, "not yet seven days");
    fixture.clock.forward(1);
    fixture.send(webhook).await;
    assert!(fixture.stored(webhook).await.disabled);
}

#[tokio::test]
async fn a_success_an_enabling_and_a_new_uri_start_a_new_count() {
    for what in ["success", "enabling", "uri", "name"] {
        let (fixture, webhook) = failing(19).await;
        match what {
            "success" => {
                fixture.endpoints.tell("bad.example", Does::Answers(200));
                fixture.send(webhook).await;
                assert_eq!(fixture.stored(webhook).await.last_error, None);
                fixture.endpoints.tell("bad.example", Does::Answers(404));
            }
            "enabling" => {
                let stored = fixture.patch(webhook, disabled(true)).await;
                let by_ada = Some(Disabling { by: DisabledBy::Administrator, at: fixture.clock.now() });
                assert_eq!(stored.disabling, by_ada);
                assert_eq!(fixture.patch(webhook, disabled(false)).await.disabling, None);
                assert_eq!(fixture.stored(webhook).await.last_error.as_deref(), Some("404 Not Found"));
            }
            "uri" => {
                let uri = Patch::Value("https://bad.example/other".to_owned());
                fixture.patch(webhook, WebhookInput { uri, ..WebhookInput::default() }).await;
            }
            _ => {
                let name = Patch::Value("another".to_owned());
                fixture.patch(webhook, WebhookInput { name, ..WebhookInput::default() }).await;
            }
        }
        fixture.send(webhook).await;
        assert_eq!(fixture.stored(webhook).await.disabled, what == "name", "{what}");
    }
}

#[tokio::test]
async fn gone_drops_the_message_and_disables_the_webhook() {
    let fixture = ServiceFixture::new().await;
    let webhook = fixture.webhook("wdc", "https://gone.example/").await;
    let (message, waiting) = (fixture.message(webhook).await, fixture.message(webhook).await);
    fixture.endpoints.tell("gone.example", Does::Answers(410));
    assert_eq!(fixture.deliver(&message).await, Disposition::Done);
    let record = fixture.record(&message).await.unwrap();
    assert_eq!((record.outcome, record.attempt, record.next_attempt_at), (Outcome::Dropped, 1, None));
    let stored = fixture.stored(webhook).await;
    assert_eq!(stored.disabling.map(|disabling| disabling.by), Some(DisabledBy::Gone));
    assert_eq!(stored.last_error.as_deref(), Some("410 Gone"));
    fixture.send_waiting_mails(60).await;
    let mails = fixture.mails.take();
    assert_eq!((mails.len(), mails[0].subject.as_str()), (1, "Webhook #1 disabled – request.create"));
    assert!(mails[0].text.contains("wants no more messages") && mails[0].text.contains("Error: 410 Gone"), "{mails:?}");
    fixture.deliver(&waiting).await;
    assert_eq!(fixture.record(&waiting).await.unwrap().outcome, Outcome::Cancelled);
    assert_eq!(fixture.endpoints.posts("gone.example"), 1);
}

#[tokio::test]
async fn an_administrator_takes_a_disabled_webhook_out_of_the_services_hands() {
    let (fixture, webhook) = failing(19).await;
    fixture.send(webhook).await;
    assert_eq!(fixture.stored(webhook).await.disabling.unwrap().by, DisabledBy::Failures);
    let name = Patch::Value("another".to_owned());
    fixture.patch(webhook, WebhookInput { name, ..WebhookInput::default() }).await;
    assert_eq!(fixture.stored(webhook).await.disabling.unwrap().by, DisabledBy::Failures, "a name says nothing of it");
    fixture.patch(webhook, disabled(true)).await;
    assert_eq!(fixture.stored(webhook).await.disabling.unwrap().by, DisabledBy::Administrator);
    let version = fixture.stored(webhook).await.version;
    fixture.patch(webhook, disabled(true)).await;
    assert_eq!(fixture.stored(webhook).await.version, version, "nothing changes the second time");
}
