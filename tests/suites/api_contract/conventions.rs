//! How the API is reached and spoken to (section 2): paths, methods, ids, types, headers.

use http::Method;
use serde_json::json;

use crate::call::Call;
use crate::fixture::{MAIN, ServiceFixture};

on_every_target!(
    every_route_answers_below_each_url_of_the_service,
    another_accounts_url_is_not_found,
    the_service_itself_needs_no_token,
    a_record_is_named_by_its_id_or_its_node_id,
    put_updates_partially_like_patch,
    bodies_are_json_in_utf_8,
    what_the_caller_reads_is_json,
    absolute_urls_come_from_the_settings_and_never_from_the_request,
    the_requests_own_id_is_not_taken,
    head_is_get_without_a_body,
    timestamps_are_in_the_accounts_time_zone,
);

async fn every_route_answers_below_each_url_of_the_service(service: ServiceFixture) {
    let id = service.webhook(json!({})).await["id"].clone();
    for base in ["", "/v1", &format!("/a/{MAIN}"), &format!("/a/{MAIN}/v1")] {
        for ending in ["", "/", ".json", ".json/"] {
            assert_eq!(service.get(&format!("{base}/webhooks{ending}")).await.ids().len(), 1, "{base} {ending}");
            let one = service.get(&format!("{base}/webhooks/{id}{ending}")).await;
            assert_eq!(one.json()["id"], id, "{base} {ending}");
        }
    }
    for path in ["/v2/webhooks", "/v1/v1/webhooks", "/v1/webhooks.xml", "/webhooks//", "/webhook", "/V1/webhooks"] {
        service.get(path).await.refuses(404, "Not Found");
    }
}

async fn another_accounts_url_is_not_found(service: ServiceFixture) {
    service.account("other").await;
    for account in ["other", "nobody", "WDC", "wd", "wdc2"] {
        let reply = service.get(&format!("/a/{account}/v1/webhooks")).await;
        reply.refuses(404, "Not Found");
    }
}

async fn the_service_itself_needs_no_token(service: ServiceFixture) {
    for path in ["/v1", "/v1/", "/", ""] {
        Call::new(&*service.target, Method::GET, if path.is_empty() { "/" } else { path }).await.is(200, "{}");
    }
    Call::new(&*service.target, Method::GET, "/healthz").await.is(200, r#"{"status":"ok"}"#);
    Call::new(&*service.target, Method::GET, "/readyz").await.is(200, r#"{"status":"ok"}"#);
    let document = Call::new(&*service.target, Method::GET, "/v1/openapi.json").await;
    assert_eq!(document.json()["openapi"], "3.1.0");
    assert_eq!(document.header("cache-control"), Some("public, max-age=3600"));
}

async fn a_record_is_named_by_its_id_or_its_node_id(service: ServiceFixture) {
    use base64::Engine as _;
    let node = |text: String| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text);
    let webhook = service.webhook(json!({})).await;
    let id = webhook["id"].as_u64().expect("an id");
    let node_id = webhook["nodeID"].as_str().expect("a node id");
    assert_eq!(node_id, node(format!("hookline/Webhook/{id}")));
    assert_eq!(service.get(&format!("/v1/webhooks/{node_id}")).await.json(), webhook);
    let others = [
        format!("0{id}"),
        format!("+{id}"),
        format!("-{id}"),
        format!("{id}.0"),
        format!("%20{id}"),
        format!("{node_id}="),
        node(format!("other/Webhook/{id}")),
        node(format!("hookline/WebhookPolicy/{id}")),
        node(format!("hookline/Webhook/0{id}")),
        "9223372036854775808".to_owned(),
        "99999999999999999999999".to_owned(),
        "%ff".to_owned(),
        "a%2Fb".to_owned(),
        "%00".to_owned(),
        (id + 1).to_string(),
    ];
    for other in others {
        service.get(&format!("/v1/webhooks/{other}")).await.refuses(404, "Not Found");
    }
}

async fn put_updates_partially_like_patch(service: ServiceFixture) {
    let path = service.webhook_path(json!({"name": "one", "description": "kept"})).await;
    let reply = service.call(Method::PUT, &path).json(json!({"name": "two"})).await;
    assert_eq!(reply.status, 200);
    assert_eq!((&reply.json()["name"], &reply.json()["description"]), (&json!("two"), &json!("kept")));
}

async fn bodies_are_json_in_utf_8(service: ServiceFixture) {
    let body = r#"{"event":"request.create","uri":"https://example.com/","name":"Ж"}"#;
    let post = || service.call(Method::POST, "/v1/webhooks").body(body);
    for good in ["application/json", "application/json; charset=UTF-8", "text/json", "application/vnd.x+json"] {
        assert_eq!(post().with("content-type", good).await.status, 200, "{good}");
    }
    assert_eq!(post().await.status, 200, "a body without a type is read as JSON");
    let with_mark = [b"\xef\xbb\xbf", body.as_bytes()].concat();
    assert_eq!(service.call(Method::POST, "/v1/webhooks").body(with_mark).await.status, 200);
    for bad in ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-16", "multipart/x"] {
        post().with("content-type", bad).await.refuses(415, "Unsupported Media Type");
    }
    let latin = [b"{\"event\":\"request.create\",\"name\":\"", &b"\xe9"[..], b"\"}"].concat();
    let reply = service.call(Method::POST, "/v1/webhooks").with("content-type", "application/json").body(latin).await;
    reply.refuses(400, "Invalid JSON string posted");
}

async fn what_the_caller_reads_is_json(service: ServiceFixture) {
    for good in ["*/*", "application/json", "application/*;q=0.1, text/html", "text/html, */*;q=0.01", ""] {
        assert_eq!(service.get("/v1/webhooks").with("accept", good).await.status, 200, "{good:?}");
    }
    for bad in ["text/html", "application/xml, image/*", "application/json;q=0", "*/*;q=0"] {
        service.get("/v1/webhooks").with("accept", bad).await.refuses(406, "Not Acceptable");
        service.get("/v1").by_nobody().with("accept", bad).await.refuses(406, "Not Acceptable");
    }
}

async fn absolute_urls_come_from_the_settings_and_never_from_the_request(service: ServiceFixture) {
    let foreign = [
        ("host", "evil.example"),
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-proto", "gopher"),
        ("forwarded", "host=evil.example"),
        ("x-original-url", "/evil"),
    ];
    let body = json!({"event": "request.create", "uri": "https://example.com/"});
    for base in ["/v1", &format!("/a/{MAIN}")] {
        let post = foreign
            .into_iter()
            .fold(service.post(&format!("{base}/webhooks"), &body), |call, (name, value)| call.with(name, value));
        let reply = post.await;
        let expected = format!("{}/webhooks/{}", service.account_url(), reply.json()["id"]);
        assert_eq!(reply.header("location"), Some(expected.as_str()));
        let list = service.get(&format!("{base}/webhooks?per_page=1")).with("host", "evil.example").await;
        assert!(!format!("{:?}", list.headers).contains("evil"), "{list:?}");
    }
    let public = format!("<{}/v1/webhooks?per_page=1&search_after=", service.target.public_url());
    let link = service.get("/v1/webhooks?per_page=1").await.header("link").expect("a link").to_owned();
    assert!(link.starts_with(&public), "{link}");
    let below_account = format!("<{}/webhooks?per_page=1&search_after=", service.account_url());
    let link = service.get(&format!("/a/{MAIN}/webhooks?per_page=1")).await.header("link").expect("a link").to_owned();
    assert!(link.starts_with(&below_account), "{link}");
}

async fn the_requests_own_id_is_not_taken(service: ServiceFixture) {
    let id = "01890a5d-ac96-774b-bcce-b302099a8057";
    let (first, second) =
        (service.get("/v1").with("x-request-id", id).await, service.get("/v1").with("x-request-id", id).await);
    let ids = [first.header("x-request-id"), second.header("x-request-id")];
    assert!(ids[0] != ids[1] && !ids.contains(&Some(id)), "{ids:?}");
}

async fn head_is_get_without_a_body(service: ServiceFixture) {
    let path = service.webhook_path(json!({})).await;
    for path in ["/v1/webhooks", &path, "/v1"] {
        let (get, head) = (service.get(path).await, service.call(Method::HEAD, path).await);
        assert_eq!((head.status.as_u16(), head.body.len()), (200, 0));
        for name in ["content-type", "etag", "link", "x-pagination-total-entries", "x-ratelimit-limit"] {
            assert_eq!(head.headers.get(name), get.headers.get(name), "{name}");
        }
    }
}

async fn timestamps_are_in_the_accounts_time_zone(service: ServiceFixture) {
    service.target.create_account("far", "Asia/Kolkata").await;
    let token = service.target.create_token("far", "administrator", None).await.secret;
    let body = json!({"event": "request.create", "uri": "https://example.com/"});
    let there = service.post("/v1/webhooks", &body).by(&token).await.json();
    let here = service.webhook(json!({})).await;
    let seconds = |record: &serde_json::Value, offset: &str| {
        let text = record["created_at"].as_str().expect("a time").to_owned();
        assert!(text.len() == 25 && text.ends_with(offset), "whole seconds and an offset: {text}");
        text.parse::<jiff::Timestamp>().expect("ISO 8601").as_second()
    };
    assert!(seconds(&here, "+00:00").abs_diff(seconds(&there, "+05:30")) < 30);
}
