//! The functions on AWS move the instruments of the binary, but for those that only a process has.

use std::collections::BTreeSet;

use hookline_core::values::{Clock as _, System};
use hookline_tests::target::aws::Aws;
use hookline_tests::target::{Target as _, Variation};
use hookline_tests::wait_until::until;
use http::Request;
use serde_json::{Value, json};

use super::{MeasuredService, PATIENCE, endpoint};

/// Gauges, and what tells of one process and its files. AWS has metrics of its own for these.
const OF_THE_BINARY: [&str; 9] = [
    "hookline_build_info",
    "hookline_hosts_throttled",
    "hookline_in_flight",
    "hookline_messages_waiting",
    "hookline_oldest_due_seconds",
    "hookline_redelivery_jobs",
    "hookline_store_bytes",
    "hookline_store_free_bytes",
    "hookline_webhooks",
];

/// Calls that move every instrument: paths and bodies.
fn calls(good: &str, bad: &str) -> [(&'static str, Value); 5] {
    let mail = "ada@example.com";
    [
        ("/v1/webhooks", json!({"event": "risk.create", "uri": good})),
        ("/v1/webhooks", json!({"event": "ci.create", "uri": bad, "mail_exceptions_to": mail})),
        ("/v1/events", json!({"event": "risk.create", "object_id": 1})),
        ("/v1/events", json!({"event": "ci.create", "object_id": 1})),
        ("/v1/events", json!({"event": "nonsense", "object_id": 1})),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_runtimes_move_the_same_instruments() {
    let endpoint = endpoint().await;
    let calls = calls(&endpoint.uri("/ok"), &endpoint.uri("/bad"));
    let (binary, aws) = (MeasuredService::start(&[]).await, Aws::start(Variation::default()).await);
    aws.create_account("wdc", "UTC").await;
    let token = aws.create_token("wdc", "administrator", None).await.secret;
    for (path, body) in calls {
        let on_binary = binary.hookline.administrator().post(path, body.to_string()).await;
        let request = Request::post(path).header("Authorization", format!("Bearer {token}"));
        let request = request.header("Content-Type", "application/json").body(body.to_string().into());
        let on_aws = aws.send(request.expect("a request")).await;
        assert_eq!(on_binary.status, on_aws.status, "{path} {body}");
    }
    let metrics = aws.deployment.metrics();
    let moved = tokio::sync::Mutex::new(BTreeSet::new());
    until("both move the same", PATIENCE, || async {
        let mut moved = moved.lock().await;
        for line in metrics.lines(System.now()) {
            moved.extend(line.as_object().expect("fields").keys().filter(|name| is_ours(name)).cloned());
        }
        let of_binary = instruments(&binary).await;
        (*moved == of_binary && of_binary.len() >= 12).then_some(())
    })
    .await;
}

/// The names that the binary shows with samples.
async fn instruments(service: &MeasuredService) -> BTreeSet<String> {
    let samples = service.scrape().await;
    let names = samples.keys().filter_map(|sample| sample.split('{').next()).map(|name| {
        let histogram = ["_bucket", "_count", "_sum"].iter().find_map(|part| name.strip_suffix(part));
        histogram.unwrap_or(name).to_owned()
    });
    names.filter(|name| is_ours(name) && !OF_THE_BINARY.contains(&name.as_str())).collect()
}

fn is_ours(name: &str) -> bool {
    name.starts_with("hookline_")
}
