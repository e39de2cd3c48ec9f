//! What describes an account's own event types: description, schema, example and mode (section 14, *Catalogue*).

use serde_json::{Value, json};

use crate::fixture::ApiFixture;

fn order() -> Value {
    json!({
        "type": "object",
        "required": ["total"],
        "properties": {"total": {"type": "number", "minimum": 0}, "lines": {"type": "array", "items": {"$ref": "#/$defs/line"}}},
        "$defs": {"line": {"type": "object", "properties": {"sku": {"type": "string", "maxLength": 3}}}},
    })
}

async fn create(api: &ApiFixture, fields: Value) -> Value {
    api.call("POST", "/v1/event_types", Some(fields)).await.json(201)
}

#[tokio::test]
async fn a_type_is_described_shown_and_changed() {
    let api = ApiFixture::start().await;
    let made = create(&api, json!({"name": "order.sent"})).await;
    assert_eq!(
        (&made["description"], &made["schema"], &made["example"], &made["schema_mode"]),
        (&Value::Null, &Value::Null, &Value::Null, &json!("off"))
    );
    let fields = json!({"name": "order.paid", "description": "An order was paid.", "schema": order(),
        "example": {"total": 1, "lines": []}, "schema_mode": "enforce"});
    let made = create(&api, fields.clone()).await;
    for (name, value) in fields.as_object().unwrap() {
        assert_eq!(&made[name], value, "{name}");
    }
    let path = format!("/v1/event_types/{}", made["id"]);
    for path in
        [path.as_str(), "/v1/event_types/order.paid", &format!("/v1/event_types/{}", made["nodeID"].as_str().unwrap())]
    {
        let shown = api.call_as(&api.auditor, "GET", path, None).await;
        assert_eq!(shown.json(200), made, "{path}");
        assert_eq!(api.call_as(&api.stranger, "GET", path, None).await.status, 404);
    }
    let listed = api.call("GET", "/v1/event_types", None).await.json(200);
    assert_eq!(listed[0]["description"], "An order was paid.");
    assert_eq!(
        (&listed[0]["schema_mode"], listed[0].get("schema"), listed[1].get("description")),
        (&json!("enforce"), None, None)
    );

    let change = async |fields: Value| api.call("PATCH", &path, Some(fields)).await;
    let changed =
        change(json!({"description": null, "schema_mode": "warn", "example": {"total": 2.50}})).await.json(200);
    assert_eq!(
        (&changed["description"], &changed["schema_mode"], &changed["schema"]),
        (&Value::Null, &json!("warn"), &order())
    );
    assert_eq!(changed["example"], json!({"total": 2.50}));
    assert_eq!(change(json!({"name": "order.paid"})).await.json(200), changed, "nothing changed");
    assert_eq!(api.call_as(&api.auditor, "PATCH", &path, Some(json!({}))).await.status, 403);
    assert_eq!(api.call("PATCH", "/v1/event_types/none", Some(json!({}))).await.status, 404);
    let cleared = change(json!({"schema": null, "example": null, "schema_mode": null})).await.json(200);
    assert_eq!(
        (&cleared["schema"], &cleared["example"], &cleared["schema_mode"]),
        (&Value::Null, &Value::Null, &json!("off"))
    );
}

#[tokio::test]
async fn two_changes_of_one_type_lose_nothing() {
    let api = ApiFixture::start().await;
    create(&api, json!({"name": "order.paid"})).await;
    let seen = api.call("GET", "/v1/event_types/order.paid", None).await;
    let tag = seen.header("etag").unwrap().to_owned();
    let with = async |method: &str, header: &str, body: Option<Value>| {
        let request = http::Request::builder().method(method).uri("/v1/event_types/order.paid").header(header, &tag);
        let request = request.header("authorization", format!("Bearer {}", api.administrator));
        let body = body.map_or_else(String::new, |body| body.to_string());
        api.send(request.header("content-type", "application/json").body(body.into()).unwrap()).await.status.as_u16()
    };
    assert_eq!(with("GET", "if-none-match", None).await, 304);
    assert_eq!(with("PATCH", "if-match", Some(json!({"description": "one"}))).await, 200);
    assert_eq!(with("PATCH", "if-match", Some(json!({"description": "two"}))).await, 412);
    assert_eq!(with("GET", "if-none-match", None).await, 200);
}

#[tokio::test]
async fn what_is_wrong_is_named_with_its_place() {
    let api = ApiFixture::start().await;
    let problems = async |fields: Value| {
        let mut all = json!({"name": "order.paid"});
        all.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        api.call("POST", "/v1/event_types", Some(all)).await.problems()
    };
    for (fields, what) in [
        (
            json!({"schema": {"type": "strin"}}),
            "Schema at /type: must be one or several of null, boolean, integer, number, string, array, object",
        ),
        (
            json!({"schema": {"$ref": "https://schemas.example/a"}}),
            "Schema at /$ref: must lead to a schema of this document, such as #/$defs/name",
        ),
        (json!({"schema": []}), "Schema must be an object"),
        (json!({"schema": {"title": "x".repeat(65_536)}}), "Schema is too long (maximum is 65536 bytes)"),
        (json!({"schema": order(), "example": {"total": -1}}), "Example at /total: must be at least 0"),
        (json!({"example": [1]}), "Example must be an object"),
        (json!({"example": {"a": "x".repeat(65_536)}}), "Example is too long (maximum is 65536 bytes)"),
        (json!({"schema_mode": "enforce"}), "Schema mode needs a schema"),
        (json!({"schema": order(), "schema_mode": "always"}), "Schema mode is not included in the list"),
        (json!({"schema_mode": []}), "Schema mode is invalid"),
        (json!({"description": {}}), "Description is invalid"),
        (json!({"description": "x".repeat(1001)}), "Description is too long (maximum is 1000 characters)"),
    ] {
        assert_eq!(problems(fields.clone()).await, [what], "{fields}");
    }
    create(&api, json!({"name": "order.paid", "schema": order(), "schema_mode": "warn", "example": {"total": 1}}))
        .await;
    let change = async |fields: Value| api.call("PATCH", "/v1/event_types/order.paid", Some(fields)).await.problems();
    assert_eq!(change(json!({"name": "order.sent"})).await, ["Name can't be changed"]);
    assert_eq!(change(json!({"schema": null})).await, ["Schema mode needs a schema"]);
    assert_eq!(change(json!({"schema": {"required": ["id"]}})).await, ["Example must have the property id"]);
}

#[tokio::test]
async fn events_are_checked_as_their_type_says() {
    let api = ApiFixture::start().await;
    create(&api, json!({"name": "order.paid", "schema": order(), "schema_mode": "enforce"})).await;
    api.webhook().await;
    let event = |payload: Value| json!({"event": "order.paid", "object_id": 1, "payload": payload});
    let publish = async |body: Value| api.call("POST", "/v1/events", Some(body)).await;
    let wrong = event(json!({"total": 1, "lines": [{}, {"sku": "long"}]}));
    let place = "Payload at /lines/1/sku: must have at most 3 characters";
    assert_eq!(publish(wrong.clone()).await.problems(), [place]);
    let explained = api.call("POST", "/v1/events/explain", Some(wrong.clone())).await;
    assert_eq!(explained.problems(), [place]);
    let good = event(json!({"total": 1}));
    let both = publish(json!([good, wrong, {"event": "request.create", "object_id": 2}])).await.json(202);
    assert_eq!((both[0]["id"].is_string(), &both[1]["errors"]), (true, &json!([["payload", place]])));
    assert_eq!(api.endpoint.wait_for(2).await.len(), 2);

    let mode = async |mode: &str| {
        api.call("PATCH", "/v1/event_types/order.paid", Some(json!({"schema_mode": mode}))).await.json(200);
    };
    mode("warn").await;
    let warned = publish(wrong.clone()).await.json(202);
    assert_eq!((warned["id"].is_string(), &warned["warnings"]), (true, &json!([["payload", place]])));
    let warned = publish(json!([wrong, good])).await.json(202);
    assert_eq!((&warned[0]["warnings"], warned[1].get("warnings")), (&json!([["payload", place]]), None));
    mode("off").await;
    assert_eq!(publish(wrong.clone()).await.json(202).get("warnings"), None);
    mode("enforce").await;
    let narrower = json!({"schema": {"maxProperties": 0}});
    api.call("PATCH", "/v1/event_types/order.paid", Some(narrower)).await.json(200);
    assert_eq!(
        publish(good).await.problems(),
        ["Payload must have at most 0 properties"],
        "the new schema counts at once"
    );
}

#[tokio::test]
async fn a_test_sends_the_example() {
    let api = ApiFixture::start().await;
    create(&api, json!({"name": "order.paid", "example": {"b": 1, "a": "Ж"}})).await;
    let test = async |event: &str, count: usize| {
        let input = json!({"event": event, "uri": "https://hooks.example.com/in"});
        let webhook = api.call("POST", "/v1/webhooks", Some(input)).await.json(200)["id"].clone();
        assert_eq!(api.call("POST", &format!("/v1/webhooks/{webhook}/test"), None).await.status, 204);
        api.endpoint.wait_for(count).await[count - 1].body["payload"].clone()
    };
    assert_eq!(test("order.paid", 1).await, json!({"b": 1, "a": "Ж"}));
    assert_eq!(test("order.*", 2).await, json!({"b": 1, "a": "Ж"}));
    assert_eq!(test("request.create", 3).await, json!({}));
}

#[tokio::test]
async fn the_document_describes_the_messages_of_an_account_to_its_tokens() {
    let api = ApiFixture::start().await;
    create(&api, json!({"name": "order.paid", "description": "An order was paid.", "schema": order()})).await;
    let public = api.visit("GET", "/v1/openapi.json").await;
    assert_eq!(String::from_utf8(public.body.clone()).unwrap().trim(), hookline_http::openapi());
    assert_eq!(
        (public.header("vary"), public.header("cache-control")),
        (Some("Authorization"), Some("public, max-age=3600"))
    );
    for token in [&api.administrator, &api.auditor, &api.publisher] {
        let own = api.call_as(token, "GET", "/v1/openapi.json", None).await;
        assert_eq!((own.header("vary"), own.header("cache-control")), (Some("Authorization"), Some("no-store")));
        let own = own.json(200);
        assert_eq!(own["webhooks"].as_object().unwrap().len(), 78);
        assert_eq!(own["webhooks"]["order.paid"]["post"]["description"], "An order was paid.");
        let line = &own["components"]["schemas"]["OrderPaidPayload"]["properties"]["lines"]["items"];
        assert_eq!(line, &json!({"$ref": "#/components/schemas/OrderPaidPayloadLine"}));
        assert_eq!(own["paths"], public.json(200)["paths"]);
    }
    let others = api.call_as(&api.stranger, "GET", "/v1/openapi.json", None).await.json(200);
    assert_eq!(others["webhooks"].as_object().unwrap().len(), 77);
    assert_eq!(api.call_as("hl_wrong", "GET", "/v1/openapi.json", None).await.status, 401);
}
