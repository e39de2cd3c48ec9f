//! Endpoint hosts that get nothing now (section 8, *Throttling*).

use std::time::Duration;

use serde_json::{Value, json};

use crate::deliveries::{publish, records};
use crate::fixture::{ApiFixture, eventually};

const ID: &str = "aHR0cHM6Ly9ob29rcy5leGFtcGxlLmNvbTo0NDM";

async fn hosts(api: &ApiFixture, token: &str) -> Vec<Value> {
    let answer = api.call_as(token, "GET", "/v1/endpoint_hosts", None).await;
    answer.json(200).as_array().unwrap().clone()
}

/// A deployment whose one endpoint host has failed ten times in a row.
async fn throttled() -> ApiFixture {
    let api = ApiFixture::start().await;
    let webhook = api.webhook().await;
    api.endpoint.answer(503);
    for _ in 0..10 {
        publish(&api).await;
    }
    records(&api, webhook, 10).await;
    api
}

#[tokio::test]
async fn a_throttled_host_is_shown_with_what_waits() {
    let api = throttled().await;
    let shown = hosts(&api, &api.auditor).await;
    assert_eq!(shown.len(), 1);
    assert_eq!((&shown[0]["id"], &shown[0]["host"]), (&json!(ID), &json!("https://hooks.example.com:443")));
    assert_eq!((&shown[0]["failures"], &shown[0]["waiting"]), (&json!(10), &json!(10)));
    assert_eq!(shown[0]["held_until"], Value::Null);
    let time = |field: &str| shown[0][field].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    assert_eq!(time("next_probe_at").duration_since(time("throttled_at")).as_secs(), 60);

    let answer = api.call("GET", "/v1/endpoint_hosts?fields=host&per_page=1", None).await;
    assert_eq!(answer.json(200), json!([{"id": ID, "host": "https://hooks.example.com:443"}]));
    let totals = ["x-pagination-total-entries", "x-pagination-total-pages", "x-pagination-current-page"];
    assert_eq!(totals.map(|name| answer.header(name).unwrap()), ["1", "1", "1"]);
    let refused = api.call("GET", "/v1/endpoint_hosts?fields=offenders", None).await;
    assert_eq!(refused.json(400)["message"], "Unknown fields: offenders");

    publish(&api).await;
    api.endpoint.answer(200);
    api.clock.forward(Duration::from_mins(2));
    // Waiting workers are woken by the real clock; a fresh event makes the workers look.
    publish(&api).await;
    api.endpoint.wait_for(12).await;
    eventually("the throttle is lifted", || async { hosts(&api, &api.administrator).await.is_empty().then_some(()) })
        .await;
}

#[tokio::test]
async fn an_administrator_lifts_the_throttle_of_the_own_account_alone() {
    let api = throttled().await;
    publish(&api).await;
    let path = format!("/v1/endpoint_hosts/{ID}/throttle");
    assert_eq!(hosts(&api, &api.stranger).await, [] as [Value; 0]);
    for (token, status) in [(&api.stranger, 404), (&api.auditor, 403), (&api.publisher, 403)] {
        assert_eq!(api.call_as(token, "DELETE", &path, None).await.status, status);
    }
    for unknown in ["aHR0cHM6Ly9vdGhlci5leGFtcGxlOjQ0Mw", "x", "https:"] {
        let path = format!("/v1/endpoint_hosts/{unknown}/throttle");
        assert_eq!(api.call("DELETE", &path, None).await.status, 404, "{unknown}");
    }
    assert_eq!(api.endpoint.got().len(), 10);
    let input = json!({"event": "*", "uri": "https://hooks.example.com/theirs"});
    api.call_as(&api.stranger, "POST", "/v1/webhooks", Some(input)).await.json(200);
    assert_eq!(hosts(&api, &api.stranger).await, [] as [Value; 0], "not throttled for another account");
    assert_eq!(api.call_as(&api.stranger, "DELETE", &path, None).await.status, 204);
    assert_eq!(hosts(&api, &api.administrator).await.len(), 1, "another account lifts nothing here");

    api.endpoint.answer(200);
    assert_eq!(api.call("DELETE", &path, None).await.status, 204);
    api.endpoint.wait_for(11).await;
    assert_eq!(hosts(&api, &api.administrator).await, [] as [Value; 0]);
    assert_eq!(api.call("DELETE", &path, None).await.status, 204, "again, for nothing");
}
