//! `/console_links` (section 13).

use std::time::Duration;

use axum::body::Body;
use hookline_core::settings::CoreSettings;
use http::Request;
use serde_json::{Value, json};

use crate::fixture::{ApiFixture, Reply, eventually};

/// Makes a link and gives its code.
async fn code(api: &ApiFixture, fields: Value) -> String {
    let link = api.call("POST", "/v1/console_links", Some(fields)).await.json(201);
    let (page, code) = link["url"].as_str().unwrap().split_once("#code=").unwrap();
    assert_eq!(page, "http://127.0.0.1:8080/console");
    code.to_owned()
}

async fn redeem(api: &ApiFixture, path: &str, code: &str) -> Reply {
    let request = Request::post(path).header("content-type", "application/json");
    api.send(request.body(Body::from(json!({ "code": code }).to_string())).unwrap()).await
}

/// The token of a new link.
async fn token(api: &ApiFixture, fields: Value) -> String {
    let given = redeem(api, "/console_links/redeem", &code(api, fields).await).await.json(200);
    given["access_token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_link_is_used_once_within_five_minutes() {
    let api = ApiFixture::start().await;
    let (first, second) = (code(&api, json!({"role": "auditor"})).await, code(&api, json!({"role": "auditor"})).await);
    let elsewhere = redeem(&api, "/a/other/console_links/redeem", &first).await;
    assert_eq!(elsewhere.json(400), json!({"error": "invalid_grant"}));
    let given = redeem(&api, "/a/wdc/v1/console_links/redeem", &first).await;
    assert_eq!(given.header("cache-control"), Some("no-store"));
    let given = given.json(200);
    let expected = json!({"token_type": "Bearer", "expires_in": 3600, "role": "auditor", "webhook_id": null});
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&given[name], value, "{name}");
    }
    let token = given["access_token"].as_str().unwrap();
    assert_eq!(api.call_as(token, "GET", "/v1/webhooks", None).await.status, 200);
    assert_eq!(api.call_as(token, "DELETE", "/v1/webhooks/7", None).await.status, 403);
    assert_eq!(redeem(&api, "/console_links/redeem", &first).await.json(400), json!({"error": "invalid_grant"}));
    assert_eq!(api.call_as(&second, "GET", "/v1/webhooks", None).await.status, 401, "a code is no token");
    api.clock.forward(Duration::from_mins(5));
    assert_eq!(redeem(&api, "/console_links/redeem", &second).await.json(400), json!({"error": "invalid_grant"}));
    api.clock.forward(Duration::from_mins(55));
    assert_eq!(api.call_as(token, "GET", "/v1/webhooks", None).await.status, 401);
}

#[tokio::test]
async fn its_token_goes_with_the_creators_and_makes_no_links() {
    let api = ApiFixture::start().await;
    let token = token(&api, json!({"role": "administrator", "minutes": 1})).await;
    let hook = json!({"event": "request.create", "uri": "https://a.example/"});
    let made = api.call_as(&token, "POST", "/v1/webhooks", Some(hook)).await.json(200);
    let audit = api.call("GET", &format!("/v1/webhooks/{}/audit", made["id"]), None).await.json(200);
    assert_eq!(audit[0]["created_by"]["name"], json!("Ada"), "{audit}");
    let link = json!({"role": "auditor"});
    assert_eq!(api.call_as(&token, "POST", "/v1/console_links", Some(link.clone())).await.status, 403);
    assert_eq!(api.call_as(&api.auditor, "POST", "/v1/console_links", Some(link.clone())).await.status, 403);
    let unused = code(&api, link).await;
    api.revoke(&api.id_of(&api.administrator).await).await;
    assert_eq!(api.call_as(&token, "GET", "/v1/webhooks", None).await.status, 401);
    assert_eq!(redeem(&api, "/console_links/redeem", &unused).await.json(400), json!({"error": "invalid_grant"}));
}

#[tokio::test]
async fn bad_input_is_refused_in_words() {
    let api = ApiFixture::start().await;
    let webhook = api.webhook().await;
    let stranger = json!({"event": "request.create", "uri": "https://a.example/"});
    let stranger = api.call_as(&api.stranger, "POST", "/v1/webhooks", Some(stranger)).await.json(200)["id"].clone();
    for (input, errors) in [
        (json!({}), json!([["role", "Role can't be blank"]])),
        (json!({"role": "owner"}), json!([["role", "Role is not included in the list"]])),
        (
            json!({"role": [], "webhook_id": "x"}),
            json!([["role", "Role is invalid"], ["webhook_id", "Webhook id is invalid"]]),
        ),
        (json!({"role": "auditor", "webhook_id": stranger}), json!([["webhook_id", "Webhook id is invalid"]])),
        (
            json!({"role": "publisher", "webhook_id": webhook}),
            json!([["webhook_id", "Webhook id is not allowed for publishers"]]),
        ),
        (json!({"role": "auditor", "minutes": 0}), json!([["minutes", "Minutes must be between 1 and 60"]])),
        (json!({"role": "auditor", "minutes": 61}), json!([["minutes", "Minutes must be between 1 and 60"]])),
        (json!({"role": "auditor", "minutes": "long"}), json!([["minutes", "Minutes must be between 1 and 60"]])),
    ] {
        assert_eq!(api.call("POST", "/v1/console_links", Some(input)).await.json(422)["errors"], errors);
    }
    for body in ["", "[]", "{}", "{\"code\":null}", "{\"code\":[]}"] {
        let request = Request::post("/console_links/redeem").body(Body::from(body)).unwrap();
        assert_eq!(api.send(request).await.json(400), json!({"error": "invalid_request"}), "{body}");
    }
}

#[tokio::test]
async fn redeeming_is_limited_per_source_address() {
    let api = ApiFixture::limited(CoreSettings::default(), 2).await;
    for _ in 0..2 {
        redeem(&api, "/console_links/redeem", "wdc.x").await.json(400);
    }
    assert_eq!(redeem(&api, "/console_links/redeem", "wdc.x").await.status, 429);
}

/// All routes of the API with the token of a link for one webhook.
#[tokio::test]
async fn a_link_for_one_webhook_opens_nothing_else() {
    let api = ApiFixture::start().await;
    let (own, other) = (api.webhook().await, api.webhook().await);
    let token = token(&api, json!({"role": "administrator", "webhook_id": own})).await;
    let mut ids = Vec::new();
    for webhook in [own, other] {
        let path = format!("/v1/webhooks/{webhook}");
        assert_eq!(api.call("POST", &format!("{path}/test"), None).await.status, 204);
        let delivery = eventually("the record of the test", || async {
            let records = api.call("GET", &format!("{path}/deliveries"), None).await.json(200);
            records[0]["id"].as_str().map(str::to_owned)
        })
        .await;
        let job = api.call("POST", &format!("{path}/redeliver"), Some(json!({}))).await.json(202);
        ids.push([webhook.to_string(), delivery, job["id"].as_str().unwrap().to_owned()]);
    }
    let document: Value = serde_json::from_str(&hookline_http::openapi()).unwrap();
    let mut opened = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            if operation["security"] == json!([]) {
                continue;
            }
            let status = async |[webhook, delivery, job]: &[String; 3]| {
                let id = match path.as_str() {
                    path if path.starts_with("/webhook_deliveries") => delivery,
                    path if path.starts_with("/redeliveries") => job,
                    _ => webhook,
                };
                let url = format!("/v1{}", path.replace("{id}", id).replace("{name}", "x"));
                api.call_as(&token, &method.to_uppercase(), &url, Some(json!({}))).await.status.as_u16()
            };
            assert_eq!(status(&ids[1]).await, 404, "{method} {path} of the other webhook");
            // Deleting it would leave nothing to ask for.
            if method == "delete" || status(&ids[0]).await != 404 {
                opened.push(format!("{method} {path}"));
            }
        }
    }
    opened.retain(|route| {
        !["/webhooks/{id}", "/webhook_deliveries/{id}", "/redeliveries/{id}"].iter().any(|path| route.contains(path))
    });
    opened.retain(|route| !route.starts_with("delete "));
    assert_eq!(opened, [""; 0]);
    for path in ["/webhooks/enabled", "/webhooks/disabled", "/webhooks", "/webhook_deliveries", "/webhooks/x"] {
        assert_eq!(api.call_as(&token, "GET", path, None).await.status, 404, "{path}");
    }
    assert_eq!(api.call_as(&token, "GET", &format!("/v1/webhooks/{own}"), None).await.status, 200);
    assert_eq!(api.call_as(&token, "DELETE", &format!("/v1/webhooks/{own}"), None).await.status, 204);
}
