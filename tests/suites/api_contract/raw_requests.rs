//! Requests as bytes on a socket (section 2): filters as people type them, heads that are no HTTP, and bodies that never end.
//! The HTTP library of the process would answer some of them itself, in a form that is not ours.

use std::net::SocketAddr;
use std::time::Duration;

use hookline_tests::target::Variation;
use hookline_tests::target::process::Process;
use hookline_tests::wait_until::until;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::fixture::ServiceFixture;

/// How long a test waits for what must come.
const LIMIT: Duration = Duration::from_mins(1);
/// How much of a body a socket takes although nothing reads it: what both kernels buffer.
const BUFFERED: usize = 16 * 1024 * 1024;

/// The process, an administrator's token for it, and its address.
async fn start() -> (ServiceFixture, SocketAddr) {
    let process = Process::start(Variation::default()).await;
    let address = process.hookline().address();
    (ServiceFixture::of(process).await, address)
}

/// What is answered to these bytes: all of it, until the connection is closed.
async fn exchange(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.expect("the process listens");
    stream.write_all(bytes).await.expect("it takes a request");
    let mut answer = Vec::new();
    let read = tokio::time::timeout(LIMIT, stream.read_to_end(&mut answer)).await;
    read.expect("the connection is closed").expect("and not reset");
    String::from_utf8(answer).expect("answers are UTF-8")
}

/// The status, the head and the JSON body of the last of several answers.
fn last_answer(text: &str) -> (u16, String, Value) {
    let start = text.rfind("HTTP/1.1 ").unwrap_or_else(|| panic!("an answer: {text:?}"));
    let (head, body) = text[start..].split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    (status, head.to_lowercase(), serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {text}")))
}

/// Asserts an error of our own form.
fn refuses(text: &str, status: u16, message: &str) {
    let (found, head, body) = last_answer(text);
    assert_eq!((found, &body), (status, &json!({"message": message})), "{text}");
    let id = head.lines().find_map(|line| line.strip_prefix("x-request-id: ")).expect("a request id");
    assert!(uuid::Uuid::parse_str(id).is_ok_and(|id| id.get_version_num() == 7), "{id}");
    for line in [
        "content-type: application/json; charset=utf-8",
        "cache-control: no-store",
        "connection: close",
        "x-content-type-options: nosniff",
    ] {
        assert!(head.lines().any(|found| found == line), "{line}: {head}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn filters_are_taken_as_people_type_them() {
    let (service, address) = start().await;
    for name in ["a", "say \"hi\" <b>", "Ж"] {
        service.webhook(json!({"name": name})).await;
    }
    let get = async |query: &str| {
        let head = format!(
            "GET /v1/webhooks?{query} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nConnection: close\r\n\r\n",
            service.token
        );
        let (status, _, body) = last_answer(&exchange(address, head.as_bytes()).await);
        assert_eq!(status, 200, "{query}: {body}");
        body.as_array().expect("a list").iter().map(|record| record["id"].as_u64().expect("an id")).collect::<Vec<_>>()
    };
    for (query, ids) in [
        ("id=>1", &[3, 2][..]),
        ("id=>1<3", &[2]),
        ("id=<=2&id=>=2", &[2]),
        ("id!=3", &[2, 1]),
        ("id<=2", &[2, 1]),
        ("name=say \"hi\" <b>", &[2]),
        ("name=Ж", &[3]),
        ("created_at=>2020-11-28 00:00:00", &[3, 2, 1]),
        ("created_at=<2020-11-28 00:00:00", &[]),
        ("created_at=>2020-11-28 00:00:00+01:00", &[3, 2, 1]),
    ] {
        assert_eq!(get(query).await, ids, "{query}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_that_is_no_http_is_answered_in_our_form() {
    let (service, address) = start().await;
    let large = "x".repeat(200_000);
    for (head, status, message) in [
        ("nonsense\r\n\r\n".to_owned(), 400, "Bad Request"),
        ("GET / HTTP/2.0\r\n\r\n".to_owned(), 400, "Bad Request"),
        ("GET /\u{1} HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), 400, "Bad Request"),
        ("GET / HTTP/1.1\r\nA b: c\r\n\r\n".to_owned(), 400, "Bad Request"),
        ("POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n".to_owned(), 400, "Bad Request"),
        ("POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n".to_owned(), 400, "Bad Request"),
        ("POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n".to_owned(), 400, "Bad Request"),
        (format!("GET /{large} HTTP/1.1\r\nHost: x\r\n\r\n"), 414, "URI Too Long"),
        (format!("GET / HTTP/1.1\r\nA: {large}\r\n\r\n"), 431, "Request Header Fields Too Large"),
        (format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(101)), 431, "Request Header Fields Too Large"),
    ] {
        refuses(&exchange(address, head.as_bytes()).await, status, message);
        // Also behind a request that is answered as always.
        let before = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
        let both = exchange(address, format!("{before}{head}").as_bytes()).await;
        assert!(both.starts_with("HTTP/1.1 200 OK\r\n"), "{both}");
        refuses(&both, status, message);
    }
    assert_eq!(service.get("/v1/webhooks").await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_of_300_megabytes_is_refused_early() {
    let (service, address) = start().await;
    let token = format!("Authorization: Bearer {}\r\n", service.token);
    let form = "Content-Type: multipart/form-data; boundary=b\r\n";
    for (path, headers, statuses) in [
        ("/v1/webhooks", "", &[401][..]),
        ("/v1/events", "", &[401]),
        ("/v1/attachments", form, &[400, 403, 413]),
        ("/v1/webhooks", &token, &[413]),
        ("/v1/events", &token, &[413]),
    ] {
        // An announced length is enough: the answer comes before the body.
        let head = format!("POST {path} HTTP/1.1\r\nHost: x\r\n{headers}Content-Length: 314572800\r\n\r\n");
        let mut stream = TcpStream::connect(address).await.expect("the process listens");
        stream.write_all(head.as_bytes()).await.expect("it takes a head");
        let mut answer = vec![0; 4096];
        let length = tokio::time::timeout(LIMIT, stream.read(&mut answer)).await.expect("an answer").expect("bytes");
        let (status, ..) = last_answer(std::str::from_utf8(&answer[..length]).expect("text"));
        assert!(statuses.contains(&status), "{path}: {status}");

        // Without one, the process stops reading.
        let head = format!("POST {path} HTTP/1.1\r\nHost: x\r\n{headers}Transfer-Encoding: chunked\r\n\r\n");
        let mut stream = TcpStream::connect(address).await.expect("the process listens");
        stream.write_all(head.as_bytes()).await.expect("it takes a head");
        let chunk = [b"10000\r\n", vec![b'x'; 0x10000].as_slice(), b"\r\n"].concat();
        let mut sent = 0;
        while sent < 300 * 1024 * 1024 {
            match tokio::time::timeout(LIMIT, stream.write_all(&chunk)).await.expect("it reads or closes") {
                Ok(()) => sent += chunk.len(),
                Err(_) => break,
            }
        }
        assert!(sent < 2 * BUFFERED + 4 * 1024 * 1024, "{path}: {sent} bytes were taken");
    }
    until("the process lives", LIMIT, || async { Some(service.get("/v1/webhooks").await) }).await;
}
