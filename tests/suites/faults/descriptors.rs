//! A process without a file descriptor to spare: what it cannot send is not the endpoint's fault, and it says that it is
//! not ready.

use std::time::Duration;

use hookline_tests::connection::Connection;
use hookline_tests::hookline::{Hookline, Start};
use hookline_tests::receiver::{Receiver, next};
use hookline_tests::wait_until::until;
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use serde_json::{Value, json};

use crate::publishers::EVENT;

/// Limits the descriptors of the process; those that it has already stay.
fn limit(hookline: &Hookline, current: Option<u64>) {
    let pid = i32::try_from(hookline.pid()).ok().and_then(Pid::from_raw);
    let maximum = getrlimit(Resource::Nofile).maximum;
    prlimit(pid, Resource::Nofile, Rlimit { current: current.or(maximum), maximum }).expect("a child can be limited");
}

async fn readiness(connection: &mut Connection) -> u16 {
    connection.get("/readyz").await.status.as_u16()
}

async fn deliveries(connection: &mut Connection, webhook: u64) -> Vec<Value> {
    let answer = connection.get(&format!("/v1/webhooks/{webhook}/deliveries")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json().as_array().expect("a list").clone()
}

/// Waits until `/readyz` answers so. A result is kept for a moment.
async fn is_ready(administrator: &mut Connection, status: u16) {
    let administrator = tokio::sync::Mutex::new(administrator);
    until("readiness", Duration::from_mins(2), || async {
        (readiness(&mut **administrator.lock().await).await == status).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_descriptors_no_endpoint_is_blamed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (receiver, mut arrivals) = Receiver::keeping().await;
    let hookline = Start::on(&folder.path().join("data")).keeping_all_lines().serve().await;
    let webhook = hookline.create_webhook(EVENT, &receiver.uri("/")).await;
    let mut administrator = hookline.administrator();
    assert_eq!(readiness(&mut administrator).await, 200);
    // A first read opens the files that reads need.
    assert_eq!(deliveries(&mut administrator, webhook).await, Vec::<Value>::new());

    limit(&hookline, Some(3));
    is_ready(&mut administrator, 503).await;
    let events: Vec<Value> = (0..12).map(|number| json!({"event": EVENT, "object_id": number})).collect();
    let answer = administrator.post("/v1/events", Value::from(events).to_string()).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    // A connection that cannot be accepted.
    let waiting = tokio::net::TcpStream::connect(hookline.address()).await.expect("the kernel takes it");
    let failed = || std::future::ready(hookline.last_lines().contains("processing a message failed").then_some(()));
    until("it fails to send", Duration::from_mins(2), failed).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(deliveries(&mut administrator, webhook).await, Vec::<Value>::new());
    let hosts = administrator.get("/v1/endpoint_hosts").await.json();
    assert_eq!(hosts, json!([]), "twelve failures would throttle a host");
    let report = administrator.post(&format!("/v1/webhooks/{webhook}/test?report=true"), "").await;
    assert_eq!(report.status, 503, "{report:?}");
    let record = administrator.get(&format!("/v1/webhooks/{webhook}")).await.json();
    assert_eq!((&record["last_error"], &record["disabled"]), (&Value::Null, &Value::Bool(false)));

    limit(&hookline, None);
    for _ in 0..12 {
        next(&mut arrivals).await;
    }
    let all = || async {
        let all = deliveries(&mut hookline.administrator(), webhook).await;
        (all.len() == 12).then_some(all)
    };
    let all = until("all are recorded", Duration::from_mins(2), all).await;
    for record in all {
        assert_eq!((&record["outcome"], &record["attempt"]), (&json!("succeeded"), &json!(1)), "{record}");
    }
    is_ready(&mut administrator, 200).await;
    drop(waiting);
    let refusals = hookline.last_lines().matches("accepting a connection failed").count();
    assert_eq!(refusals, 1, "one line for a state that lasts");
}
