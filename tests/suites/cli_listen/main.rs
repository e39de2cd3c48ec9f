//! `hookline listen` beside a service that requires verification: it calls back, and gets messages from then on.
//!
//! `cargo build --workspace` with the same profile comes first.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use hookline_tests::hookline::{Hookline, Start, binary};
use hookline_tests::wait_until::until;
use serde_json::{Value, json};

/// A running `hookline listen`, killed when it is dropped.
struct Listener {
    child: Child,
    address: String,
}

impl Listener {
    fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(binary())
            .args(["listen", "--listen", "127.0.0.1:0"])
            .args(arguments)
            .env_remove("HOOKLINE_URL")
            .env_remove("HOOKLINE_SECRET")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("hookline can be started");
        let mut lines = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let mut line = String::new();
        lines.read_line(&mut line).expect("it says where it listens");
        // Whatever else it says is read, so that it never waits for us.
        std::thread::spawn(move || lines.lines().for_each(drop));
        let address = line.trim().rsplit(' ').next().expect("an address").to_owned();
        Self { child, address }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn required(folder: &tempfile::TempDir) -> Hookline {
    Start::on(&folder.path().join("data")).with("HOOKLINE_VERIFICATION", "required").serve().await
}

/// The webhook's records, newest first.
async fn records(hookline: &Hookline, id: u64) -> Vec<Value> {
    let answer = hookline.administrator().get(&format!("/v1/webhooks/{id}/deliveries")).await;
    answer.json().as_array().expect("a list").clone()
}

async fn is_verified(hookline: &Hookline, id: u64) -> bool {
    let answer = hookline.administrator().get(&format!("/v1/webhooks/{id}?fields=verified")).await;
    answer.json()["verified"].as_bool().expect("a boolean")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_calls_back_and_is_sent_messages() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let hookline = required(&folder).await;
    // One that fails at first calls back at a later attempt.
    for arguments in [&[][..], &["--url", &format!("http://{}", hookline.address())], &["--fail-first", "2"]] {
        let listener = Listener::start(arguments);
        let id = hookline.create_webhook("request.create", &format!("{}/x", listener.address)).await;
        let verified = || async { is_verified(&hookline, id).await.then_some(()) };
        until("the webhook is verified", Duration::from_mins(2), verified).await;
        let event = json!({"event": "request.create", "object_id": 1}).to_string();
        assert_eq!(hookline.administrator().post("/v1/events", event).await.status, 202);
        let delivered = || async {
            let all = records(&hookline, id).await;
            all.iter().any(|one| one["event"] == "request.create" && one["outcome"] == "succeeded").then_some(())
        };
        until("the message is delivered", Duration::from_mins(2), delivered).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_calls_nobody_but_the_service_that_it_was_told() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let hookline = required(&folder).await;
    let listener = Listener::start(&["--url", "http://127.0.0.1:9/a/main"]);
    let id = hookline.create_webhook("request.create", &listener.address).await;
    let dropped = || async {
        let all = records(&hookline, id).await;
        all.iter().any(|one| one["outcome"] == "dropped").then_some(all)
    };
    let all = until("the last attempt failed", Duration::from_mins(2), dropped).await;
    assert!(all.iter().all(|one| one["error"] == "502 Bad Gateway"), "{all:?}");
    assert!(!is_verified(&hookline, id).await);
}
