//! Verification of endpoints (section 6).

use std::time::Duration;

use hookline_core::settings::{CoreSettings, VerificationMode};
use hookline_core::values::Clock as _;
use http::Method;
use serde_json::{Value, json};

use crate::fixture::{ApiFixture, Reply, eventually};
use crate::held_messages::{HeldMessage, HeldMessages};

/// A deployment whose endpoints are played by the test.
struct Api {
    api: ApiFixture,
    held: HeldMessages,
}

async fn required() -> Api {
    start(VerificationMode::Required, 100_000).await
}

async fn start(verification: VerificationMode, per_address: u32) -> Api {
    let settings =
        CoreSettings { verification, wait_scale: 0.001, mail_interval: Duration::ZERO, ..CoreSettings::default() };
    let api = ApiFixture::limited(settings, per_address).await;
    let held = api.endpoint.held();
    Api { api, held }
}

impl Api {
    async fn post(&self, path: &str, body: Value) -> Reply {
        self.api.call("POST", path, Some(body)).await
    }

    async fn patch(&self, id: u64, body: Value) {
        self.api.call("PATCH", &format!("/v1/webhooks/{id}"), Some(body)).await.json(200);
    }

    /// Calls a URL without a token; the status.
    async fn visit(&self, method: Method, url: &str) -> u16 {
        self.api.visit(method.as_str(), url).await.status.as_u16()
    }

    fn advance(&self, seconds: u64) {
        self.api.clock.forward(Duration::from_secs(seconds));
    }

    /// Creates a webhook; its id.
    async fn create(&self, uri: &str) -> u64 {
        let input = json!({"event": "request.create", "uri": uri, "mail_exceptions_to": "ada@example.com"});
        self.post("/v1/webhooks", input).await.json(200)["id"].as_u64().unwrap()
    }

    async fn is_verified(&self, id: u64) -> bool {
        let path = format!("/v1/webhooks/{id}?fields=verified");
        self.api.call("GET", &path, None).await.json(200)["verified"].as_bool().unwrap()
    }

    async fn publish(&self) {
        self.post("/v1/events", json!({"event": "request.create", "object_id": 1})).await.json(202);
    }

    /// The webhook's delivery records, newest first, once there are so many that are over.
    async fn records(&self, id: u64, wanted: usize) -> Vec<Value> {
        let path = format!("/v1/webhooks/{id}/deliveries?fields=event,outcome,error,request,response");
        eventually("records", || async {
            let found = self.api.call("GET", &path, None).await.json(200).as_array().unwrap().clone();
            (found.len() >= wanted).then_some(found)
        })
        .await
    }
}

fn code_of(callback: &str) -> String {
    callback.split_once("?code=").unwrap().1.split_once('&').unwrap().0.to_owned()
}

#[tokio::test]
async fn an_endpoint_calls_back_while_it_is_answering() {
    let api = required().await;
    let id = api.create("https://example.com/hook?a=b").await;
    let arrival = api.held.arrival().await;
    let body = arrival.message.body.clone();
    assert_eq!(body["event"], "webhook.verify");
    assert_eq!((&body["object_id"], &body["webhook_id"]), (&json!(id), &json!(id)));
    assert_eq!(body["object_nodeID"], body["webhook_nodeID"]);
    assert_eq!((&body["person_id"], &body["person_name"]), (&Value::Null, &Value::Null));
    assert!(arrival.message.headers.iter().any(|(name, _)| name == "Webhook-Signature"));
    let callback = arrival.callback();
    let (start, rest) = callback.split_once("?code=").unwrap();
    assert_eq!(start, format!("http://127.0.0.1:8080/a/wdc/webhooks/{id}/verify"));
    let (code, expires_at) = rest.split_once("&expires_at=").unwrap();
    assert_eq!(code.len(), 24);
    let left = expires_at.parse::<i64>().unwrap() - api.api.clock.now().as_second();
    assert!((86_390..=86_400).contains(&left), "{left}");

    assert!(!api.is_verified(id).await);
    let test = api.post(&format!("/v1/webhooks/{id}/test"), json!({})).await.problems();
    assert_eq!(test, ["Webhook is not verified"]);
    api.publish().await;
    api.held.is_empty().await;

    let page = api.api.visit("GET", &callback).await;
    assert_eq!((page.status.as_u16(), page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    let text = String::from_utf8(page.body).unwrap();
    assert!(!text.contains(code) && !text.contains("example.com"), "{text}");
    assert!(api.is_verified(id).await);
    assert_eq!(api.visit(Method::POST, &callback).await, 200);
    arrival.answer(200, "");

    api.publish().await;
    assert_eq!(api.held.arrival().await.message.body["event"], "request.create");
    assert_eq!(api.post(&format!("/v1/webhooks/{id}/test"), json!({})).await.status, 204);
    assert_eq!(api.held.arrival().await.message.body["object_id"], 12345);
    assert_eq!(api.post(&format!("/v1/webhooks/{id}/verify"), json!({})).await.status, 422);
}

#[tokio::test]
async fn only_the_newest_code_of_a_known_webhook_counts_and_only_for_a_day() {
    let api = required().await;
    let id = api.create("https://example.com/").await;
    let callback = api.held.arrival().await.callback();
    let wrong = callback.replace("?code=", "?code=A");
    for method in [Method::GET, Method::POST] {
        assert_eq!(api.visit(method.clone(), &wrong).await, 403);
        assert_eq!(api.visit(method.clone(), &callback.replace(&format!("/{id}/"), "/77/")).await, 404);
        assert_eq!(api.visit(method.clone(), &callback.replace("/a/wdc/", "/a/abc/")).await, 404);
        assert_eq!(api.visit(method, &callback.replace("/a/wdc/", "/v1/")).await, 404);
    }
    assert_eq!(api.visit(Method::GET, &format!("/a/wdc/webhooks/{id}/verify")).await, 403);
    assert_eq!(api.visit(Method::POST, &format!("/a/wdc/webhooks/{id}/verify")).await, 401);
    assert_eq!(api.visit(Method::HEAD, &callback).await, 405);
    assert!(!api.is_verified(id).await);

    api.patch(id, json!({"uri": "https://example.com/new"})).await;
    let moved = api.held.arrival().await;
    assert_eq!(moved.message.uri, "https://example.com/new");
    assert_eq!(api.visit(Method::GET, &callback).await, 403);
    api.advance(86_401);
    let forged = moved.callback().split_once("&expires_at=").unwrap().0.to_owned() + "&expires_at=99999999999";
    assert_eq!(api.visit(Method::GET, &forged).await, 410);
    assert!(!api.is_verified(id).await);
}

#[tokio::test]
async fn a_change_sends_a_fresh_code_once_a_minute() {
    let api = required().await;
    let id = api.create("https://example.com/").await;
    let first = api.held.arrival().await.callback();
    let path = format!("/v1/webhooks/{id}");
    api.patch(id, json!({"description": "a"})).await;
    api.held.is_empty().await;
    api.advance(60);
    api.patch(id, json!({"description": "a"})).await;
    api.held.is_empty().await;
    api.patch(id, json!({"description": "b"})).await;
    let second = api.held.arrival().await.callback();
    assert_ne!(code_of(&first), code_of(&second));
    assert_eq!(api.visit(Method::GET, &first).await, 403);

    // Asked for again within the minute, the same code comes; later a fresh one.
    assert_eq!(api.post(&format!("{path}/verify"), json!({})).await.status, 204);
    assert_eq!(api.held.arrival().await.callback(), second);
    api.advance(60);
    assert_eq!(api.post(&format!("{path}/verify"), json!({})).await.status, 204);
    let third = api.held.arrival().await.callback();
    assert_eq!(api.visit(Method::GET, &second).await, 403);
    assert_eq!(api.visit(Method::GET, &third).await, 200);
    api.patch(id, json!({"description": "c"})).await;
    api.held.is_empty().await;
    assert!(api.is_verified(id).await);
}

#[tokio::test]
async fn a_living_verified_twin_makes_the_message_unnecessary() {
    let api = required().await;
    let first = api.create("https://ada:secret@example.com/x").await;
    let asked = api.held.arrival().await;
    let second = api.create("https://ada:secret@example.com/x").await;
    let other = api.held.arrival().await;
    assert_ne!(code_of(&asked.callback()), code_of(&other.callback()));
    assert_eq!(api.visit(Method::GET, &asked.callback()).await, 200);
    assert!(!api.is_verified(second).await);

    let twin = api.create("https://ada:other@example.com/x").await;
    assert!(api.is_verified(twin).await);
    let elsewhere = api.create("https://example.com/y").await;
    assert_eq!(api.held.arrival().await.message.uri, "https://example.com/y");
    api.patch(elsewhere, json!({"uri": "https://ada:other@example.com/x"})).await;
    assert!(api.is_verified(elsewhere).await);
    api.held.is_empty().await;

    // A deleted or disabled webhook does not make the verification of another unnecessary.
    for id in [twin, elsewhere] {
        assert_eq!(api.api.call("DELETE", &format!("/v1/webhooks/{id}"), None).await.status, 204);
    }
    api.patch(first, json!({"disabled": true})).await;
    let late = api.create("https://ada:secret@example.com/x").await;
    api.held.arrival().await;
    assert!(!api.is_verified(late).await);
}

#[tokio::test]
async fn racing_callers_are_both_told_so() {
    let api = required().await;
    for n in 0..4 {
        let id = api.create(&format!("https://example.com/{n}")).await;
        let callback = api.held.arrival().await.callback();
        let calls = (0..4).map(|_| api.visit(Method::POST, &callback));
        for reply in futures_util::future::join_all(calls).await {
            assert_eq!(reply, 200);
        }
        assert!(api.is_verified(id).await);
    }
}

#[tokio::test]
async fn callbacks_are_limited_per_source_address() {
    let api = start(VerificationMode::Required, 20).await;
    let id = api.create("https://example.com/").await;
    let guess = format!("/a/wdc/webhooks/{id}/verify?code=AAAAAAAAAAAAAAAAAAAAAAAA");
    for _ in 0..20 {
        assert_eq!(api.visit(Method::POST, &guess).await, 403);
    }
    let refused = api.api.visit("POST", &guess).await;
    assert!(refused.status == 429 && refused.header("retry-after").is_some());
}

#[tokio::test]
async fn a_failing_verify_message_is_retried_but_counts_for_nothing_and_hides_its_code() {
    let api = required().await;
    let id = api.create("https://example.com/").await;
    let echo = |arrival: HeldMessage, status| {
        let body = arrival.message.body.to_string();
        arrival.answer(status, &body);
    };
    let first = api.held.arrival().await;
    let code = code_of(&first.callback());
    echo(first, 500);
    for _ in 2..=10 {
        let again = api.held.arrival().await;
        assert_eq!(code_of(&again.callback()), code);
        echo(again, 500);
    }
    let all = api.records(id, 10).await;
    let outcomes: Vec<&str> = all.iter().map(|one| one["outcome"].as_str().unwrap()).collect();
    assert_eq!((outcomes[0], outcomes[1..].iter().all(|outcome| *outcome == "failed")), ("dropped", true));
    assert!(!Value::from(all.clone()).to_string().contains(&code));
    let payload = all[0]["request"]["payload"]["payload"]["callback"].as_str().unwrap();
    assert!(payload.contains("/verify?code=***&expires_at=1"), "{payload}");
    assert!(all[0]["response"]["body"].as_str().unwrap().contains("code=***&"), "{}", all[0]);
    let webhook = api.api.call("GET", &format!("/v1/webhooks/{id}"), None).await.json(200);
    assert_eq!(webhook["last_error"], Value::Null);
    assert_eq!(api.api.mails.sent(), []);
}

#[tokio::test]
async fn a_message_whose_code_is_superseded_is_cancelled_unsent() {
    let api = required().await;
    let id = api.create("https://example.com/old").await;
    let first = api.held.arrival().await;
    api.patch(id, json!({"uri": "https://example.com/new"})).await;
    let second = api.held.arrival().await;
    first.answer(500, "");
    let all = api.records(id, 2).await;
    assert_eq!((&all[0]["outcome"], &all[0]["error"]), (&json!("cancelled"), &json!("Code superseded")));
    assert_eq!(all[0]["request"], Value::Null);
    // One whose webhook was verified meanwhile is not needed either.
    assert_eq!(api.visit(Method::GET, &second.callback()).await, 200);
    second.answer(500, "");
    let all = api.records(id, 4).await;
    assert_eq!((&all[0]["outcome"], &all[0]["error"]), (&json!("cancelled"), &json!("Webhook verified")));
    api.held.is_empty().await;
}

#[tokio::test]
async fn nothing_but_the_question_goes_to_a_webhook_that_moved() {
    let api = required().await;
    let id = api.create("https://example.com/old").await;
    assert_eq!(api.visit(Method::GET, &api.held.arrival().await.callback()).await, 200);
    api.publish().await;
    let event = api.held.arrival().await;
    api.patch(id, json!({"uri": "https://example.com/new", "disabled": true})).await;
    let asked = api.held.arrival().await;
    assert_eq!(
        (asked.message.uri.as_str(), &asked.message.body["event"]),
        ("https://example.com/new", &json!("webhook.verify"))
    );
    api.patch(id, json!({"disabled": false})).await;
    event.answer(500, "");
    let all = api.records(id, 3).await;
    let cancelled: Vec<_> = all.iter().filter(|one| one["outcome"] == "cancelled").collect();
    assert_eq!(cancelled.len(), 1, "{all:?}");
    assert_eq!(
        (&cancelled[0]["event"], &cancelled[0]["error"]),
        (&json!("request.create"), &json!("Webhook not verified"))
    );
    api.held.is_empty().await;
}

#[tokio::test]
async fn what_is_registered_is_used_where_verification_is_off() {
    let api = start(VerificationMode::Off, 100_000).await;
    let id = api.create("https://example.com/").await;
    assert!(api.is_verified(id).await);
    api.patch(id, json!({"uri": "https://example.com/new"})).await;
    assert!(api.is_verified(id).await);
    api.held.is_empty().await;
    api.publish().await;
    assert_eq!(api.held.arrival().await.message.uri, "https://example.com/new");
}
