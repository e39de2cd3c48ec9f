//! `GET /webhooks/:id/audit`.

use serde_json::json;

use crate::fixture::ApiFixture;

#[tokio::test]
async fn every_change_by_an_administrator_is_told_newest_first() {
    let api = ApiFixture::start().await;
    let input = json!({
        "event": "problem.create",
        "uri": "https://ada:canary@a.example/",
        "headers": {"X-Key": "canary"},
        "source": "s",
    });
    let id = api.call("POST", "/v1/webhooks", Some(input)).await.json(200)["id"].clone();
    let path = format!("/v1/webhooks/{id}");
    let same = json!({"name": "problem.create", "headers": {"X-Key": "***"}});
    api.call("PATCH", &path, Some(same)).await.json(200);
    api.call("PUT", &path, Some(json!({"name": "new", "headers": {"X-Key": "canary2"}}))).await.json(200);
    api.call("GET", &format!("{path}/secret"), None).await.json(200);
    api.call("POST", &format!("{path}/secret/rotate"), None).await.json(200);
    assert_eq!(api.call("DELETE", &path, None).await.status, 204);

    let reply = api.call("GET", &format!("{path}/audit"), None).await;
    let entries = reply.json(200);
    assert!(!entries.to_string().contains("canary") && !entries.to_string().contains("whsec_"), "{entries}");
    assert_eq!(reply.header("x-pagination-total-entries"), Some("5"));
    let shown: Vec<_> = entries.as_array().unwrap().iter().map(|entry| (&entry["action"], &entry["changes"])).collect();
    assert_eq!((shown[0].0, &shown[0].1["uri"]), (&json!("destroy"), &json!(["https://ada:***@a.example/", null])));
    assert_eq!(shown[1], (&json!("update"), &json!({"secret": ["changed", "changed"]})));
    assert_eq!(shown[2], (&json!("read"), &json!({})));
    let headers = json!([{"X-Key": "changed"}, {"X-Key": "changed"}]);
    assert_eq!(shown[3], (&json!("update"), &json!({"name": ["problem.create", "new"], "headers": headers})));
    assert_eq!((shown[4].0, &shown[4].1["source"]), (&json!("create"), &json!([null, "s"])));
    let node_id = hookline_core::values::node_id::encode("hookline", "Person", 3);
    for entry in entries.as_array().unwrap() {
        assert_eq!(entry["created_by"], json!({"id": 3, "name": "Ada", "nodeID": node_id}));
        assert!(entry["id"].is_u64() && entry["created_at"].as_str().unwrap().ends_with("+00:00"), "{entry}");
    }
}

#[tokio::test]
async fn the_trail_is_listed_like_other_lists() {
    let api = ApiFixture::start().await;
    let id = api.webhook().await;
    for name in ["b", "c"] {
        api.call("PATCH", &format!("/v1/webhooks/{id}"), Some(json!({ "name": name }))).await.json(200);
    }
    let path = format!("/v1/webhooks/{id}/audit");
    let reply = api.call_as(&api.auditor, "GET", &format!("{path}?per_page=2"), None).await;
    assert_eq!(reply.json(200).as_array().unwrap().len(), 2);
    let next = reply.header("link").unwrap().split(['<', '>']).nth(1).unwrap();
    let next = next.strip_prefix("http://127.0.0.1:8080").unwrap().to_owned();
    let reply = api.call("GET", &next, None).await;
    assert_eq!(reply.json(200)[0]["action"], "create");
    assert_eq!(reply.header("x-pagination-current-page"), Some("2"));

    let count =
        async |query: &str| api.call("GET", &format!("{path}?{query}"), None).await.json(200).as_array().unwrap().len();
    assert_eq!((count("action=update").await, count("action=destroy").await), (2, 0));
    let oldest = api.call("GET", &format!("{path}?sort=created_at&fields=action"), None).await.json(200);
    assert_eq!(oldest[0].as_object().unwrap().keys().collect::<Vec<_>>(), ["action", "id"]);
    assert_eq!(oldest[0]["action"], "create");
    let refused = api.call("GET", &format!("{path}?changes=x"), None).await.json(400);
    assert_eq!(refused["message"], "Filtering not allowed on fields: changes");
}

#[tokio::test]
async fn the_trail_of_others_is_not_found() {
    let api = ApiFixture::start().await;
    let id = api.webhook().await;
    let path = format!("/v1/webhooks/{id}/audit");
    assert_eq!(api.call_as(&api.stranger, "GET", &path, None).await.status, 404);
    assert_eq!(api.call_as(&api.publisher, "GET", &path, None).await.status, 403);
    assert_eq!(api.call("GET", "/v1/webhooks/999/audit", None).await.status, 404);
    assert_eq!(api.call("GET", "/v1/webhooks/x/audit", None).await.status, 404);
}
