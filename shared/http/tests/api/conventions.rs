//! What holds for every route (section 2), beyond the contract's own suite.

use hookline_core::settings::CoreSettings;
use http::Request;
use serde_json::json;

use crate::deliveries::{publish, records};
use crate::fixture::{ApiFixture, Reply};

async fn get(api: &ApiFixture, path: &str, tag: &str) -> Reply {
    let request = Request::get(path)
        .header("authorization", format!("Bearer {}", api.administrator))
        .header("if-none-match", tag);
    api.send(request.body(axum::body::Body::empty()).unwrap()).await
}

#[tokio::test]
async fn the_hosts_of_the_service_are_no_accounts_although_the_account_url_matches_them() {
    let settings = CoreSettings {
        public_url: "https://api.example.com".into(),
        account_url: "https://{account}.example.com".into(),
        service_hosts: vec!["oauth.example.com".into()],
        ..CoreSettings::default()
    };
    let api = ApiFixture::with(settings).await;
    let (id, secret) = (api.id_of(&api.administrator).await, api.administrator.clone());
    let status = async |method: &str, path: &str, host: &str, body: &str| {
        let request = Request::builder().method(method).uri(path).header("host", host);
        let request =
            request.header("content-type", "application/json").header("authorization", format!("Bearer {secret}"));
        api.send(request.body(body.to_owned().into()).unwrap()).await.status.as_u16()
    };
    let credentials = json!({"grant_type": "client_credentials", "client_id": id, "client_secret": secret}).to_string();
    for host in ["api.example.com", "api.example.com:443", "OAuth.example.com", "wdc.example.com"] {
        assert_eq!(status("GET", "/v1/webhooks", host, "").await, 200, "{host}");
        assert_eq!(status("POST", "/token", host, &credentials).await, 200, "{host}");
    }
    assert_eq!(status("GET", "/v1/webhooks", "other.example.com", "").await, 404);
    assert_eq!(status("POST", "/token", "other.example.com", &credentials).await, 400);
}

#[tokio::test]
async fn single_records_are_not_sent_twice() {
    let api = ApiFixture::start().await;
    let webhook = api.webhook().await;
    let event = publish(&api).await;
    let record = records(&api, webhook, 1).await.remove(0);
    let since = json!({"since": "2020-01-01T00:00:00Z"});
    let job = api.call("POST", &format!("/v1/webhooks/{webhook}/redeliver"), Some(since)).await.json(202);
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    for path in [
        format!("/v1/webhooks/{webhook}"),
        format!("/v1/events/{event}"),
        format!("/v1/webhook_deliveries/{}", text(&record["id"])),
    ] {
        let first = api.call("GET", &path, None).await;
        let tag = first.header("etag").unwrap_or_else(|| panic!("{path}")).to_owned();
        assert!(first.status == 200 && tag.starts_with("W/"), "{path}");
        let again = get(&api, &path, &tag).await;
        assert_eq!(
            (again.status.as_u16(), again.body.len(), again.header("etag")),
            (304, 0, Some(tag.as_str())),
            "{path}"
        );
        assert_eq!(get(&api, &path, "W/\"x\"").await.status, 200, "{path}");
    }
    let job = format!("/v1/redeliveries/{}", text(&job["id"]));
    assert!(api.call("GET", &job, None).await.header("etag").is_some());
}

#[tokio::test]
async fn an_event_is_found_whatever_is_in_its_id() {
    let api = ApiFixture::start().await;
    for (id, path) in
        [("a/b%!~", "a%2Fb%25!~"), ("x.json", "x.json"), ("y", "y.json"), ("z.json", "z.json.json/"), ("?#", "%3F%23")]
    {
        let event = json!({"id": id, "event": "request.create", "object_id": 1});
        api.call("POST", "/v1/events", Some(event)).await.json(202);
        let found = api.call("GET", &format!("/v1/events/{path}"), None).await.json(200);
        assert_eq!(found["id"], id, "{path}");
    }
    assert_eq!(api.call("GET", "/v1/events/nothing.json", None).await.status, 404);
}

#[tokio::test]
async fn publishing_has_a_rate_where_one_is_set() {
    let api = ApiFixture::with(CoreSettings { publish_rate: 3, ..CoreSettings::default() }).await;
    let event = json!({"event": "request.create", "object_id": 1});
    let batch = json!([event, event, event, event]);
    let post = async |token: &str, body: &serde_json::Value| {
        api.call_as(token, "POST", "/v1/events", Some(body.clone())).await
    };
    post(&api.publisher, &batch).await.json(202);
    let refused = post(&api.administrator, &event).await;
    assert_eq!(refused.header("retry-after"), Some("1"));
    let refused = refused.json(429);
    assert_eq!(refused["message"], "Too Many Requests");
    assert_eq!(refused["errors"], json!([["publish_rate", "Publish rate has reached its limit of 3"]]));
    post(&api.stranger, &event).await.json(202);
    api.clock.forward(std::time::Duration::from_secs(1));
    post(&api.publisher, &event).await.json(202);
}
