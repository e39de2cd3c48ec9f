//! Content filters of webhooks (section 14): what is saved, what is refused, and which events they keep out.

use serde_json::{Value, json};

use crate::fixture::ServiceFixture;

on_every_target!(
    a_filter_is_saved_shown_and_cleared,
    a_filter_is_refused_with_the_place_of_the_fault,
    an_event_that_a_filter_keeps_out_makes_no_message_and_no_record,
    explain_names_the_condition_that_failed_and_the_value,
);

fn urgent() -> Value {
    json!({"payload": {"priority": [{"numeric": [">=", 2.5]}], "tags": ["a", {"prefix": "b"}]}})
}

async fn a_filter_is_saved_shown_and_cleared(service: ServiceFixture) {
    let filter = urgent();
    let path = service.webhook_path(json!({"filter": filter})).await;
    assert!(service.get(&path).await.json().get("filter").is_none(), "an extension field");
    let shown = format!("{path}?fields=filter");
    assert_eq!(service.get(&shown).await.json()["filter"], filter);
    service.patch(&path, r#"{"filter":{"object_id":[ 1.50 ]}}"#).await.json();
    let text = service.get(&shown).await.text().to_owned();
    assert!(text.contains(r#""filter":{"object_id":[ 1.50 ]}"#), "as it was written: {text}");
    service.patch(&path, json!({"name": "n"})).await.json();
    assert_eq!(service.get(&shown).await.json()["filter"]["object_id"], json!([1.5]), "it stays");
    let entry = &service.get(&format!("{path}/audit")).await.json()[1];
    assert_eq!(entry["changes"]["filter"][1], json!(r#"{"object_id":[ 1.50 ]}"#));
    for clearing in [json!(null), json!("")] {
        service.patch(&path, json!({"filter": filter})).await.json();
        service.patch(&path, json!({"filter": clearing})).await.json();
        assert_eq!(service.get(&shown).await.json()["filter"], json!(null));
    }
}

async fn a_filter_is_refused_with_the_place_of_the_fault(service: ServiceFixture) {
    let path = service.webhook_path(json!({})).await;
    let long = json!({"event": ["x".repeat(4096)]});
    for (filter, sentence) in [
        (json!([]), "Filter must be an object of fields"),
        (json!("event"), "Filter must be an object of fields"),
        (json!({}), "Filter must name at least one field"),
        (json!({"event": "a"}), r#"Filter at event: must be a list of conditions, such as ["a"]"#),
        (json!({"payload": {"a": [{"exists": 1}]}}), r#"Filter at payload.a: "exists" takes true or false"#),
        (long, "Filter is too long (maximum is 4096 bytes)"),
    ] {
        service.patch(&path, json!({ "filter": filter })).await.is_invalid(&[("filter", sentence)]);
    }
}

async fn an_event_that_a_filter_keeps_out_makes_no_message_and_no_record(service: ServiceFixture) {
    let filter = urgent();
    service.webhook(json!({"event": "*", "filter": filter})).await;
    service.webhook(json!({"event": "*", "filter": filter, "disabled": true})).await;
    for (id, payload, matched, skipped) in [
        ("low", r#"{"priority":2.4999999999999999999999999,"tags":"a"}"#, 0, 0),
        ("other", r#"{"priority":3,"tags":["c"]}"#, 0, 0),
        ("high", r#"{"priority":2.5000000000000000000000001,"tags":["c","bc"]}"#, 1, 1),
    ] {
        let event = format!(r#"{{"id":"{id}","event":"request.create","object_id":1,"payload":{payload}}}"#);
        assert_eq!(service.post("/v1/events", event).await.status, 202);
        let state = service.until(&format!("/v1/events/{id}"), |state| !state["matched"].is_null()).await;
        assert_eq!((&state["matched"], &state["skipped"]), (&json!(matched), &json!(skipped)), "{id}");
    }
    for (id, has_records) in [("high", true), ("low", false), ("other", false)] {
        let list = format!("/v1/webhook_deliveries?event_id={id}");
        let records = service.until(&list, |records| has_records != (records == &json!([]))).await;
        assert_eq!(records != json!([]), has_records, "{id}: {records}");
    }
}

async fn explain_names_the_condition_that_failed_and_the_value(service: ServiceFixture) {
    let filter = urgent();
    let webhook = service.webhook(json!({"filter": filter})).await;
    let event = json!({"event": "request.create", "object_id": 1, "payload": {"priority": 1, "tags": "a"}});
    let lines = service.post("/v1/events/explain", &event).await.json();
    let mismatch = json!({"field": "payload.priority", "expected": r#"[{"numeric":[">=",2.5]}]"#, "found": "1"});
    assert_eq!((&lines[0]["why"], &lines[0]["mismatch"]), (&json!("filtered"), &mismatch));
    let publisher = service.role("publisher").await;
    let lines = service.post("/v1/events/explain", &event).by(&publisher.secret).await.json();
    assert_eq!(lines, json!([{"webhook": {"id": webhook["id"]}, "matches": false, "why": "filtered"}]));
}
