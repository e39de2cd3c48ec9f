//! What keeps a data folder safe, on the real process: a backup beside a working service, a restore elsewhere, and a new
//! master key while messages are being signed (section 11); and nothing secret in what is answered, logged, mailed and
//! stored ([`canaries`]).
//!
//! `cargo build --workspace` with the same profile comes first.

mod canaries;

use std::path::Path;
use std::process::{Command, Output, Stdio};

use hookline_tests::connection::Connection;
use hookline_tests::hookline::{Hookline, Start, binary};
use hookline_tests::receiver::{Arrival, Receiver, next};
use serde_json::json;

fn hookline(arguments: &[&str], data: &Path) -> Output {
    let command = Command::new(binary()).args(arguments).arg("--data").arg(data).stdin(Stdio::null()).output();
    command.expect("hookline can be started")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

async fn secret(service: &Hookline, webhook: u64) -> String {
    let answer = service.administrator().get(&format!("/v1/webhooks/{webhook}/secret")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["secret"].as_str().expect("a secret").to_owned()
}

async fn publish(service: &Hookline, event: &str) {
    let body = json!({"event": event, "object_id": 1}).to_string();
    assert_eq!(service.administrator().post("/v1/events", body).await.status, 202);
}

/// Checks the next message as a receiver would.
async fn arrives_signed(arrivals: &mut tokio::sync::mpsc::UnboundedReceiver<Arrival>, secret: &str) {
    let arrival = next(arrivals).await;
    let headers: http::HeaderMap = ["webhook-id", "webhook-timestamp", "webhook-signature"]
        .into_iter()
        .map(|name| (http::HeaderName::from_static(name), arrival.required(name).parse().expect("a header value")))
        .collect();
    let webhook = standardwebhooks::Webhook::new(secret).expect("a Standard Webhooks secret");
    webhook.verify(&arrival.body, &headers).expect("the signature verifies");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_is_the_service_at_one_moment() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (receiver, mut arrivals) = Receiver::keeping().await;
    let service = Start::on(&folder.path().join("data")).serve().await;
    let webhook = service.create_webhook("request.create", &receiver.uri("/")).await;
    let before = secret(&service, webhook).await;
    let file = folder.path().join("backup");
    let name = file.to_str().expect("a name in UTF-8");
    service.command(&["backup", name]);
    let later = service.create_webhook("*", &receiver.uri("/later")).await;

    let refused = hookline(&["restore", name, "--replace"], service.data());
    assert_eq!(refused.status.code(), Some(1));
    assert!(said(&refused).contains("stop it first"), "{}", said(&refused));
    assert_eq!(hookline(&["backup", name], service.data()).status.code(), Some(1), "no file is overwritten");

    let elsewhere = folder.path().join("elsewhere");
    let restored = hookline(&["restore", name, "--json"], &elsewhere);
    assert!(restored.status.success(), "{}", said(&restored));
    assert!(String::from_utf8_lossy(&restored.stdout).contains("\"needs_key\":true"));
    for file in ["key", "admin-token"] {
        std::fs::copy(service.data().join(file), elsewhere.join(file)).expect("a file can be copied");
    }
    let again = hookline(&["restore", name], &elsewhere);
    assert!(said(&again).contains("--replace"), "{}", said(&again));

    let other = Start::on(&elsewhere).serve().await;
    assert_eq!(secret(&other, webhook).await, before);
    assert_eq!(other.administrator().get(&format!("/v1/webhooks/{later}")).await.status, 404);
    publish(&other, "request.create").await;
    arrives_signed(&mut arrivals, &before).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_master_key_changes_while_messages_are_signed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (receiver, mut arrivals) = Receiver::keeping().await;
    let service = Start::on(&folder.path().join("data")).serve().await;
    let webhook = service.create_webhook("request.create", &receiver.uri("/")).await;
    let before = secret(&service, webhook).await;
    // An account that has no data key yet gets one after the change.
    let token = service.create_account("young");
    let backup = folder.path().join("backup");
    service.command(&["backup", backup.to_str().expect("a name in UTF-8")]);

    service.command(&["key", "rotate"]);
    assert_eq!(secret(&service, webhook).await, before);
    publish(&service, "request.create").await;
    arrives_signed(&mut arrivals, &before).await;
    let mut young = Connection::new(service.address(), Some(&token));
    let input = json!({"event": "*", "uri": receiver.uri("/young")}).to_string();
    let created = young.post("/v1/webhooks", input).await;
    assert_eq!(created.status, 200, "{created:?}");

    let (start, status) = service.terminate().await;
    assert!(status.success());
    // The backup is older than the key.
    let refused = hookline(&["restore", backup.to_str().expect("a name in UTF-8"), "--replace"], &start.data);
    assert!(said(&refused).contains("another key"), "{}", said(&refused));

    let service = start.serve().await;
    assert_eq!(secret(&service, webhook).await, before);
    let mut young = Connection::new(service.address(), Some(&token));
    let path = format!("/v1/webhooks/{}/secret", created.json()["id"]);
    assert_eq!(young.get(&path).await.status, 200);
}
