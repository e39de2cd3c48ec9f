//! `POST /webhooks/:id/redeliver` and `GET /redeliveries/:id`.

use std::collections::HashMap;
use std::time::Duration;

use hookline_core::settings::CoreSettings;
use hookline_core::values::{Clock as _, System};
use serde_json::{Value, json};

use crate::deliveries::{publish, records};
use crate::fixture::{ApiFixture, Reply, eventually};

/// Ten attempts take milliseconds.
fn hasty() -> CoreSettings {
    CoreSettings { wait_scale: 0.000_001, ..CoreSettings::default() }
}

async fn redeliver(api: &ApiFixture, webhook: u64, body: Value) -> Reply {
    api.call("POST", &format!("/v1/webhooks/{webhook}/redeliver"), Some(body)).await
}

/// The job once it is no longer running.
async fn ended(api: &ApiFixture, id: &Value) -> Value {
    let path = format!("/v1/redeliveries/{}", id.as_str().unwrap());
    eventually("the end of the job", || async {
        let job = api.call("GET", &path, None).await.json(200);
        (job["state"] != "running").then_some(job)
    })
    .await
}

/// Publishes so many events in requests of 100, and waits until each message has ended.
async fn drop_messages(api: &ApiFixture, webhook: u64, count: usize) {
    api.endpoint.answer(500);
    let event = json!({"event": "request.create", "object_id": 7});
    for _ in 0..count / 50 {
        let accepted = api.call("POST", "/v1/events", Some(Value::from(vec![event.clone(); 50]))).await;
        assert_eq!(accepted.status, 202);
    }
    let dry = json!({"dry_run": true, "outcome": ["dropped"]});
    eventually("all messages to be dropped", || async {
        let matched = redeliver(api, webhook, dry.clone()).await.json(202)["matched"].as_u64();
        (matched == Some(count as u64)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_outage_is_recovered_each_message_once() {
    let api = ApiFixture::with(hasty()).await;
    let webhook = api.webhook().await;
    drop_messages(&api, webhook, 250).await;
    let before = api.endpoint.got().len();
    assert_eq!(before, 2500, "ten attempts each");
    api.endpoint.answer(200);

    let asked = redeliver(&api, webhook, json!({})).await.json(202);
    assert_eq!((&asked["matched"], &asked["more"]), (&json!(250), &json!(false)));
    let job = ended(&api, &asked["id"]).await;
    assert_eq!(
        (&job["state"], &job["redelivered"], &job["webhook"]["id"]),
        (&json!("done"), &json!(250), &json!(webhook))
    );
    assert_eq!(job["outcome"], json!(["dropped", "cancelled", "skipped"]));
    assert!(job["finished_at"].is_string() && job["since"].is_null());
    let got = api.endpoint.wait_for(before + 250).await;
    let mut sent: HashMap<String, u32> = HashMap::new();
    for message in &got[before..] {
        assert!(!message.header("x-4me-delivery-origin").is_empty());
        *sent.entry(message.header("webhook-id").to_owned()).or_default() += 1;
    }
    assert!(sent.len() == 250 && sent.values().all(|times| *times == 1), "{} of 250", sent.len());

    let again = eventually("records of all successes", || async {
        let asked = redeliver(&api, webhook, json!({})).await.json(202);
        (asked["matched"] == 0).then_some(asked)
    })
    .await;
    assert_eq!(ended(&api, &again["id"]).await["redelivered"], 0);
    assert_eq!(api.endpoint.got().len(), before + 250);
}

#[tokio::test]
async fn what_is_dropped_again_can_be_recovered_again() {
    let api = ApiFixture::with(hasty()).await;
    let webhook = api.webhook().await;
    drop_messages(&api, webhook, 50).await;
    let began = System.now();
    let first = redeliver(&api, webhook, json!({})).await.json(202);
    ended(&api, &first["id"]).await;
    api.endpoint.wait_for(1000).await;
    api.endpoint.answer(200);
    let job = eventually("all messages to be dropped again", || async {
        let body = json!({"until": began.to_string(), "outcome": ["dropped"]});
        let dry = json!({"until": began.to_string(), "outcome": ["dropped"], "dry_run": true});
        if redeliver(&api, webhook, dry).await.json(202)["matched"] != 50 {
            return None;
        }
        Some(redeliver(&api, webhook, body).await.json(202))
    })
    .await;
    assert_ne!(job["id"], first["id"]);
    api.endpoint.wait_for(1050).await;
}

#[tokio::test]
async fn a_dry_run_counts_and_sends_nothing() {
    let api = ApiFixture::with(hasty()).await;
    let webhook = api.webhook().await;
    drop_messages(&api, webhook, 50).await;
    let count = async |mut body: Value| {
        body["dry_run"] = json!(true);
        let asked = redeliver(&api, webhook, body).await.json(202);
        assert_eq!((&asked["id"], &asked["more"]), (&Value::Null, &json!(false)));
        asked["matched"].clone()
    };
    assert_eq!(count(json!({"since": "2020-01-01T00:00:00Z", "until": "2100-01-01"})).await, 50);
    assert_eq!(count(json!({"until": "2020-01-01T00:00:00Z"})).await, 0);
    assert_eq!(count(json!({"since": "0000-01-01", "until": "9999-12-30T22:00:00Z"})).await, 50, "the calendar");
    assert_eq!(count(json!({"since": "2100-01-01T00:00:00+02:00"})).await, 0);
    assert_eq!(count(json!({"outcome": ["cancelled", "skipped"]})).await, 0);
    assert_eq!(count(json!({"event": "request.create"})).await, 50);
    assert_eq!(count(json!({"event": "risk.create"})).await, 0);
    api.clock.forward(Duration::from_hours(30 * 24 + 1));
    assert_eq!(count(json!({})).await, 0, "less than 72 hours are left");
    assert_eq!(api.endpoint.got().len(), 500);
}

#[tokio::test]
async fn what_is_wrong_is_told() {
    let api = ApiFixture::start().await;
    let webhook = api.webhook().await;
    let wrong = json!({"since": "x", "until": 1, "outcome": ["succeeded"], "event": "request.*"});
    assert_eq!(
        redeliver(&api, webhook, wrong).await.problems(),
        [
            "Since is invalid",
            "Until is invalid",
            "Outcome is not included in the list",
            "Event is not included in the list"
        ]
    );
    api.call("PATCH", &format!("/v1/webhooks/{webhook}"), Some(json!({"disabled": true}))).await.json(200);
    assert_eq!(redeliver(&api, webhook, json!({})).await.problems(), ["Webhook is disabled"]);
    redeliver(&api, webhook, json!({"dry_run": true})).await.json(202);
    assert_eq!(redeliver(&api, 999, json!({})).await.status, 404);
    let path = format!("/v1/webhooks/{webhook}/redeliver");
    assert_eq!(api.call_as(&api.auditor, "POST", &path, None).await.status, 403);
    assert_eq!(api.call_as(&api.stranger, "POST", &path, None).await.status, 404);
    assert_eq!(api.call("GET", "/v1/redeliveries/x", None).await.status, 404);
}

#[tokio::test]
async fn a_job_belongs_to_its_account_and_auditors_see_it() {
    let api = ApiFixture::start().await;
    let webhook = api.webhook().await;
    publish(&api).await;
    records(&api, webhook, 1).await;
    let asked = redeliver(&api, webhook, json!({"outcome": ["skipped", "dropped"]})).await.json(202);
    let job = ended(&api, &asked["id"]).await;
    assert_eq!((&job["redelivered"], &job["outcome"]), (&json!(0), &json!(["dropped", "skipped"])));
    let path = format!("/v1/redeliveries/{}", asked["id"].as_str().unwrap());
    api.call_as(&api.auditor, "GET", &path, None).await.json(200);
    assert_eq!(api.call_as(&api.stranger, "GET", &path, None).await.status, 404);
    assert_eq!(api.call_as(&api.publisher, "GET", &path, None).await.status, 403);
}
