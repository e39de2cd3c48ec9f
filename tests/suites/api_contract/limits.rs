//! Limits (section 2): the rate of calls and the quotas of an account.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use hookline_tests::target::Variation;
use hookline_tests::target::router::Router;
use http::Method;
use serde_json::json;

use crate::call::{Call, Reply};
use crate::fixture::{MAIN, ServiceFixture};

/// Small enough to be reached.
fn small() -> Variation {
    Variation { max_webhooks: 5, max_pattern_webhooks: 2, rate_limit: 40, ..Variation::default() }
}

on_every_target!(
    super::small();
    every_authenticated_answer_says_where_its_token_stands,
    a_call_too_many_is_refused_with_a_time_to_come_back,
    an_account_has_at_most_so_many_webhooks,
    an_account_has_at_most_so_many_patterns,
    many_at_once_do_not_get_past_a_quota,
);

fn rate(reply: &Reply) -> [i64; 3] {
    ["limit", "remaining", "reset"].map(|name| {
        let value = reply.header(&format!("x-ratelimit-{name}")).expect("a rate header");
        value.parse().expect("a number")
    })
}

async fn every_authenticated_answer_says_where_its_token_stands(service: ServiceFixture) {
    let path = service.webhook_path(json!({})).await;
    let [limit, mut remaining, reset] = rate(&service.get(&path).await);
    assert_eq!((limit, remaining), (40, 38));
    let now = jiff_now();
    assert!((now..=now + 3600).contains(&reset), "{reset} is within the hour after {now}");
    let calls = [
        service.get("/v1/webhooks"),
        service.get("/v1/webhooks/999"),
        service.post("/v1/webhooks", "{}"),
        service.post("/v1/webhooks", "{"),
        service.get("/v1/webhooks?x=1"),
        service.get("/v1/webhooks").with("accept", "text/html"),
        service.get("/v1/webhooks").with("x-4me-account", "other"),
        service.get("/a/other/v1/webhooks"),
        service.post("/v1/webhooks", "x".repeat(300_000)),
        service.delete(&path),
    ];
    for call in calls {
        remaining -= 1;
        assert_eq!(rate(&call.await), [40, remaining, reset]);
    }
    let event = json!({"event": "request.create", "object_id": 1});
    for call in [service.post("/v1/events", &event), service.post("/v1/events", "{"), service.post("/v1/events", "{}")]
    {
        assert_eq!(rate(&call.await), [40, remaining, reset], "publishing is not counted");
    }
    let other = service.role("auditor").await.secret;
    assert_eq!(rate(&service.get("/v1/webhooks").by(&other).await)[1], 39, "each token has its own");
    for call in [service.get("/v1").by_nobody(), service.get("/v1/webhooks").by_nobody(), service.get("/v1/none")] {
        assert_eq!(call.await.header("x-ratelimit-limit"), None);
    }
}

fn jiff_now() -> i64 {
    use hookline_core::values::Clock as _;
    hookline_core::values::System.now().as_second()
}

async fn a_call_too_many_is_refused_with_a_time_to_come_back(service: ServiceFixture) {
    for _ in 0..40 {
        assert_eq!(service.get("/v1/webhooks").await.status, 200);
    }
    for call in [service.get("/v1/webhooks"), service.delete("/v1/webhooks/1"), service.post("/v1/webhooks", "{}")] {
        let reply = call.await;
        reply.refuses(429, "Too Many Requests");
        assert_eq!(rate(&reply)[1], 0);
        let wait: i64 = reply.header("retry-after").expect("a wait").parse().expect("whole seconds");
        assert!((1..=3600).contains(&wait) && (rate(&reply)[2] - jiff_now() - wait).abs() <= 2, "{wait}");
    }
    let event = json!({"event": "request.create", "object_id": 1});
    assert_eq!(service.post("/v1/events", event).await.status, 202, "publishing goes on");
    let other = service.role("administrator").await.secret;
    assert_eq!(service.get("/v1/webhooks").by(&other).await.status, 200);
}

async fn an_account_has_at_most_so_many_webhooks(service: ServiceFixture) {
    let mut paths = Vec::new();
    for _ in 0..5 {
        paths.push(service.webhook_path(json!({})).await);
    }
    let body = json!({"event": "request.create", "uri": "https://example.com/"});
    let refused = service.post("/v1/webhooks", &body).await;
    refused.is_invalid(&[("webhooks", "Webhooks has reached its limit of 5")]);
    let other = service.account("other").await;
    assert_eq!(service.post("/v1/webhooks", &body).by(&other).await.status, 200, "each account has its own");
    service.delete(&paths[0]).await.is(204, "");
    assert_eq!(service.post("/v1/webhooks", &body).await.status, 200);
    assert_eq!(service.post("/v1/webhooks", &body).await.status, 422);
    assert_eq!(service.patch(&paths[1], json!({"name": "x"})).await.status, 200, "a change is not counted");
}

async fn an_account_has_at_most_so_many_patterns(service: ServiceFixture) {
    let (one, two) =
        (service.webhook_path(json!({"event": "*"})).await, service.webhook_path(json!({"event": "risk.*"})).await);
    let plain = service.webhook_path(json!({})).await;
    let sentence = "Webhooks with a pattern has reached its limit of 2";
    let body = json!({"event": "*", "uri": "https://example.com/"});
    let full = [("webhooks_with_a_pattern", sentence)];
    service.post("/v1/webhooks", &body).await.is_invalid(&full);
    service.patch(&plain, json!({"event": "ci.*"})).await.is_invalid(&full);
    assert_eq!(service.patch(&one, json!({"event": "ci.*"})).await.status, 200, "one pattern for another");
    assert_eq!(service.patch(&two, json!({"event": "ci.create"})).await.status, 200);
    assert_eq!(service.patch(&plain, json!({"event": "ci.*"})).await.status, 200);
    service.post("/v1/webhooks", &body).await.is_invalid(&full);
    service.delete(&plain).await.is(204, "");
    assert_eq!(service.post("/v1/webhooks", &body).await.status, 200);
}

async fn many_at_once_do_not_get_past_a_quota(service: ServiceFixture) {
    let body = json!({"event": "request.*", "uri": "https://example.com/"});
    let plain = json!({"event": "request.create", "uri": "https://example.com/"});
    let patterns = join_all((0..12).map(|_| service.post("/v1/webhooks", &body).into_future())).await;
    assert_eq!(patterns.iter().filter(|reply| reply.status == 200).count(), 2);
    let others = join_all((0..12).map(|_| service.post("/v1/webhooks", &plain).into_future())).await;
    assert_eq!(others.iter().filter(|reply| reply.status == 200).count(), 3);
    assert!(patterns.iter().chain(&others).all(|reply| matches!(reply.status.as_u16(), 200 | 422)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_window_begins_when_the_last_has_ended() {
    let router = Router::start(small()).await;
    let clock = Arc::clone(&router.clock);
    let service = ServiceFixture::of(router).await;
    for _ in 0..40 {
        service.get("/v1/webhooks").await;
    }
    let refused = service.get("/v1/webhooks").await;
    let wait: u64 = refused.header("retry-after").expect("a wait").parse().expect("whole seconds");
    clock.advance(Duration::from_secs(wait));
    assert_eq!(rate(&service.get("/v1/webhooks").await)[1], 39);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_works_until_it_expires() {
    let router = Router::start(Variation::default()).await;
    let clock = Arc::clone(&router.clock);
    let service = ServiceFixture::of(router).await;
    let token = service.target.create_token(MAIN, "administrator", Some(90)).await.secret;
    let call = || service.get("/v1/webhooks").by(&token);
    clock.advance(Duration::from_mins(89));
    assert_eq!(call().await.status, 200);
    clock.advance(Duration::from_secs(61));
    call().await.refuses(401, "Unauthorized");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn routes_without_a_token_are_limited_per_source_address() {
    let service = ServiceFixture::process(Variation::default()).await;
    let visit = || Call::new(&*service.target, Method::GET, "/v1");
    for _ in 0..600 {
        assert_eq!(visit().await.status, 200);
    }
    let refused = visit().await;
    refused.refuses(429, "Too Many Requests");
    assert!(refused.header("retry-after").expect("a wait").parse::<u64>().is_ok_and(|wait| (1..=60).contains(&wait)));
    assert_eq!(service.get("/v1/webhooks").await.status, 200, "who has a token is not concerned");
    let health = Call::new(&*service.target, Method::GET, "/healthz").await;
    assert_eq!(health.status, 200, "health checks are not limited either");
}
