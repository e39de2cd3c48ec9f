//! How much of a body is read (section 2): nothing before the caller is known, and nothing beyond the limit.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Body;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::Request;
use serde_json::Value;

use crate::fixture::{ApiFixture, Reply};

const MIB: u64 = 1024 * 1024;
const PIECE: u64 = 64 * 1024;

/// A body of 300 MiB in pieces, which counts how much of it was read. It begins with `head`.
fn endless(head: String) -> (Body, Arc<AtomicU64>) {
    let read = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&read);
    let pieces = stream::iter(0..300 * MIB / PIECE).map(move |number| {
        let piece = if number == 0 { Bytes::from(head.clone()) } else { Bytes::from(vec![b'x'; 64 * 1024]) };
        counter.fetch_add(piece.len() as u64, Ordering::SeqCst);
        Ok::<_, std::io::Error>(piece)
    });
    (Body::from_stream(pieces), read)
}

/// Every operation that changes something, as method and path.
fn changing_operations() -> Vec<(String, String)> {
    let document: Value = serde_json::from_str(&hookline_http::openapi()).unwrap();
    let mut operations = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        let path = path.replace("{id}", "1").replace("{name}", "x");
        for method in methods.as_object().unwrap().keys().filter(|method| *method != "get") {
            operations.push((method.to_uppercase(), format!("/v1{path}")));
        }
    }
    assert!(operations.len() > 20, "{operations:?}");
    operations
}

/// Sends such a body; the reply, and how much was read.
async fn send(api: &ApiFixture, method: &str, path: &str, headers: &[(&str, &str)], head: &str) -> (Reply, u64) {
    let (body, read) = endless(head.to_owned());
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let reply = api.send(request.body(body).unwrap()).await;
    (reply, read.load(Ordering::SeqCst))
}

/// The operations that change something and take no token.
const WITHOUT_TOKEN: [&str; 3] = ["/v1/token", "/v1/console_links/redeem", "/v1/attachments"];

#[tokio::test]
async fn without_a_token_nothing_of_a_body_is_read() {
    let api = ApiFixture::start().await;
    let json = ("content-type", "application/json");
    for (method, path) in changing_operations() {
        // Those take no token: two read a small body, the other the fields in front of a file.
        let limit = if WITHOUT_TOKEN.contains(&path.as_str()) { 256 * 1024 + PIECE } else { 0 };
        for headers in [vec![json], vec![json, ("authorization", "Bearer hl_x")]] {
            let (reply, read) = send(&api, &method, &path, &headers, "").await;
            assert!(reply.status.is_client_error(), "{method} {path}: {}", reply.status);
            assert!(limit > 0 || reply.status == 401, "{method} {path}: {}", reply.status);
            assert!(read <= limit, "{method} {path}: {read} bytes were read");
        }
        // An announced length is enough.
        let (reply, read) = send(&api, &method, &path, &[json, ("content-length", "314572800")], "").await;
        assert!(reply.status.is_client_error() && read == 0, "{method} {path}: {} after {read} bytes", reply.status);
    }
}

#[tokio::test]
async fn with_a_token_a_body_is_cut_just_above_its_limit() {
    let api = ApiFixture::start().await;
    let bearer = format!("Bearer {}", api.administrator);
    for (method, path) in changing_operations() {
        let limit = if path.starts_with("/v1/events") { 2 * MIB } else { 256 * 1024 };
        let headers = [("content-type", "application/json"), ("authorization", &*bearer)];
        let (reply, read) = send(&api, &method, &path, &headers, "{").await;
        assert!(read <= limit + PIECE, "{method} {path}: {read} bytes were read");
        // Routes that take no body do not look at it.
        assert!(reply.status == 413 || read == 0 || path == "/v1/attachments", "{method} {path}: {}", reply.status);
        let auditor = format!("Bearer {}", api.auditor);
        let headers = [("content-type", "application/json"), ("authorization", &*auditor)];
        let (reply, read) = send(&api, &method, &path, &headers, "{").await;
        let reads = ["/v1/events/explain", "/v1/webhooks/filter_preview"];
        let is_open = WITHOUT_TOKEN.contains(&path.as_str()) || reads.contains(&path.as_str());
        assert!(is_open || (reply.status == 403 && read == 0), "{method} {path}: {} after {read}", reply.status);
    }
}

#[tokio::test]
async fn an_upload_without_a_signature_is_cut_before_its_file() {
    let api = ApiFixture::start().await;
    let form = ("content-type", "multipart/form-data; boundary=b");
    let heads = [
        // Nothing but the file.
        "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n",
        // An unknown field, the header of a part, and what comes before the first part, each without an end.
        "--b\r\nContent-Disposition: form-data; name=\"other\"\r\n\r\n",
        "--b\r\nContent-Disposition: form-data; name=\"",
        "",
    ];
    for head in heads {
        let (reply, read) = send(&api, "POST", "/v1/attachments", &[form], head).await;
        assert!(matches!(reply.status.as_u16(), 400 | 403), "{head:?}: {}", reply.status);
        assert!(read <= 3 * PIECE, "{head:?}: {read} bytes were read");
    }
    // A signature for another account is refused like a missing one.
    let mut head = String::new();
    for (name, value) in [
        ("key", "wdc/00000000-0000-4000-8000-000000000000"),
        ("x-4me-expiration", "9999999999"),
        ("x-4me-signature", "AAAA"),
    ] {
        head += &format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    }
    head += "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n";
    let (reply, read) = send(&api, "POST", "/v1/attachments", &[form], &head).await;
    assert_eq!(reply.status, 403);
    assert!(read <= 3 * PIECE, "{read} bytes were read");
}

#[tokio::test]
async fn an_upload_with_a_signature_is_cut_just_above_its_limit() {
    let api = ApiFixture::start().await;
    let storage = api.call("GET", "/v1/attachments/storage", None).await.json(200);
    let mut head = String::new();
    for (name, value) in storage["local"].as_object().unwrap() {
        let value = value.as_str().unwrap();
        head += &format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    }
    head += "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n";
    let form = ("content-type", "multipart/form-data; boundary=b");
    let (reply, read) = send(&api, "POST", "/v1/attachments", &[form], &head).await;
    assert_eq!(reply.status, 413);
    assert!(read <= 10 * MIB + 3 * PIECE, "{read} bytes were read");
}
