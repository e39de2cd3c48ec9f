//! `/attachments`, and the attachments of webhooks (section 3).

use std::time::Duration;

use axum::body::Body;
use http::Request;
use serde_json::{Value, json};

use crate::fixture::{ApiFixture, Reply};

const MIB: usize = 1024 * 1024;

/// A form as clients write it: a type first, the fields that were given, the file last.
fn form(fields: &[(&str, &str)], name: &str, content: &[u8]) -> Request<Body> {
    let mut body = Vec::new();
    for (field, value) in [("Content-Type", "text/plain")].iter().chain(fields) {
        body.extend(format!("--b\r\nContent-Disposition: form-data; name=\"{field}\"\r\n\r\n{value}\r\n").bytes());
    }
    let head = format!("--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n");
    body.extend(head.bytes());
    body.extend(content);
    body.extend(b"\r\n--b--\r\n");
    let request = Request::post("/v1/attachments").header("content-type", "multipart/form-data; boundary=b");
    request.body(body.into()).unwrap()
}

/// A place to upload to: its fields.
async fn place(api: &ApiFixture) -> Vec<(String, String)> {
    let storage = api.call("GET", "/v1/attachments/storage", None).await.json(200);
    assert_eq!((&storage["provider"], &storage["size_limit"]), (&json!("local"), &json!(10 * MIB)));
    assert_eq!(storage["upload_uri"], "http://127.0.0.1:8080/v1/attachments");
    let fields = storage["local"].as_object().unwrap();
    fields.iter().map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect()
}

async fn upload_to(api: &ApiFixture, place: &[(String, String)], name: &str, content: &[u8]) -> Reply {
    let fields: Vec<_> = place.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    api.send(form(&fields, name, content)).await
}

/// Uploads a file; its key.
async fn upload(api: &ApiFixture, name: &str, content: &[u8]) -> String {
    let reply = upload_to(api, &place(api).await, name, content).await;
    reply.json(200)["key"].as_str().unwrap().to_owned()
}

async fn patch(api: &ApiFixture, webhook: u64, attachments: Value) -> Reply {
    let body = json!({ "description_attachments": attachments });
    api.call("PATCH", &format!("/v1/webhooks/{webhook}"), Some(body)).await
}

/// A download by a link as it was shown.
async fn download(api: &ApiFixture, uri: &Value) -> Reply {
    let path = uri.as_str().unwrap().strip_prefix("http://127.0.0.1:8080").unwrap();
    api.send(Request::get(path).body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn a_file_is_uploaded_attached_downloaded_and_taken_away() {
    let api = ApiFixture::start().await;
    let webhook = api.webhook().await;
    let path = format!("/v1/webhooks/{webhook}");
    assert_eq!(api.call("GET", &path, None).await.json(200)["attachments"], json!([]));
    let content = b"\0<script>\r\n--x-\xff".repeat(10_000);
    let key = upload(&api, "../plän 1.html", &content).await;
    assert!(key.starts_with("wdc/"));

    let given = json!([{"key": key, "filesize": content.len(), "inline": true}]);
    let shown = patch(&api, webhook, given).await.json(200)["attachments"][0].clone();
    assert_eq!((&shown["key"], &shown["name"]), (&json!(key), &json!("plän 1.html")));
    assert_eq!((&shown["size"], &shown["inline"]), (&json!(content.len()), &json!(true)));
    let reply = download(&api, &shown["uri"]).await;
    assert_eq!((reply.status.as_u16(), reply.body == content), (200, true));
    let name = "attachment; filename*=UTF-8''pl%C3%A4n%201.html";
    assert_eq!(reply.header("content-disposition"), Some(name));
    assert_eq!(reply.header("content-type"), Some("application/octet-stream"));
    assert_eq!(reply.header("content-length"), Some(&*content.len().to_string()));
    assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));

    let second = upload(&api, "b.txt", b"b").await;
    patch(&api, webhook, json!([{"key": second}, {"key": key, "inline": "no"}])).await.json(200);
    let both = api.call("GET", &path, None).await.json(200)["attachments"].clone();
    assert_eq!(
        (&both[0]["inline"], &both[1]["name"], both[1]["id"] == both[0]["id"]),
        (&json!(false), &json!("b.txt"), false)
    );
    let left = patch(&api, webhook, json!([{"key": key, "_destroy": true}])).await.json(200)["attachments"].clone();
    assert_eq!((left.as_array().unwrap().len(), &left[0]["key"]), (1, &json!(second)));
    assert_eq!(download(&api, &both[0]["uri"]).await.status, 404, "it belongs to no webhook any more");
    assert_eq!(download(&api, &both[1]["uri"]).await.body, b"b");

    let trail = api.call("GET", &format!("{path}/audit"), None).await.json(200);
    assert_eq!(trail[0]["changes"]["attachments"][1][0]["name"], "b.txt");
    let version = api.call("GET", &path, None).await.header("etag").unwrap().to_owned();
    patch(&api, webhook, json!([{"key": second, "inline": false}])).await.json(200);
    assert_eq!(api.call("GET", &path, None).await.header("etag").unwrap(), version, "nothing has changed");
}

#[tokio::test]
async fn only_what_was_handed_out_to_the_account_can_be_attached() {
    let api = ApiFixture::start().await;
    let webhook = api.webhook().await;
    let key = upload(&api, "a.txt", b"abc").await;
    let empty_handed = place(&api).await;
    let not_uploaded = &empty_handed.iter().find(|(name, _)| name == "key").unwrap().1;
    let (_, id) = key.split_once('/').unwrap();
    for refused in [
        json!([{"key": not_uploaded}]),
        json!([{"key": format!("other/{id}")}]),
        json!([{"key": "wdc/00000000-0000-4000-8000-000000000000"}]),
        json!([{"key": format!("wdc/../wdc/{id}")}]),
        json!([{"key": key, "filesize": 4}]),
        json!([{"key": key, "filesize": "many"}]),
        json!([{}]),
        json!("x"),
        json!({"key": key}),
        json!([key]),
    ] {
        let problems = patch(&api, webhook, refused.clone()).await.problems();
        assert_eq!(problems, ["Description attachments is invalid"], "{refused}");
    }
    // Another account has no use for the key, even if it knows it.
    let input = json!({"event": "*", "uri": "https://x.example/", "description_attachments": [{"key": key}]});
    let stranger = api.call_as(&api.stranger, "POST", "/v1/webhooks", Some(input.clone())).await;
    assert_eq!(stranger.problems(), ["Description attachments is invalid"]);

    let created = api.call("POST", "/v1/webhooks", Some(input)).await.json(200);
    assert_eq!(created["attachments"][0]["size"], 3);
    let taken = patch(&api, webhook, json!([{"key": key}])).await;
    assert_eq!(taken.problems(), ["Description attachments is invalid"], "another webhook has it");
}

#[tokio::test]
async fn an_upload_needs_its_signature_its_time_and_its_size() {
    let api = ApiFixture::start().await;
    let given = place(&api).await;
    let with = |name: &str, value: &str| {
        let change =
            |(field, old): &(String, String)| (field.clone(), if field == name { value.into() } else { old.clone() });
        given.iter().map(change).collect::<Vec<_>>()
    };
    let other = place(&api).await;
    let value = |name: &str| other.iter().find(|(field, _)| field == name).unwrap().1.clone();
    for (name, value) in [
        ("key", value("key")),
        ("key", "wdc/../../../../tmp/x".to_owned()),
        ("x-4me-signature", value("x-4me-signature")),
        ("x-4me-signature", String::new()),
        ("x-4me-expiration", "99999999999".to_owned()),
        ("x-4me-expiration", "x".to_owned()),
    ] {
        assert_eq!(upload_to(&api, &with(name, &value), "a", b"a").await.status, 403, "{name}={value}");
    }
    assert_eq!(upload_to(&api, &[], "a", b"a").await.status, 403);

    assert_eq!(upload_to(&api, &given, "a", &vec![0; 10 * MIB + 1]).await.status, 413);
    assert_eq!(upload_to(&api, &given, "a", &vec![0; 10 * MIB]).await.status, 200);
    assert_eq!(upload_to(&api, &given, "a", b"a").await.status, 403, "once only");
    api.clock.forward(Duration::from_mins(15));
    assert_eq!(upload_to(&api, &other, "a", b"a").await.status, 403, "its time is over");

    let no_form =
        Request::post("/v1/attachments").header("content-type", "application/json").body("{}".into()).unwrap();
    assert_eq!(api.send(no_form).await.status, 415);
    let cut = Request::post("/v1/attachments").header("content-type", "multipart/form-data; boundary=b");
    assert_eq!(api.send(cut.body("--b\r\nContent-Dis".into()).unwrap()).await.status, 400);
    assert_eq!(api.call_as(&api.auditor, "GET", "/v1/attachments/storage", None).await.status, 403);
}

#[tokio::test]
async fn a_link_works_for_a_quarter_of_an_hour() {
    let api = ApiFixture::start().await;
    let webhook = api.webhook().await;
    let key = upload(&api, "a.txt", b"abc").await;
    let uri = patch(&api, webhook, json!([{"key": key}])).await.json(200)["attachments"][0]["uri"].clone();
    let text = uri.as_str().unwrap();
    for changed in [
        text.replace("signature=", "signature=A"),
        text.replace("expires_at=1", "expires_at=2"),
        text.split("&signature").next().unwrap().to_owned(),
        text.split('?').next().unwrap().to_owned(),
    ] {
        assert_eq!(download(&api, &json!(changed)).await.status, 404, "{changed}");
    }
    assert_eq!(download(&api, &uri).await.status, 200);
    api.clock.forward(Duration::from_mins(15));
    assert_eq!(download(&api, &uri).await.status, 404);
    let path = format!("/v1/webhooks/{webhook}");
    let tag = api.call("GET", &path, None).await.header("etag").unwrap().to_owned();
    let known = async |path: &str| {
        let request = Request::get(path).header("if-none-match", &tag);
        let request = request.header("authorization", format!("Bearer {}", api.administrator));
        api.send(request.body(Body::empty()).unwrap()).await
    };
    assert_eq!(known(&format!("{path}?fields=name")).await.status, 304, "it shows no links");
    let again = known(&path).await.json(200);
    assert_eq!(download(&api, &again["attachments"][0]["uri"]).await.status, 200);
    assert_eq!(api.call("DELETE", &format!("/v1/webhooks/{webhook}"), None).await.status, 204);
    assert_eq!(download(&api, &again["attachments"][0]["uri"]).await.status, 404);
}

#[tokio::test]
async fn events_and_attachments_change_only_so_much_at_once() {
    let api = ApiFixture::start().await;
    let path = format!("/v1/webhooks/{}", api.webhook().await);
    let patch = async |body: Value| api.call("PATCH", &path, Some(body)).await;
    let names = &hookline_core::model::event::EVENT_NAMES[1..];
    patch(json!({"events": names[..36]})).await.json(200);
    let mut attachments = Vec::new();
    for _ in 0..19 {
        attachments.push(json!({"key": upload(&api, "a.txt", b"a").await}));
    }
    let all = json!({"events": names[36..72], "description_attachments": attachments});
    let sentence = "Events and attachments cannot change this much at once: change one after the other";
    assert_eq!(patch(all.clone()).await.problems(), [sentence]);
    patch(json!({"events": names[36..72], "description_attachments": attachments[1..]})).await.json(200);
    assert_eq!(patch(all).await.json(200)["attachments"].as_array().unwrap().len(), 19, "the rest");
}
