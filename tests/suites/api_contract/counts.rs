//! `/counts` and `/webhooks/:id/counts` (section 12): deliveries per hour.

use hookline_tests::receiver::{Receiver, Reply as Answer};
use serde_json::{Value, json};

use crate::fixture::ServiceFixture;

on_every_target!(
    ended_deliveries_are_counted_per_webhook_and_hour,
    events_that_a_filter_keeps_out_are_counted,
    hours_are_those_that_were_asked_for,
    who_may_see_counts,
);

/// The sum of a count over all hours of an answer.
fn sum(counts: &Value, name: &str) -> u64 {
    counts.as_array().expect("a list").iter().map(|line| line[name].as_u64().expect("a number")).sum()
}

/// The counts at a path, once they add up to this. The binary writes them every ten seconds.
async fn counted(service: &ServiceFixture, path: &str, expected: [u64; 5]) -> Value {
    let names = ["succeeded", "failed", "dropped", "cancelled", "skipped"];
    let all = |counts: &Value| names.map(|name| sum(counts, name)) == expected;
    service.until(path, all).await
}

async fn ended_deliveries_are_counted_per_webhook_and_hour(service: ServiceFixture) {
    let receiver = Receiver::start(|request| Answer::status(if request.path == "/good" { 204 } else { 500 })).await;
    let good = service.webhook_path(json!({"uri": receiver.uri("/good")})).await;
    let bad = service.webhook_path(json!({"uri": receiver.uri("/bad")})).await;
    for number in 0..3 {
        service.publish(json!({"event": "request.create", "object_id": number})).await;
    }
    // Tests are not counted.
    service.post(&format!("{good}/test"), "").await.is(204, "");
    let lines = counted(&service, &format!("{good}/counts"), [3, 0, 0, 0, 0]).await;
    let line = lines.as_array().expect("a list").last().expect("an hour");
    let (median, p95) = (line["median"].as_f64().expect("seconds"), line["p95"].as_f64().expect("seconds"));
    assert!(0.0 <= median && median <= p95 && p95 <= 20.0, "{line}");
    let hour = line["hour"].as_str().expect("a time");
    assert!(hour.ends_with(":00:00+00:00"), "{hour}");
    assert_eq!(line["webhook_id"].to_string(), good.rsplit('/').next().expect("an id"));
    // Three runs of ten attempts, of which the last one is dropped. After that the service may disable the webhook.
    let failures = |counts: &Value| (sum(counts, "failed"), sum(counts, "dropped"));
    let all = |counts: &Value| failures(counts) == (27, 3);
    service.until(&format!("{bad}/counts"), all).await;
    let account = service.until("/v1/counts", |counts| sum(counts, "succeeded") == 3 && all(counts)).await;
    assert!(account.as_array().expect("a list").iter().all(|line| line.get("webhook_id").is_none()), "{account}");
    let worst = service.get("/v1/counts?by=webhook").await.json();
    let ids: Vec<String> =
        worst.as_array().expect("a list").iter().map(|line| line["webhook_id"].to_string()).collect();
    assert_eq!(Some(ids[0].as_str()), bad.rsplit('/').next(), "{worst}");

    // A disabled webhook misses events, and its counts outlive it.
    service.patch(&good, json!({"disabled": true})).await;
    service.publish(json!({"event": "request.create", "object_id": 4})).await;
    counted(&service, &format!("{good}/counts"), [3, 0, 0, 0, 1]).await;
    service.delete(&good).await.is(204, "");
    counted(&service, &format!("{good}/counts"), [3, 0, 0, 0, 1]).await;
}

async fn events_that_a_filter_keeps_out_are_counted(service: ServiceFixture) {
    let receiver = Receiver::start(|_| Answer::status(204)).await;
    let fields = json!({"uri": receiver.uri("/"), "filter": {"payload": {"impact": ["high"]}}});
    let picky = service.webhook_path(fields).await;
    let all = service.webhook_path(json!({"uri": receiver.uri("/")})).await;
    for impact in ["high", "low", "none"] {
        let payload = json!({"impact": impact});
        service.publish(json!({"event": "request.create", "object_id": 1, "payload": payload})).await;
    }
    let both = |counts: &Value| (sum(counts, "succeeded"), sum(counts, "filtered"));
    service.until(&format!("{picky}/counts"), |counts| both(counts) == (1, 2)).await;
    service.until(&format!("{all}/counts"), |counts| both(counts) == (3, 0)).await;
    service.until("/v1/counts", |counts| both(counts) == (4, 2)).await;
}

async fn hours_are_those_that_were_asked_for(service: ServiceFixture) {
    let webhook = service.webhook_path(json!({})).await;
    for path in ["/v1/counts".to_owned(), format!("{webhook}/counts")] {
        for good in [
            "",
            "?since=&until=&by=",
            "?since=2026-11-01&until=2026-11-02T10:00:00%2B02:00",
            "?since=2026-11-01T10:20&until=2026-11-01T10:10",
            "?since=2026-10-01&until=2026-10-31T23:59",
        ] {
            service.get(&format!("{path}{good}")).await.is(200, "[]");
        }
        for (bad, parameter) in [
            ("?since=yesterday", "since"),
            ("?until=25:00", "until"),
            ("?since=2026-11-02&until=2026-11-01", "since"),
            ("?since=2026-10-01&until=2026-11-01", "since"),
            ("?since=0001-01-01", "since"),
            ("?until=9999-12-31T23:59:59Z&since=2026-01-01", "since"),
        ] {
            let message = format!("Parameter '{parameter}' is invalid");
            service.get(&format!("{path}{bad}")).await.refuses(400, &message);
        }
    }
    service.get("/v1/counts?by=webhook&since=2026-11-01&until=2026-11-01T23:00").await.is(200, "[]");
    for bad in ["?by=webhook&since=2026-11-01&until=2026-11-02", "?by=event"] {
        assert_eq!(service.get(&format!("/v1/counts{bad}")).await.status, 400, "{bad}");
    }
}

async fn who_may_see_counts(service: ServiceFixture) {
    let webhook = service.webhook_path(json!({})).await;
    for path in ["/v1/counts".to_owned(), format!("{webhook}/counts")] {
        service.get(&path).by(&service.role("auditor").await.secret).await.is(200, "[]");
        service.get(&path).by(&service.role("publisher").await.secret).await.refuses(403, "Forbidden");
    }
    service.get("/v1/webhooks/4000000/counts").await.refuses(404, "Not Found");
}
