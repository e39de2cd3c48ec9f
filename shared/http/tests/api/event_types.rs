//! An account's own event types, and `POST /events/explain` (section 4).

use hookline_core::settings::{CoreSettings, VerificationMode};
use serde_json::{Value, json};

use crate::fixture::ApiFixture;

async fn create(api: &ApiFixture, name: &str) -> Value {
    api.call("POST", "/v1/event_types", Some(json!({ "name": name }))).await.json(201)
}

#[tokio::test]
async fn own_types_are_created_listed_and_deleted() {
    let api = ApiFixture::with(CoreSettings { max_event_types: 3, ..CoreSettings::default() }).await;
    let created = create(&api, "order.paid").await;
    let node_id = hookline_core::values::node_id::encode("hookline", "EventType", 1);
    assert_eq!(
        (&created["id"], &created["name"], &created["nodeID"]),
        (&json!(1), &json!("order.paid"), &json!(node_id))
    );
    create(&api, "ci_build").await;
    create(&api, "order.json").await;
    let problems =
        async |name: Value| api.call("POST", "/v1/event_types", Some(json!({ "name": name }))).await.problems();
    assert_eq!(problems(Value::Null).await, ["Name can't be blank"]);
    for bad in ["Order.paid", "order.", "a.b.c", "a b", "order.*", "*"] {
        assert_eq!(problems(json!(bad)).await, ["Name is invalid"], "{bad}");
    }
    for taken in ["webhook.verify", "request.create", "order.paid"] {
        assert_eq!(problems(json!(taken)).await, ["Name is not allowed"], "{taken}");
    }
    assert_eq!(problems(json!("one.more")).await, ["Event types has reached its limit of 3"]);

    let listed = api.call_as(&api.auditor, "GET", "/v1/event_types?per_page=2", None).await;
    let names: Vec<Value> = listed.json(200).as_array().unwrap().iter().map(|one| one["name"].clone()).collect();
    assert_eq!(names, ["ci_build", "order.json"]);
    assert_eq!(listed.header("x-pagination-total-entries"), Some("3"));
    let others = api.call_as(&api.stranger, "GET", "/v1/event_types", None).await.json(200);
    assert_eq!(others, json!([]));
    let delete = async |token: &str, id: &str| {
        api.call_as(token, "DELETE", &format!("/v1/event_types/{id}"), None).await.status.as_u16()
    };
    assert_eq!(delete(&api.stranger, "1").await, 404);
    assert_eq!(delete(&api.auditor, "1").await, 403);
    assert_eq!(delete(&api.administrator, &node_id).await, 204);
    assert_eq!(delete(&api.administrator, "order.paid").await, 404);
    assert_eq!(delete(&api.administrator, "ci_build").await, 204);
    assert_eq!(delete(&api.administrator, "3").await, 204);
    assert_eq!(create(&api, "order.paid").await["id"], 4);
}

#[tokio::test]
async fn an_own_type_is_published_subscribed_to_and_tested() {
    let api = ApiFixture::start().await;
    let input = |event: &str| Some(json!({"event": event, "uri": "https://hooks.example.com/in"}));
    let event = |event: &str| Some(json!({"event": event, "object_id": 1}));
    let refused = api.call("POST", "/v1/webhooks", input("order.paid")).await.problems();
    assert_eq!(refused, ["Event is not included in the list"]);
    let refused = api.call("POST", "/v1/events", event("order.paid")).await.problems();
    assert_eq!(refused, ["Event is not included in the list"]);
    let pattern = api.call("POST", "/v1/webhooks", input("order.*")).await.json(200)["id"].clone();
    let test = format!("/v1/webhooks/{pattern}/test");
    assert_eq!(api.call("POST", &test, None).await.problems(), ["Event is not included in the list"]);

    create(&api, "order.sent").await;
    create(&api, "order.paid").await;
    let exact = api.call("POST", "/v1/webhooks", input("order.paid")).await.json(200)["id"].clone();
    let batch = json!([
        {"event": "order.paid", "object_id": 1},
        {"event": "order.lost", "object_id": 2},
        {"event": "request.create", "object_id": 3},
    ]);
    let published = api.call("POST", "/v1/events", Some(batch)).await.json(202);
    assert_eq!(published[1]["errors"], json!([["event", "Event is not included in the list"]]));
    let got = api.endpoint.wait_for(2).await;
    let mut ids: Vec<Value> = got.iter().map(|message| message.body["webhook_id"].clone()).collect();
    ids.sort_by_key(Value::as_u64);
    assert_eq!(ids, [pattern.clone(), exact.clone()]);
    assert!(got.iter().all(|message| message.body["event"] == "order.paid"));
    assert_eq!(api.call("POST", &test, None).await.status, 204);
    assert_eq!(api.endpoint.wait_for(3).await[2].body["event"], "order.paid");
    let everything = api.webhook().await;
    assert_eq!(api.call("POST", &format!("/v1/webhooks/{everything}/test"), None).await.status, 204);
    assert_eq!(api.endpoint.wait_for(4).await[3].body["event"], "broadcast.create");

    // A webhook outlives the type that it waits for, and can still be changed.
    for name in ["order.paid", "order.sent"] {
        assert_eq!(api.call("DELETE", &format!("/v1/event_types/{name}"), None).await.status, 204);
    }
    api.call("POST", "/v1/events", event("order.paid")).await.problems();
    api.call("PATCH", &format!("/v1/webhooks/{exact}"), Some(json!({"name": "n"}))).await.json(200);
    let stranger = api.call_as(&api.stranger, "POST", "/v1/events", event("order.paid")).await;
    assert_eq!(stranger.problems(), ["Event is not included in the list"]);
}

#[tokio::test]
async fn explain_tells_of_every_webhook_why_it_would_get_an_event() {
    let settings = CoreSettings { verification: VerificationMode::Required, ..CoreSettings::default() };
    let api = ApiFixture::with(settings).await;
    let create = async |event: &str, uri: &str, disabled: bool| {
        let input = json!({"event": event, "uri": uri, "disabled": disabled, "name": event});
        api.call("POST", "/v1/webhooks", Some(input)).await.json(200)["id"].as_u64().unwrap()
    };
    let first = create("request.create", "https://a.example/", false).await;
    let asked = api.endpoint.wait_for(1).await.remove(0);
    let callback = asked.body["payload"]["callback"].as_str().unwrap().to_owned();
    assert_eq!(api.visit("GET", &callback).await.status, 200);
    create("request.*", "https://b.example/", false).await;
    create("*", "https://a.example/", true).await;
    create("risk.create", "https://a.example/", false).await;
    create("automation_rule", "https://a.example/", false).await;
    let before = api.endpoint.wait_for(2).await.len();

    let explain = async |token: &str, event: Value| api.call_as(token, "POST", "/v1/events/explain", Some(event)).await;
    let why = |lines: &Value| -> Vec<String> {
        lines.as_array().unwrap().iter().map(|line| line["why"].as_str().unwrap().to_owned()).collect()
    };
    let event = json!({"event": "request.create", "object_id": 1});
    let lines = explain(&api.auditor, event.clone()).await.json(200);
    assert_eq!(why(&lines), ["matches", "unverified", "disabled", "other event", "other event"]);
    assert_eq!(lines[0]["webhook"]["id"], json!(first));
    assert_eq!(lines[2]["webhook"]["disabled"], json!(true));
    let matches: Vec<bool> = lines.as_array().unwrap().iter().map(|line| line["matches"] == true).collect();
    assert_eq!(matches, [true, false, false, false, false]);
    let rule = json!({"event": "automation_rule", "object_id": 1, "webhook": "nobody"});
    let lines = explain(&api.administrator, rule).await.json(200);
    assert_eq!(why(&lines)[4], "not named");

    let lines = explain(&api.publisher, event.clone()).await.json(200);
    assert_eq!(lines[0], json!({"webhook": {"id": first}, "matches": true, "why": "matches"}));
    assert_eq!(explain(&api.stranger, event).await.json(200), json!([]));
    let named = json!({"event": "request.create", "object_id": 1, "account_id": "other"});
    assert_eq!(explain(&api.administrator, named).await.status, 403);
    assert_eq!(explain(&api.administrator, json!({"event": "nope"})).await.problems().len(), 2);
    assert_eq!(explain(&api.administrator, json!([])).await.status, 422);
    assert_eq!(api.endpoint.got().len(), before, "explaining sends nothing");
}

#[tokio::test]
async fn a_webhook_cannot_feed_itself() {
    let api = ApiFixture::start().await;
    for name in ["X-4me-Delivery", "X-Xurrent-Delivery"] {
        let request = http::Request::post("/v1/events")
            .header("authorization", format!("Bearer {}", api.publisher))
            .header(name, "2f6cbe1e-0000-8000-8000-000000000000")
            .body(json!({"event": "request.create", "object_id": 1}).to_string().into())
            .unwrap();
        assert_eq!(api.send(request).await.json(508)["message"], "Loop Detected");
    }
}
