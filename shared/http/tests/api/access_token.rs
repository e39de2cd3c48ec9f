//! `POST /token` (section 2).

use std::time::Duration;

use axum::body::Body;
use http::Request;
use serde_json::{Value, json};

use crate::fixture::{ApiFixture, Reply};

/// Asks for an access token with a form.
async fn ask(api: &ApiFixture, path: &str, id: &str, secret: &str) -> Reply {
    let form = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
    let request = Request::post(path).header("content-type", "application/x-www-form-urlencoded");
    api.send(request.body(form.into()).unwrap()).await
}

async fn status(api: &ApiFixture, token: &str, path: &str) -> u16 {
    api.call_as(token, "GET", path, None).await.status.as_u16()
}

#[tokio::test]
async fn an_access_token_works_for_an_hour_in_its_clients_role() {
    let api = ApiFixture::start().await;
    let id = api.id_of(&api.auditor).await;
    let given = ask(&api, "/token", &id, &api.auditor).await;
    assert_eq!(given.header("cache-control"), Some("no-store"));
    let given = given.json(200);
    assert_eq!((&given["token_type"], &given["expires_in"]), (&json!("Bearer"), &json!(3600)));
    let token = given["access_token"].as_str().unwrap().to_owned();
    assert!(token.starts_with("hl_") && token.len() == 46 && token != api.auditor);
    assert_eq!(status(&api, &token, "/v1/webhooks").await, 200);
    let input = json!({"event": "*", "uri": "https://a.example/"});
    assert_eq!(api.call_as(&token, "POST", "/v1/webhooks", Some(input)).await.status, 403);
    api.clock.forward(Duration::from_mins(59));
    assert_eq!(status(&api, &token, "/v1/webhooks").await, 200);
    api.clock.forward(Duration::from_secs(61));
    assert_eq!(status(&api, &token, "/v1/webhooks").await, 401);

    let body = json!({"grant_type": "client_credentials", "client_id": id, "client_secret": api.auditor});
    let request = Request::post("/a/wdc/v1/token").body(body.to_string().into()).unwrap();
    api.send(request).await.json(200);
}

#[tokio::test]
async fn it_goes_with_its_client_and_counts_as_its_calls() {
    let api = ApiFixture::start().await;
    let id = api.id_of(&api.administrator).await;
    let given = ask(&api, "/v1/token", &id, &api.administrator).await.json(200);
    let token = given["access_token"].as_str().unwrap();
    let left = |reply: Reply| reply.header("x-ratelimit-remaining").unwrap().parse::<u32>().unwrap();
    let first = left(api.call("GET", "/v1/webhooks", None).await);
    assert_eq!(left(api.call_as(token, "GET", "/v1/webhooks", None).await), first - 1);

    let own_id = api.id_of(token).await;
    let again = ask(&api, "/v1/token", &own_id, token).await.json(400);
    assert_eq!(again, json!({"error": "invalid_client"}), "an access token is no client");
    api.revoke(&id).await;
    assert_eq!(status(&api, token, "/v1/webhooks").await, 401);
}

#[tokio::test]
async fn only_clients_get_access_tokens() {
    let api = ApiFixture::start().await;
    let id = api.id_of(&api.publisher).await;
    let error = |reply: &Reply| reply.json(400)["error"].clone();
    for (id, secret) in [
        (id.as_str(), api.auditor.as_str()),
        (id.as_str(), "hl_nothing"),
        ("2f6cbe1e-0000-4000-8000-000000000000", api.publisher.as_str()),
        ("x", api.publisher.as_str()),
    ] {
        assert_eq!(error(&ask(&api, "/token", id, secret).await), "invalid_client", "{id}");
    }
    let elsewhere = ask(&api, "/a/other/token", &id, &api.publisher).await;
    assert_eq!(error(&elsewhere), "invalid_client");
    let query = format!("?grant_type=client_credentials&client_id={id}&client_secret={}", api.publisher);
    let in_query = api.visit("POST", &format!("/token{query}")).await;
    assert_eq!(error(&in_query), "invalid_request");
    assert_eq!(api.visit("GET", &format!("/token{query}")).await.status, 405);
    let other_grant = json!({"grant_type": "password", "client_id": id, "client_secret": api.publisher});
    let request = Request::post("/token").body(other_grant.to_string().into()).unwrap();
    assert_eq!(error(&api.send(request).await), "unsupported_grant_type");
    let text: Value = ask(&api, "/token", &id, &api.publisher).await.json(200);
    assert!(text["access_token"].is_string());
}

#[tokio::test]
async fn attempts_are_limited_per_source_address() {
    let api = ApiFixture::limited(hookline_core::settings::CoreSettings::default(), 5).await;
    for _ in 0..5 {
        ask(&api, "/token", "x", "y").await.json(400);
    }
    assert!(ask(&api, "/token", "x", "y").await.header("retry-after").is_some());
    let get = |path| api.send(Request::get(path).body(Body::empty()).unwrap());
    assert_eq!(get("/v1").await.status, 429);
    // A supervisor behind the same address learns how the process is all the same.
    for path in ["/healthz", "/readyz"].repeat(6) {
        assert_eq!(get(path).await.status, 200, "{path}");
    }
}
