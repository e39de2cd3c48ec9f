//! All 77 events, published with `curl`, verified by three libraries.

use std::time::Duration;

use hookline_core::model::event::{AUTOMATION_RULE, EVENT_NAMES};
use hookline_tests::hookline::{Hookline, Start};
use hookline_tests::receiver::{Arrival, Receiver, next};
use hookline_tests::wait_until::until;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::json;
use standardwebhooks::Webhook;

use crate::curl;
use crate::foreign::Foreign;

/// Publishes one of each. A pattern never matches `automation_rule`, so 76 reach a webhook for `*`.
fn publish_all(hookline: &Hookline) -> usize {
    for (number, name) in EVENT_NAMES.iter().enumerate() {
        let mut event = json!({"id": format!("each-{number}"), "event": name, "object_id": number, "person_id": 6,
            "person_name": "Ada Иванова", "payload": {"text": "Ж 🚀 \u{2028} \"quoted\"", "number": number}});
        if *name == AUTOMATION_RULE {
            event["webhook"] = json!("a name that no webhook has");
        }
        curl::publish(hookline, event.to_string().as_bytes());
    }
    EVENT_NAMES.iter().filter(|name| **name != AUTOMATION_RULE).count()
}

async fn verified_by(foreign: Foreign) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let hookline = Start::on(&folder.path().join("data")).serve().await;
    foreign.subscribe(&hookline).await;
    let expected = publish_all(&hookline);
    let report = until("every message is judged", Duration::from_mins(2), || async {
        let report = foreign.report().await;
        let faults = report["faults"].as_array().expect("a list").len() as u64;
        (report["verified"].as_u64().expect("a count") + faults >= expected as u64).then_some(report)
    });
    let report = report.await;
    assert_eq!(report["faults"], json!([]));
    assert_eq!(report["verified"], expected);
    assert_eq!(report["refused"], 4 * expected, "four changed copies of each are refused");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_the_python_library() {
    verified_by(Foreign::python()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_the_javascript_library() {
    verified_by(Foreign::javascript()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_the_rust_library_each_event_by_a_webhook_of_its_own() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let hookline = Start::on(&folder.path().join("data")).serve().await;
    let (receiver, mut arrivals) = Receiver::keeping().await;
    let mut libraries = std::collections::HashMap::new();
    for name in EVENT_NAMES {
        let id = hookline.create_webhook(name, &receiver.uri(&format!("/{name}"))).await;
        let secret = hookline.administrator().get(&format!("/v1/webhooks/{id}/secret")).await.json();
        let library = Webhook::new(secret["secret"].as_str().expect("a secret")).expect("in the library's form");
        libraries.insert(format!("/{name}"), library);
    }
    for (number, name) in EVENT_NAMES.iter().enumerate() {
        let mut event = json!({"event": name, "object_id": number, "payload": {"number": number}});
        if *name == AUTOMATION_RULE {
            event["webhook"] = json!(AUTOMATION_RULE);
        }
        curl::publish(&hookline, event.to_string().as_bytes());
    }
    for _ in EVENT_NAMES {
        let arrival = next(&mut arrivals).await;
        let library = libraries.remove(&arrival.path).expect("each webhook gets its event, once");
        assert_eq!(arrival.path, format!("/{}", arrival.json()["event"].as_str().expect("a name")));
        judge(&library, &arrival);
    }
}

/// Accepted as it came, refused with anything changed.
fn judge(library: &Webhook, arrival: &Arrival) {
    let headers: HeaderMap = ["webhook-id", "webhook-timestamp", "webhook-signature"]
        .into_iter()
        .map(|name| (HeaderName::from_static(name), arrival.required(name).parse().expect("a header value")))
        .collect();
    library.verify(&arrival.body, &headers).expect("what arrives verifies on the raw bytes");

    let with = |name: &'static str, value: String| {
        let mut headers = headers.clone();
        headers.insert(name, HeaderValue::from_str(&value).expect("a header value"));
        headers
    };
    let mut body = arrival.body.to_vec();
    body.insert(1, b' ');
    let earlier = arrival.required("Webhook-Timestamp").parse::<i64>().expect("seconds") - 1;
    let signature = arrival.required("Webhook-Signature");
    let other = if signature.as_bytes()[10] == b'A' { "B" } else { "A" };
    let forged = format!("{}{other}{}", &signature[..10], &signature[11..]);
    assert!(library.verify(&body, &headers).is_err(), "a changed body");
    let other_id = with("webhook-id", format!("{}x", arrival.required("Webhook-Id")));
    assert!(library.verify(&arrival.body, &other_id).is_err(), "a changed id");
    assert!(library.verify(&arrival.body, &with("webhook-timestamp", earlier.to_string())).is_err(), "a changed time");
    assert!(library.verify(&arrival.body, &with("webhook-signature", forged)).is_err(), "a changed signature");
}
