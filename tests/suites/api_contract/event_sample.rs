//! The sample of events, and filters tried on it (section 14).

use serde_json::{Value, json};

use crate::fixture::ServiceFixture;

on_every_target!(
    an_accepted_event_is_in_the_sample,
    a_filter_is_tried_on_the_sample,
    a_preview_refuses_what_a_webhook_would_refuse,
    the_sample_is_for_administrators_and_auditors_of_its_account,
);

async fn an_accepted_event_is_in_the_sample(service: ServiceFixture) {
    service.get("/v1/events").await.is(200, "[]");
    service.post("/v1/events", json!({"event": "nope", "object_id": 1})).await.json();
    let id =
        service.publish(json!({"event": "risk.create", "object_id": 7, "person_id": 6, "payload": {"a": 1}})).await;
    let sample = service.get("/v1/events").await.json();
    let accepted_at = service.get(&format!("/v1/events/{id}")).await.json()["accepted_at"].clone();
    let expected = json!([{"id": id, "event": "risk.create", "object_id": 7, "object_type": "Risk", "person_id": 6,
        "accepted_at": accepted_at}]);
    assert_eq!(sample, expected);
    let burst: Vec<Value> = (0..20).map(|n| json!({"event": "risk.create", "object_id": n})).collect();
    service.post("/v1/events", json!(burst)).await.json();
    let sample = service.get("/v1/events").await.json();
    assert!(sample.as_array().expect("a list").len() <= 2, "at most one a second: {sample}");
}

async fn a_filter_is_tried_on_the_sample(service: ServiceFixture) {
    let filter = json!({"payload": {"priority": [{"numeric": [">=", 2]}]}});
    service.post("/v1/webhooks/filter_preview", json!({"filter": filter})).await.is(200, "[]");
    let id = service.publish(json!({"event": "risk.create", "object_id": 7, "payload": {"priority": 1.5}})).await;
    let tried = service.post("/v1/webhooks/filter_preview", json!({"filter": filter})).await.json();
    let mismatch = json!({"field": "payload.priority", "expected": r#"[{"numeric":[">=",2]}]"#, "found": "1.5"});
    assert_eq!((&tried[0]["id"], &tried[0]["matches"]), (&json!(id), &json!(false)));
    assert_eq!(tried[0]["mismatch"], mismatch);
    let matching = json!({"filter": {"payload": {"priority": [1.5]}, "object_id": [7]}});
    let tried = service.post("/v1/webhooks/filter_preview", matching).await.json();
    assert_eq!((&tried[0]["matches"], tried[0].get("mismatch")), (&json!(true), None));
    service.get("/v1/webhooks").await.is(200, "[]");
}

async fn a_preview_refuses_what_a_webhook_would_refuse(service: ServiceFixture) {
    for (body, sentence) in [
        (json!({}), "Filter can't be blank"),
        (json!({"filter": null}), "Filter can't be blank"),
        (json!({"filter": []}), "Filter must be an object of fields"),
        (
            json!({"filter": {"payload": {"a": [{"exists": 1}]}}}),
            r#"Filter at payload.a: "exists" takes true or false"#,
        ),
        (json!({"filter": {"event": ["x".repeat(4096)]}}), "Filter is too long (maximum is 4096 bytes)"),
    ] {
        service.post("/v1/webhooks/filter_preview", body).await.is_invalid(&[("filter", sentence)]);
    }
    service.post("/v1/webhooks/filter_preview", "{").await.refuses(400, "Invalid JSON string posted");
}

async fn the_sample_is_for_administrators_and_auditors_of_its_account(service: ServiceFixture) {
    let id = service.publish(json!({"event": "risk.create", "object_id": 7})).await;
    let filter = json!({"filter": {"object_id": [7]}});
    let auditor = service.role("auditor").await.secret;
    assert_eq!(service.get("/v1/events").by(&auditor).await.json()[0]["id"], json!(id));
    let tried = service.post("/v1/webhooks/filter_preview", &filter).by(&auditor).await.json();
    assert_eq!(tried[0]["matches"], true);
    let publisher = service.role("publisher").await.secret;
    let other = service.account("other").await;
    service.get("/v1/events").by(&publisher).await.refuses(403, "Forbidden");
    service.post("/v1/webhooks/filter_preview", &filter).by(&publisher).await.refuses(403, "Forbidden");
    service.get("/v1/events").by(&other).await.is(200, "[]");
    service.post("/v1/webhooks/filter_preview", &filter).by(&other).await.is(200, "[]");
}
