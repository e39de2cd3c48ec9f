//! `hookline publish` beside a service, and beside what is not one.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use hookline_process::hookline::Start;

use crate::{hookline, stderr, stdout};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_address_of_the_service_may_have_v1_at_its_end() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let service = Start::on(&folder.path().join("data")).serve().await;
    for url in [format!("http://{}", service.address()), format!("http://{}/v1/", service.address())] {
        let published = hookline(&["publish", "request.create"])
            .env("HOOKLINE_URL", &url)
            .env("HOOKLINE_TOKEN", service.admin_token())
            .output()
            .expect("hookline can be started");
        assert!(published.status.success(), "{url}: {}", stderr(&published));
        assert_eq!(stdout(&published).trim().len(), 36, "an id");
    }
}

/// Answers one request with this and returns what came.
fn answers_once(answer: &'static str) -> (String, std::thread::JoinHandle<String>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let mut bytes = [0; 4096];
        let length = stream.read(&mut bytes).expect("a request");
        stream.write_all(answer.as_bytes()).expect("the answer is sent");
        String::from_utf8_lossy(&bytes[..length]).into_owned()
    });
    (url, server)
}

#[test]
fn redirects_are_not_followed_and_said() {
    let (url, server) = answers_once(
        "HTTP/1.1 307 Temporary Redirect\r\nLocation: https://elsewhere.example/v1/events\r\nContent-Length: 0\r\n\r\n",
    );
    let published = hookline(&["publish", "request.create", "--url", &url])
        .env("HOOKLINE_TOKEN", "hl_x")
        .output()
        .expect("hookline can be started");
    assert!(server.join().expect("one request").starts_with("POST /v1/events "));
    assert_eq!(published.status.code(), Some(1));
    let said = stderr(&published);
    assert!(said.contains("redirects to https://elsewhere.example/v1/events") && said.contains("--url"), "{said}");
}

#[test]
fn what_a_service_says_is_printed_without_control_characters() {
    let (url, _server) = answers_once(
        "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: 34\r\nConnection: close\r\n\r\n\
         {\"message\":\"a\\u001b[2J\\nhookline\"}",
    );
    let published = hookline(&["publish", "request.create", "--url", &url])
        .env("HOOKLINE_TOKEN", "hl_x")
        .output()
        .expect("hookline can be started");
    let said = stderr(&published);
    assert_eq!(said.trim_end(), "hookline: refused: a\\u001b[2J\\nhookline");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_is_published_with_all_its_fields_and_a_payload_from_standard_input() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let service = Start::on(&folder.path().join("data")).serve().await;
    let url = format!("http://{}", service.address());
    let mut child = hookline(&["publish", "automation_rule", "--id", "one", "--person-id", "6", "--webhook", "rule"])
        .args(["--person-name", "Ada \"A\" Ivanova", "--payload", "-", "--url", &url])
        .env("HOOKLINE_TOKEN", service.admin_token())
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("hookline can be started");
    let mut input = child.stdin.take().expect("stdin is piped");
    input.write_all(br#"{"a": 1.50}"#).expect("the payload is read");
    drop(input);
    let published = child.wait_with_output().expect("it ends");
    assert_eq!(stdout(&published).trim(), "one", "{}", stderr(&published));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_health_check_says_whether_the_service_is_ready() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let service = Start::on(&folder.path().join("data")).serve().await;
    let check = |url: &str| hookline(&["healthcheck", "--url", url]).output().expect("hookline can be started");
    assert_eq!(check(&format!("http://{}", service.address())).status.code(), Some(0));
    let (url, _server) = answers_once("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n");
    let checked = check(&url);
    assert_eq!(checked.status.code(), Some(1));
    assert!(stderr(&checked).contains("answered 503"), "{}", stderr(&checked));
    assert_eq!(check("http://127.0.0.1:1").status.code(), Some(1));
}
