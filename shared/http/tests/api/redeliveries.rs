//! `POST /webhooks/:id/redeliver` and `GET /redeliveries/:id`.

use std::collections::HashMap;
use std::time::Duration;

use hookline_core::clock::{Clock as _, System};
use hookline_core::settings::Settings;
use serde_json::{Value, json};

use crate::deliveries::{publish, records};
use crate::deployment::{Deployment, Reply, eventually};

/// Ten attempts take milliseconds.
fn hasty() -> Settings {
    Settings { wait_scale: 0.000_001, ..Settings::default() }
}

async fn redeliver(deployment: &Deployment, webhook: u64, body: Value) -> Reply {
    deployment.call("POST", &format!("/v1/webhooks/{webhook}/redeliver"), Some(body)).await
}

/// The job once it is no longer running.
async fn ended(deployment: &Deployment, id: &Value) -> Value {
    let path = format!("/v1/redeliveries/{}", id.as_str().unwrap());
    eventually("the end of the job", || async {
        let job = deployment.call("GET", &path, None).await.json(200);
        (job["state"] != "running").then_some(job)
    })
    .await
}

/// Publishes so many events in requests of 100, and waits until each message has ended.
async fn drop_messages(deployment: &Deployment, webhook: u64, count: usize) {
    deployment.endpoint.answer(500);
    let event = json!({"event": "request.create", "object_id": 7});
    for _ in 0..count / 50 {
        let accepted = deployment.call("POST", "/v1/events", Some(Value::from(vec![event.clone(); 50]))).await;
        assert_eq!(accepted.status, 202);
    }
    let dry = json!({"dry_run": true, "outcome": ["dropped"]});
    eventually("all messages to be dropped", || async {
        let matched = redeliver(deployment, webhook, dry.clone()).await.json(202)["matched"].as_u64();
        (matched == Some(count as u64)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_outage_is_recovered_each_message_once() {
    let deployment = Deployment::with(hasty()).await;
    let webhook = deployment.webhook().await;
    drop_messages(&deployment, webhook, 250).await;
    let before = deployment.endpoint.got().len();
    assert_eq!(before, 2500, "ten attempts each");
    deployment.endpoint.answer(200);

    let asked = redeliver(&deployment, webhook, json!({})).await.json(202);
    assert_eq!((&asked["matched"], &asked["more"]), (&json!(250), &json!(false)));
    let job = ended(&deployment, &asked["id"]).await;
    assert_eq!(
        (&job["state"], &job["redelivered"], &job["webhook"]["id"]),
        (&json!("done"), &json!(250), &json!(webhook))
    );
    assert_eq!(job["outcome"], json!(["dropped", "cancelled", "skipped"]));
    assert!(job["finished_at"].is_string() && job["since"].is_null());
    let got = deployment.endpoint.wait_for(before + 250).await;
    let mut sent: HashMap<String, u32> = HashMap::new();
    for message in &got[before..] {
        assert!(!message.header("x-4me-delivery-origin").is_empty());
        *sent.entry(message.header("webhook-id").to_owned()).or_default() += 1;
    }
    assert!(sent.len() == 250 && sent.values().all(|times| *times == 1), "{} of 250", sent.len());

    let again = eventually("records of all successes", || async {
        let asked = redeliver(&deployment, webhook, json!({})).await.json(202);
        (asked["matched"] == 0).then_some(asked)
    })
    .await;
    assert_eq!(ended(&deployment, &again["id"]).await["redelivered"], 0);
    assert_eq!(deployment.endpoint.got().len(), before + 250);
}

#[tokio::test]
async fn what_is_dropped_again_can_be_recovered_again() {
    let deployment = Deployment::with(hasty()).await;
    let webhook = deployment.webhook().await;
    drop_messages(&deployment, webhook, 50).await;
    let began = System.now();
    let first = redeliver(&deployment, webhook, json!({})).await.json(202);
    ended(&deployment, &first["id"]).await;
    deployment.endpoint.wait_for(1000).await;
    deployment.endpoint.answer(200);
    let job = eventually("all messages to be dropped again", || async {
        let body = json!({"until": began.to_string(), "outcome": ["dropped"]});
        let dry = json!({"until": began.to_string(), "outcome": ["dropped"], "dry_run": true});
        if redeliver(&deployment, webhook, dry).await.json(202)["matched"] != 50 {
            return None;
        }
        Some(redeliver(&deployment, webhook, body).await.json(202))
    })
    .await;
    assert_ne!(job["id"], first["id"]);
    deployment.endpoint.wait_for(1050).await;
}

#[tokio::test]
async fn a_dry_run_counts_and_sends_nothing() {
    let deployment = Deployment::with(hasty()).await;
    let webhook = deployment.webhook().await;
    drop_messages(&deployment, webhook, 50).await;
    let count = async |mut body: Value| {
        body["dry_run"] = json!(true);
        let asked = redeliver(&deployment, webhook, body).await.json(202);
        assert_eq!((&asked["id"], &asked["more"]), (&Value::Null, &json!(false)));
        asked["matched"].clone()
    };
    assert_eq!(count(json!({"since": "2020-01-01T00:00:00Z", "until": "2100-01-01"})).await, 50);
    assert_eq!(count(json!({"until": "2020-01-01T00:00:00Z"})).await, 0);
    assert_eq!(count(json!({"since": "0000-01-01", "until": "9999-12-30T22:00:00Z"})).await, 50, "the calendar");
    assert_eq!(count(json!({"since": "2100-01-01T00:00:00+02:00"})).await, 0);
    assert_eq!(count(json!({"outcome": ["cancelled", "skipped"]})).await, 0);
    deployment.clock.forward(Duration::from_hours(30 * 24 + 1));
    assert_eq!(count(json!({})).await, 0, "less than 72 hours are left");
    assert_eq!(deployment.endpoint.got().len(), 500);
}

#[tokio::test]
async fn what_is_wrong_is_told() {
    let deployment = Deployment::start().await;
    let webhook = deployment.webhook().await;
    let wrong = json!({"since": "x", "until": 1, "outcome": ["succeeded"]});
    assert_eq!(
        redeliver(&deployment, webhook, wrong).await.problems(),
        ["Since is invalid", "Until is invalid", "Outcome is not included in the list"]
    );
    deployment.call("PATCH", &format!("/v1/webhooks/{webhook}"), Some(json!({"disabled": true}))).await.json(200);
    assert_eq!(redeliver(&deployment, webhook, json!({})).await.problems(), ["Webhook is disabled"]);
    redeliver(&deployment, webhook, json!({"dry_run": true})).await.json(202);
    assert_eq!(redeliver(&deployment, 999, json!({})).await.status, 404);
    let path = format!("/v1/webhooks/{webhook}/redeliver");
    assert_eq!(deployment.call_as(&deployment.auditor, "POST", &path, None).await.status, 403);
    assert_eq!(deployment.call_as(&deployment.stranger, "POST", &path, None).await.status, 404);
    assert_eq!(deployment.call("GET", "/v1/redeliveries/x", None).await.status, 404);
}

#[tokio::test]
async fn a_job_belongs_to_its_account_and_auditors_see_it() {
    let deployment = Deployment::start().await;
    let webhook = deployment.webhook().await;
    publish(&deployment).await;
    records(&deployment, webhook, 1).await;
    let asked = redeliver(&deployment, webhook, json!({"outcome": ["skipped", "dropped"]})).await.json(202);
    let job = ended(&deployment, &asked["id"]).await;
    assert_eq!((&job["redelivered"], &job["outcome"]), (&json!(0), &json!(["dropped", "skipped"])));
    let path = format!("/v1/redeliveries/{}", asked["id"].as_str().unwrap());
    deployment.call_as(&deployment.auditor, "GET", &path, None).await.json(200);
    assert_eq!(deployment.call_as(&deployment.stranger, "GET", &path, None).await.status, 404);
    assert_eq!(deployment.call_as(&deployment.publisher, "GET", &path, None).await.status, 403);
}
