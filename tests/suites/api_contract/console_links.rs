//! Console links (section 13).

use serde_json::{Value, json};

use crate::call::Reply;
use crate::fixture::ServiceFixture;

on_every_target!(a_link_gives_a_token_once, a_link_for_one_webhook_opens_nothing_else);

async fn code(service: &ServiceFixture, fields: Value) -> String {
    let reply = service.post("/v1/console_links", fields).await;
    assert_eq!(reply.status, 201, "{reply:?}");
    let url = reply.json()["url"].as_str().expect("a URL").to_owned();
    let (page, code) = url.split_once("#code=").expect("a code");
    assert_eq!(page, format!("{}/console", service.target.public_url()));
    code.to_owned()
}

async fn redeem(service: &ServiceFixture, code: &str) -> Reply {
    service.post("/v1/console_links/redeem", json!({ "code": code })).by_nobody().await
}

async fn a_link_gives_a_token_once(service: ServiceFixture) {
    let code = code(&service, json!({"role": "auditor", "minutes": 5})).await;
    let given = redeem(&service, &code).await;
    assert_eq!(given.status, 200, "{given:?}");
    let given = given.json();
    assert_eq!((&given["expires_in"], &given["role"]), (&json!(300), &json!("auditor")));
    redeem(&service, &code).await.is(400, r#"{"error":"invalid_grant"}"#);
    redeem(&service, "wdc.none").await.is(400, r#"{"error":"invalid_grant"}"#);
    let token = given["access_token"].as_str().expect("a token");
    assert_eq!(service.get("/v1/webhooks").by(token).await.status, 200);
    service.post("/v1/console_links", json!({"role": "auditor"})).by(token).await.refuses(403, "Forbidden");
    let administrator = service.role("administrator").await;
    let made = service.post("/v1/console_links", json!({"role": "publisher"})).by(&administrator.secret).await.json();
    let other = made["url"].as_str().and_then(|url| url.split_once("#code=")).expect("a code").1.to_owned();
    let other = redeem(&service, &other).await.json()["access_token"].as_str().expect("a token").to_owned();
    assert_eq!(service.get("/v1/events/none").by(&other).await.status, 404);
    service.target.revoke_token(administrator.id).await;
    service.get("/v1/events/none").by(&other).await.refuses(401, "Unauthorized");
}

async fn a_link_for_one_webhook_opens_nothing_else(service: ServiceFixture) {
    let (own, other) = (service.webhook(json!({})).await, service.webhook(json!({})).await);
    let code = code(&service, json!({"role": "administrator", "webhook_id": own["id"]})).await;
    let given = redeem(&service, &code).await.json();
    assert_eq!(given["webhook_id"], own["id"]);
    let token = given["access_token"].as_str().expect("a token");
    let path = format!("/v1/webhooks/{}", own["id"]);
    assert_eq!(service.get(&path).by(token).await.json()["id"], own["id"]);
    assert_eq!(service.patch(&path, json!({"name": "mine"})).by(token).await.status, 200);
    assert_eq!(service.get(&format!("{path}/deliveries")).by(token).await.status, 200);
    for path in ["/v1/webhooks", "/v1/webhook_policies", "/v1/webhook_deliveries", "/v1/events/x", "/v1/endpoint_hosts"]
    {
        service.get(path).by(token).await.refuses(404, "Not Found");
    }
    service.get(&format!("/v1/webhooks/{}", other["id"])).by(token).await.refuses(404, "Not Found");
    service.get(&format!("/v1/webhooks/{}/deliveries", other["id"])).by(token).await.refuses(404, "Not Found");
    service.post("/v1/events", json!({"event": "request.create"})).by(token).await.refuses(404, "Not Found");
    service.post("/v1/console_links", json!({"role": "auditor"})).by(token).await.refuses(404, "Not Found");
}
