//! What is answered to a request that cannot be understood (section 2, *Errors*): status, headers and text.

use http::Method;
use serde_json::json;

use crate::fixture::ServiceFixture;

on_every_target!(
    malformed_json_is_refused,
    what_parses_is_an_input_whatever_it_holds,
    a_body_that_is_too_large_is_refused,
    a_method_that_a_path_has_not_is_refused_with_those_it_has,
    unknown_paths_are_not_found,
    parameters_of_lists_that_cannot_be_read_are_refused,
    unknown_fields_are_refused_in_fields_and_ignored_in_input,
);

async fn malformed_json_is_refused(service: ServiceFixture) {
    let path = service.webhook_path(json!({})).await;
    let (webhooks, events) = ("/v1/webhooks".to_owned(), "/v1/events".to_owned());
    let routes = [(Method::POST, &webhooks), (Method::PATCH, &path), (Method::PUT, &path), (Method::POST, &events)];
    for (method, route) in routes {
        for text in ["{", "x", "{'a':1}", "{\"a\":1,}", "{\"a\":NaN}", "{} {}", "{\"a\"}", "\u{0}", "<xml/>", "a=b&c=d"]
        {
            service.call(method.clone(), route).json(text).await.refuses(400, "Invalid JSON string posted");
        }
        if route != &events {
            for text in ["[]", "1", "null", "\"x\"", "true"] {
                service.call(method.clone(), route).json(text).await.refuses(400, "Invalid JSON string posted");
            }
        }
    }
    service.post("/v1/events", "").await.refuses(400, "Invalid JSON string posted");
    service.post("/v1/events", "[{]").await.refuses(400, "Invalid JSON string posted");
}

async fn what_parses_is_an_input_whatever_it_holds(service: ServiceFixture) {
    let path = service.webhook_path(json!({})).await;
    let deep = format!("{{\"x\":{}{}}}", "[".repeat(50_000), "]".repeat(50_000));
    for text in ["", " \n", "{}", &deep, "{\"id\":1e999}", "{\"\":\"\\ud800\"}", "{\"x\":1,\"x\":2}"] {
        assert_eq!(service.patch(&path, text).await.status, 200, "{}", &text[..text.len().min(40)]);
    }
}

async fn a_body_that_is_too_large_is_refused(service: ServiceFixture) {
    let path = service.webhook_path(json!({})).await;
    let body = |size: usize| format!("{{\"x\":\"{}\"}}", "x".repeat(size - 8));
    assert_eq!(service.patch(&path, body(256 * 1024)).await.status, 200);
    service.patch(&path, body(256 * 1024 + 1)).await.refuses(413, "Content Too Large");
    service.post("/v1/webhooks", body(1024 * 1024)).await.refuses(413, "Content Too Large");
    service
        .post("/v1/events", format!("{}{}", "{}", " ".repeat(2 * 1024 * 1024)))
        .await
        .refuses(413, "Content Too Large");
    // One event has a limit of its own.
    let event = |size: usize| {
        let rest = r#"{"event":"request.create","object_id":1,"payload":{"x":""}}"#;
        format!(r#"{{"event":"request.create","object_id":1,"payload":{{"x":"{}"}}}}"#, "x".repeat(size - rest.len()))
    };
    assert_eq!(service.post("/v1/events", event(256 * 1024)).await.status, 202);
    service.post("/v1/events", event(256 * 1024 + 1)).await.refuses(413, "Content Too Large");
}

async fn a_method_that_a_path_has_not_is_refused_with_those_it_has(service: ServiceFixture) {
    let id = "00000000-0000-8000-8000-000000000000";
    for (path, allowed) in [
        ("/v1".to_owned(), "GET, HEAD"),
        ("/healthz".to_owned(), "GET, HEAD"),
        ("/v1/openapi.json".to_owned(), "GET, HEAD"),
        ("/v1/webhooks".to_owned(), "GET, HEAD, POST"),
        ("/v1/webhooks/enabled".to_owned(), "GET, HEAD"),
        ("/v1/webhooks/disabled".to_owned(), "GET, HEAD"),
        ("/v1/webhooks/1".to_owned(), "GET, HEAD, PATCH, PUT, DELETE"),
        ("/v1/webhooks/1/test".to_owned(), "POST"),
        ("/v1/webhooks/1/secret".to_owned(), "GET, HEAD"),
        ("/v1/webhooks/1/secret/rotate".to_owned(), "POST"),
        ("/v1/webhooks/1/deliveries".to_owned(), "GET, HEAD"),
        ("/v1/webhook_deliveries".to_owned(), "GET, HEAD"),
        (format!("/v1/webhook_deliveries/{id}"), "GET, HEAD"),
        (format!("/v1/webhook_deliveries/{id}/redeliver"), "POST"),
        ("/v1/webhooks/filter_preview".to_owned(), "POST"),
        ("/v1/event_types".to_owned(), "GET, HEAD, POST"),
        ("/v1/event_types/1".to_owned(), "GET, HEAD, PATCH, PUT, DELETE"),
        ("/v1/events".to_owned(), "GET, HEAD, POST"),
        ("/v1/events/1".to_owned(), "GET, HEAD"),
    ] {
        let methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"];
        for method in methods.into_iter().filter(|method| !allowed.split(", ").any(|known| known == *method)) {
            let reply = service.call(method.parse().expect("a method"), &path).await;
            reply.refuses(405, "Method Not Allowed");
            assert_eq!(reply.header("allow"), Some(allowed), "{method} {path}");
        }
    }
}

async fn unknown_paths_are_not_found(service: ServiceFixture) {
    let long = format!("/v1/{}", "x".repeat(4000));
    for path in ["/favicon.ico", "/v1/webhooks/1/2/3", "/v1/webhooks/1/x", "/v1/%00", "/%ff", "/..%2f..", &long] {
        service.get(path).await.refuses(404, "Not Found");
        service.post(path, "{}").by_nobody().await.refuses(404, "Not Found");
    }
}

async fn parameters_of_lists_that_cannot_be_read_are_refused(service: ServiceFixture) {
    for (query, message) in [
        ("fields=id,a,name,b", "Unknown fields: a, b"),
        ("a=1", "Filtering not allowed on fields: a"),
        ("description=x&name=a&last_error=!", "Filtering not allowed on fields: description, last_error"),
        ("headers=x", "Filtering not allowed on fields: headers"),
        ("name=>a", "Field 'name' does not support the '=>' operator"),
        ("name=>=a", "Field 'name' does not support the '=>=' operator"),
        ("event=<a", "Field 'event' does not support the '=<' operator"),
        ("disabled=<=1", "Field 'disabled' does not support the '=<=' operator"),
        ("created_at=2026-01-01,2026-01-02", "Cannot filter on a set of values for field 'created_at'"),
        ("disabled=true,false", "Cannot filter on a set of values for field 'disabled'"),
        ("sort=a", "Sorting not allowed on fields: a"),
        ("sort=-description,id,verified", "Sorting not allowed on fields: description, verified"),
        ("per_page=0", "Parameter 'per_page' cannot be less than 1"),
        ("per_page=-1", "Parameter 'per_page' cannot be less than 1"),
        ("page=0", "Parameter 'page' cannot be less than 1"),
        ("per_page=x", "Parameter 'per_page' is invalid"),
        ("page=1.5", "Parameter 'page' is invalid"),
        ("search_after=x", "Parameter 'search_after' is invalid"),
        ("search_before=!", "Parameter 'search_before' is invalid"),
        ("id=x", "Parameter 'id' is invalid"),
        ("ids=1,x", "Parameter 'id' is invalid"),
        ("created_at=yesterday", "Parameter 'created_at' is invalid"),
    ] {
        for list in ["/v1/webhooks", "/v1/webhooks/enabled", "/v1/webhooks/disabled"] {
            service.get(&format!("{list}?{query}")).await.refuses(400, message);
        }
    }
    for (query, message) in [
        ("fields=id,nope", "Unknown fields: nope"),
        ("uri=x", "Filtering not allowed on fields: uri"),
        ("attempt=1&test=true", "Filtering not allowed on fields: attempt, test"),
        ("event=>a", "Field 'event' does not support the '=>' operator"),
        ("sort=event", "Sorting not allowed on fields: event"),
        ("per_page=0", "Parameter 'per_page' cannot be less than 1"),
        ("page=2", "Parameter 'page' is invalid"),
        ("search_after=x", "Parameter 'search_after' is invalid"),
        ("event_id=%20", "Parameter 'event_id' is invalid"),
        ("message_id=x", "Parameter 'message_id' is invalid"),
    ] {
        service.get(&format!("/v1/webhook_deliveries?{query}")).await.refuses(400, message);
    }
}

async fn unknown_fields_are_refused_in_fields_and_ignored_in_input(service: ServiceFixture) {
    let input = json!({"nonsense": {"a": []}, "id": 7, "nodeID": "x", "created_at": "x", "updated_at": 3,
        "last_error": "x", "verified": false, "attachments": [], "last_delivery": 1});
    let webhook = service.webhook(input.clone()).await;
    let path = format!("/v1/webhooks/{}", webhook["id"]);
    assert_ne!(webhook["id"], 7);
    assert_eq!(webhook["last_error"], json!(null));
    let before = service.get(&path).await;
    let after = service.patch(&path, input).await;
    assert_eq!((after.json(), after.header("etag")), (before.json(), before.header("etag")));
    for route in [&path, &format!("{path}/deliveries"), "/v1/webhooks"] {
        service.get(&format!("{route}?fields=id,zz,yy")).await.refuses(400, "Unknown fields: zz, yy");
    }
    let body = json!({"event": "request.create", "uri": "https://example.com/"});
    let refused = service.post("/v1/webhooks?fields=zz", body).await;
    refused.refuses(400, "Unknown fields: zz");
    assert_eq!(service.get("/v1/webhooks").await.ids().len(), 1, "and nothing was created");
}
