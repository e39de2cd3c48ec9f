//! What describes own event types (section 14, *Catalogue*): kept as it was given, changed without losing the type, and
//! checked at publishing.

use serde_json::{Value, json};

use crate::fixture::ServiceFixture;

on_every_target!(
    a_type_is_described_changed_and_shown_as_it_was_given,
    a_fault_is_refused_with_its_place,
    payloads_are_checked_as_the_type_says,
    the_document_describes_the_messages_of_the_account,
);

/// A type whose payload needs a `total` of at least 0.
async fn order(service: &ServiceFixture, mode: &str) -> Value {
    let schema =
        json!({"type": "object", "required": ["total"], "properties": {"total": {"type": "number", "minimum": 0}}});
    let fields =
        json!({"name": "order.paid", "description": "An order was paid.", "schema": schema, "schema_mode": mode});
    service.post("/v1/event_types", fields).await.json()
}

async fn a_type_is_described_changed_and_shown_as_it_was_given(service: ServiceFixture) {
    let made = order(&service, "off").await;
    let path = format!("/v1/event_types/{}", made["id"]);
    let example = r#"{"total": 1.50, "b":1.0e5,"a":"Ж"}"#;
    let changed = service.patch(&path, format!(r#"{{"example":{example},"description":null}}"#)).await;
    assert!(changed.text().contains(&format!(r#""example":{example}"#)), "{}", changed.text());
    let tag = changed.header("etag").expect("a tag").to_owned();
    for path in [&path, "/v1/event_types/order.paid"] {
        let shown = service.get(path).await;
        assert_eq!((shown.text(), shown.header("etag")), (changed.text(), Some(&*tag)));
        assert!(shown.text().contains(r#""description":null"#));
        assert_eq!(service.get(path).with("if-none-match", &tag).await.status, 304);
    }
    service.patch(&path, json!({"description": "d"})).with("if-match", &tag).await.json();
    service.patch(&path, json!({"description": "e"})).with("if-match", &tag).await.refuses(412, "Precondition Failed");
    let listed = service.get("/v1/event_types?fields=description,schema_mode,schema").await.json();
    assert_eq!(listed, json!([{"id": made["id"], "nodeID": made["nodeID"], "description": "d", "schema_mode": "off"}]));
    assert_eq!(service.delete(&path).await.status, 204);
    service.get(&path).await.refuses(404, "Not Found");
    service.patch(&path, json!({"description": "e"})).await.refuses(404, "Not Found");
}

async fn a_fault_is_refused_with_its_place(service: ServiceFixture) {
    let path = format!("/v1/event_types/{}", order(&service, "enforce").await["id"]);
    for (fields, field, sentence) in [
        (
            json!({"schema": {"items": {"type": "text"}}}),
            "schema",
            "Schema at /items/type: must be one or several of null, boolean, integer, number, string, array, object",
        ),
        (
            json!({"schema": {"pattern": "(?=a)"}}),
            "schema",
            "Schema at /pattern: is not a regular expression that takes linear time: look-around is not supported",
        ),
        (json!({"schema": {"$ref": "#"}}), "schema", "Schema applies itself to the same value, and never ends"),
        (json!({"example": {"total": "1"}}), "example", "Example at /total: must be of type number"),
        (json!({"schema": null}), "schema_mode", "Schema mode needs a schema"),
        (json!({"schema_mode": "never"}), "schema_mode", "Schema mode is not included in the list"),
        (json!({"name": "order.sent"}), "name", "Name can't be changed"),
    ] {
        service.patch(&path, fields).await.is_invalid(&[(field, sentence)]);
    }
}

async fn payloads_are_checked_as_the_type_says(service: ServiceFixture) {
    let path = format!("/v1/event_types/{}", order(&service, "enforce").await["id"]);
    let event = |total: i32| json!({"event": "order.paid", "object_id": 1, "payload": {"total": total}});
    let sentence = "Payload at /total: must be at least 0";
    service.post("/v1/events", event(-1)).await.is_invalid(&[("payload", sentence)]);
    service.post("/v1/events/explain", event(-1)).await.is_invalid(&[("payload", sentence)]);
    let results = service.post("/v1/events", json!([event(1), event(-1)])).await;
    assert_eq!(results.status, 202);
    let results = results.json();
    assert_eq!((results[0]["id"].is_string(), &results[1]["errors"]), (true, &json!([["payload", sentence]])));
    for (mode, warnings) in [("warn", Some(json!([["payload", sentence]]))), ("off", None)] {
        service.patch(&path, json!({"schema_mode": mode})).await.json();
        let accepted = service.post("/v1/events", event(-1)).await;
        assert_eq!(accepted.status, 202);
        assert_eq!(accepted.json().get("warnings"), warnings.as_ref(), "{mode}");
    }
    service.patch(&path, json!({"schema_mode": "enforce", "schema": {"maxProperties": 0}})).await.json();
    let sentence = "Payload must have at most 0 properties";
    service.post("/v1/events", event(1)).await.is_invalid(&[("payload", sentence)]);
}

async fn the_document_describes_the_messages_of_the_account(service: ServiceFixture) {
    order(&service, "off").await;
    let path = "/v1/openapi.json";
    let public = service.get(path).by_nobody().await.json();
    assert_eq!(public["webhooks"].as_object().map(serde_json::Map::len), Some(1));
    let own = service.get(path).await;
    assert_eq!(own.header("vary"), Some("Authorization"));
    let own = own.json();
    assert_eq!(own["webhooks"].as_object().map(serde_json::Map::len), Some(78));
    let message = &own["components"]["schemas"]["OrderPaidMessage"]["properties"];
    assert_eq!(message["payload"], json!({"$ref": "#/components/schemas/OrderPaidPayload"}));
    let stranger = service.account("stranger").await;
    let theirs = service.get(path).by(&stranger).await.json();
    assert_eq!(theirs["webhooks"].as_object().map(serde_json::Map::len), Some(77));
    assert_eq!(service.get(path).by("hl_wrong").await.status, 401);
}
