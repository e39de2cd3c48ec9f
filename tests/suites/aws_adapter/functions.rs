//! The functions on their queues: what arrives is processed, returned to the queue, or moved to the dead-letter queue with the reason.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use hookline_core::ids::{EventId, WebhookId};
use hookline_core::model::{Attempt, Event, EventHead, Payload};
use hookline_core::values::TraceParent;
use hookline_tests::local_aws::clients;
use hookline_tests::receiver::{Receiver, next};
use hookline_tests::target::aws::Aws;
use hookline_tests::target::{Target as _, Variation};
use hookline_tests::wait_until::until;
use http::Request;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::fixture::{event, first, id};

const LIMIT: Duration = Duration::from_mins(1);

struct FunctionsFixture {
    aws: Aws,
    token: String,
}

impl FunctionsFixture {
    async fn new() -> Self {
        let aws = Aws::start(Variation::default()).await;
        aws.create_account("wdc", "UTC").await;
        let token = aws.create_token("wdc", "administrator", None).await.secret;
        Self { aws, token }
    }

    async fn call(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let request =
            Request::builder().method(method).uri(path).header("Authorization", format!("Bearer {}", self.token));
        let request = request.header("Content-Type", "application/json");
        let answer = self.aws.send(request.body(body.to_string().into()).unwrap()).await;
        (answer.status.as_u16(), serde_json::from_slice(&answer.body).unwrap_or_default())
    }

    async fn webhook(&self, uri: &str) -> u64 {
        let (status, webhook) = self.call("POST", "/v1/webhooks", json!({"event": "request.create", "uri": uri})).await;
        assert_eq!(status, 200, "{webhook}");
        webhook["id"].as_u64().unwrap()
    }

    /// The records of a webhook, when there are as many.
    async fn records(&self, webhook: u64, count: usize) -> Vec<Value> {
        let path = format!("/v1/webhooks/{webhook}/deliveries?fields=outcome,attempt,event_id,error");
        until("the records are there", LIMIT, || async {
            let records = self.call("GET", &path, Value::Null).await.1;
            let records = records.as_array().cloned().unwrap_or_default();
            (records.len() >= count).then_some(records)
        })
        .await
    }

    async fn send(&self, body: impl Into<String>) {
        let request = clients().sqs().send_message().queue_url(&self.aws.resources.events).message_body(body);
        request.send().await.unwrap();
    }

    /// The reason of the next dead letter.
    async fn dead_letter_reason(&self, queue: &str) -> String {
        until("a dead letter is there", LIMIT, || async {
            let request = clients().sqs().receive_message().queue_url(queue).message_attribute_names("All");
            let letter = request.send().await.unwrap().messages.unwrap_or_default().pop()?;
            letter.message_attributes?.get("reason")?.string_value.clone()
        })
        .await
    }
}

/// An endpoint that answers so.
async fn endpoint(status: StatusCode) -> String {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let uri = format!("http://{}/", listener.local_addr().unwrap());
    let router = Router::new().route("/", post(move || async move { status }));
    tokio::spawn(async move { axum::serve(listener, router).await });
    uri
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_comes_in_each_of_three_ways() {
    let fixture = FunctionsFixture::new().await;
    let webhook = fixture.webhook(&endpoint(StatusCode::OK).await).await;
    let (status, _) =
        fixture.call("POST", "/v1/events", json!({"id": "api", "event": "request.create", "object_id": 1})).await;
    assert_eq!(status, 202);
    let raw = json!({"id": "sqs", "account_id": "wdc", "event": "request.create", "object_id": 2});
    fixture.send(raw.to_string()).await;
    let envelope = json!({
        "version": "0", "id": "bridge", "detail-type": "request.create", "source": "tests", "account": "123456789012",
        "time": "2026-11-25T09:30:00Z", "region": "us-east-1", "resources": [],
        "detail": {"account_id": "wdc", "object_id": 3},
    });
    fixture.send(envelope.to_string()).await;
    let records = fixture.records(webhook, 3).await;
    let mut ids: Vec<&str> = records.iter().map(|record| record["event_id"].as_str().unwrap()).collect();
    ids.sort_unstable();
    assert_eq!(ids, ["api", "bridge", "sqs"]);
    assert!(records.iter().all(|record| record["outcome"] == "succeeded"), "{records:?}");
    let mut accepted = BTreeMap::new();
    for line in fixture.aws.deployment.metrics().lines(Timestamp::UNIX_EPOCH) {
        if let Some(count) = line["hookline_events_accepted_total"].as_u64() {
            *accepted.entry(line["by"].as_str().unwrap().to_owned()).or_insert(0) += count;
        }
    }
    assert_eq!(accepted, ["bus", "http", "queue"].map(|by| (by.to_owned(), 1)).into());
    // A repeat makes no second message.
    fixture.send(raw.to_string()).await;
    let again = json!({"id": "last", "account_id": "wdc", "event": "request.create", "object_id": 4});
    fixture.send(again.to_string()).await;
    assert_eq!(fixture.records(webhook, 4).await.len(), 4);
    // Another object under the same id is no repeat.
    let other = json!({"id": "sqs", "account_id": "wdc", "event": "request.create", "object_id": 9});
    fixture.send(other.to_string()).await;
    let reason = fixture.dead_letter_reason(&fixture.aws.resources.events_dead).await;
    assert!(reason.contains("another name or object"), "{reason}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_trace_of_an_event_is_kept_and_goes_to_the_endpoint_that_asks_for_it() {
    let fixture = FunctionsFixture::new().await;
    let (receiver, mut arrivals) = Receiver::keeping().await;
    let webhook = json!({"event": "request.create", "uri": receiver.uri("/"), "trace": true});
    assert_eq!(fixture.call("POST", "/v1/webhooks", webhook).await.0, 200);
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let raw = json!({"id": "sqs", "account_id": "wdc", "event": "request.create", "object_id": 2, "trace": trace});
    let envelope = json!({"id": "bridge", "detail-type": "request.create", "source": "tests",
        "detail": {"account_id": "wdc", "object_id": 3, "trace": trace}});
    for (body, event) in [(raw, "sqs"), (envelope, "bridge")] {
        fixture.send(body.to_string()).await;
        assert_eq!(next(&mut arrivals).await.required("traceparent"), trace, "{event}");
        let (service, event) = (&fixture.aws.service, EventId::parse(event).unwrap());
        let stored = service.events.event(&id("wdc"), &event, service.clock.now()).await.unwrap().unwrap();
        assert_eq!(stored.event.head.trace, TraceParent::parse(trace));
    }
    let bad = json!({"account_id": "wdc", "event": "request.create", "object_id": 1, "trace": "00"});
    fixture.send(bad.to_string()).await;
    assert_eq!(fixture.dead_letter_reason(&fixture.aws.resources.events_dead).await, "Trace is invalid");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_understood_is_buried_with_the_reason() {
    let fixture = FunctionsFixture::new().await;
    let disabled = fixture.aws.service.accounts.account(&id("wdc")).await.unwrap().unwrap();
    for (body, reason) in [
        ("nonsense!".to_owned(), "neither JSON nor base64"),
        ("{\"event\":".to_owned(), "not an event"),
        (
            json!({"account_id": "wdc", "event": "nope", "object_id": 1}).to_string(),
            "Event is not included in the list",
        ),
        (json!({"event": "request.create", "object_id": 1}).to_string(), "Account id can't be blank"),
        (json!({"account_id": "nobody", "event": "request.create", "object_id": 1}).to_string(), "no such account"),
    ] {
        fixture.send(body).await;
        let reason_given = fixture.dead_letter_reason(&fixture.aws.resources.events_dead).await;
        assert!(reason_given.contains(reason), "{reason_given:?}, not {reason:?}");
        let sqs = clients().sqs();
        sqs.purge_queue().queue_url(&fixture.aws.resources.events_dead).send().await.unwrap();
    }
    let disabled = hookline_core::model::Account { disabled: true, ..disabled };
    assert!(fixture.aws.service.accounts.update_account(&disabled).await.unwrap());
    fixture.send(json!({"account_id": "wdc", "event": "request.create", "object_id": 1}).to_string()).await;
    assert!(fixture.dead_letter_reason(&fixture.aws.resources.events_dead).await.contains("disabled"));
    let request = clients().sqs().send_message().queue_url(&fixture.aws.resources.deliveries).message_body("{\"a\":1}");
    request.send().await.unwrap();
    assert!(fixture.dead_letter_reason(&fixture.aws.resources.deliveries_dead).await.contains("missing field"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_is_tried_again_and_mailed_once() {
    let fixture = FunctionsFixture::new().await;
    let webhook = fixture.webhook(&endpoint(StatusCode::INTERNAL_SERVER_ERROR).await).await;
    let event = json!({"event": "request.create", "object_id": 1, "payload": {"text": "\u{fffe}"}});
    assert_eq!(fixture.call("POST", "/v1/events", event).await.0, 202);
    let records = fixture.records(webhook, 3).await;
    assert!(records.iter().all(|record| record["error"] == "500 Internal Server Error"), "{records:?}");
    let mails =
        until("a mail is there", LIMIT, || async { Some(fixture.aws.mails()).filter(|mails| !mails.is_empty()) }).await;
    assert_eq!(mails.len(), 1, "{mails:?}");
    assert!(mails[0].contains("admin@example.com") && mails[0].contains("500 Internal Server Error"), "{mails:?}");
}

/// A mail about a webhook's state waits on the deliveries queue, and so does the digest of what the limits held back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mails_wait_for_others_and_a_digest_tells_what_was_held_back() {
    let fixture = FunctionsFixture::new().await;
    let failing = endpoint(StatusCode::INTERNAL_SERVER_ERROR).await;
    for uri in [&endpoint(StatusCode::GONE).await, &failing, &failing] {
        fixture.webhook(uri).await;
    }
    let event = json!({"event": "request.create", "object_id": 1});
    assert_eq!(fixture.call("POST", "/v1/events", event).await.0, 202);
    for subject in ["disabled", "Mails held back"] {
        until(subject, LIMIT, || async { fixture.aws.mails().iter().any(|mail| mail.contains(subject)).then_some(()) })
            .await;
    }
}

/// A delay of SQS ends after 15 minutes, which are scaled to a second here.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wait_that_is_longer_than_a_delay_takes_several_rounds() {
    let fixture = FunctionsFixture::new().await;
    let webhook = fixture.webhook(&endpoint(StatusCode::OK).await).await;
    let service = &fixture.aws.service;
    let account = id("wdc");
    let now = service.clock.now();
    let event = Event {
        head: Arc::new(EventHead {
            account: account.clone(),
            accepted_at: now,
            ..(*event("wdc", "late", 0).head).clone()
        }),
        payload: Payload::empty(),
    };
    service.events.claim_event(&event, now, now + LIMIT).await.unwrap();
    let due_at = now + Duration::from_secs(5);
    let attempt = Attempt { due_at, ..first(&event, WebhookId(webhook)) };
    service.queues.put_attempts(&[(1, attempt)]).await.unwrap();
    let records = fixture.records(webhook, 1).await;
    assert!(service.clock.now() >= due_at, "{records:?}");
    assert_eq!((&records[0]["outcome"], &records[0]["event_id"]), (&json!("succeeded"), &json!("late")));
}
