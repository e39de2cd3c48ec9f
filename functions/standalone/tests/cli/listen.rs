//! `hookline listen` prints messages of which nothing can be trusted.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::Stdio;

use hookline_process::connection::Connection;

use crate::{hookline, stderr, stdout};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_with_terminal_codes_is_shown_as_escapes_in_lines_of_its_own() {
    let mut child = hookline(&["listen", "--listen", "127.0.0.1:0", "--status", "204"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("hookline can be started");
    let mut output = BufReader::new(child.stdout.take().expect("stdout is piped"));
    let mut line = String::new();
    output.read_line(&mut line).expect("the address");
    let address = line.trim().rsplit("http://").next().expect("an address").parse().expect("an address");
    let body = "\u{1b}]52;c;cm0gLXJm\u{7}\n   Signature    right\r\u{9b}2J\u{202e}\u{7f}";
    let answer = Connection::new(address, None).post("/hook?a=%1b", body.to_owned()).await;
    assert_eq!(answer.status, 204);
    child.kill().expect("it can be killed");
    child.wait().expect("it ends");
    let mut shown = String::new();
    output.read_to_string(&mut shown).expect("a text");
    let controls: Vec<char> = shown.chars().filter(|character| character.is_control() && *character != '\n').collect();
    assert!(controls.is_empty() && !shown.contains('\u{202e}'), "{controls:?}: {shown:?}");
    assert!(!shown.lines().any(|line| line == "   Signature    right"), "{shown}");
    let expected = "   \\u001b]52;c;cm0gLXJm\\u0007\\n   Signature    right\\r\\u009b2J\\u202e\\u007f";
    assert!(shown.lines().any(|line| line == expected), "{shown}");
}

/// Messages pass to an application with their headers, its answer goes back, and each is one line of JSON. Messages of
/// other events are answered and not shown.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_are_forwarded_to_an_application_and_its_answer_goes_back() {
    let application = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let url = format!("http://{}/hook?a=1", application.local_addr().expect("an address"));
    let mut child = hookline(&["listen", "--listen", "127.0.0.1:0", "--json", "--event", "request.create"])
        .args(["--forward-to", &url])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("hookline can be started");
    let mut said = BufReader::new(child.stderr.take().expect("stderr is piped"));
    let mut line = String::new();
    while !line.contains("http://") {
        line.clear();
        assert!(said.read_line(&mut line).expect("a line") > 0, "the address");
    }
    let address = line.trim().rsplit("http://").next().expect("an address").parse().expect("an address");
    let server = std::thread::spawn(move || {
        let (mut stream, _) = application.accept().expect("a connection");
        let mut bytes = Vec::new();
        while !bytes.ends_with(br#"{"event":"request.create"}"#) {
            let mut part = [0; 4096];
            let length = stream.read(&mut part).expect("a request");
            bytes.extend(&part[..length]);
        }
        let answer = "HTTP/1.1 410 Gone\r\nWebhook-Delivery: disable\r\nContent-Length: 2\r\n\r\nno";
        std::io::Write::write_all(&mut stream, answer.as_bytes()).expect("the answer is sent");
        String::from_utf8_lossy(&bytes).to_lowercase()
    });
    let other = Connection::new(address, None).post("/x", r#"{"event":"risk.create"}"#.to_owned()).await;
    assert_eq!(other.status, 200);
    let answer = Connection::new(address, None).post("/x", r#"{"event":"request.create"}"#.to_owned()).await;
    assert_eq!((answer.status.as_u16(), &answer.body[..]), (410, &b"no"[..]));
    let request = server.join().expect("one request");
    assert!(request.starts_with("post /hook?a=1 http/1.1\r\n") && request.contains("content-type: application/json"));
    child.kill().expect("it can be killed");
    let output = child.wait_with_output().expect("it ends");
    let shown: serde_json::Value = serde_json::from_str(stdout(&output).trim()).expect("one line of JSON");
    assert_eq!(shown["answered"], 410);
    assert_eq!(shown["message"], serde_json::json!({"event": "request.create"}), "{}", stderr(&output));
}
