//! The messages of webhooks are refused on every route that changes or sends something (section 4).

use axum::body::Body;
use http::Request;
use serde_json::Value;

use crate::fixture::ApiFixture;

#[tokio::test]
async fn a_webhook_cannot_call_the_api() {
    let api = ApiFixture::start().await;
    let webhook = api.webhook().await;
    let document: Value = serde_json::from_str(&hookline_http::openapi()).unwrap();
    let bearer = format!("Bearer {}", api.administrator);
    for (path, methods) in document["paths"].as_object().unwrap() {
        let url = format!("/v1{}", path.replace("{id}", &webhook.to_string()).replace("{name}", "x"));
        for method in methods.as_object().unwrap().keys() {
            for header in ["X-4me-Delivery", "X-Xurrent-Delivery"] {
                let request = Request::builder().method(method.to_uppercase().as_str()).uri(&url);
                let request = request.header("authorization", &bearer).header(header, "x");
                let reply = api.send(request.body(Body::from("{}")).unwrap()).await;
                let changes = method != "get" || path.ends_with("/verify");
                assert_eq!(reply.status == 508, changes, "{method} {path}: {}", reply.status);
                if changes {
                    assert_eq!(reply.body, br#"{"message":"Loop Detected"}"#);
                }
            }
        }
    }
    assert_eq!(api.call("GET", &format!("/v1/webhooks/{webhook}"), None).await.status, 200, "nothing was changed");
    assert!(api.endpoint.got().is_empty(), "nothing was sent");
}
