//! SIGTERM in the middle of traffic: exit 0, and nothing is lost.

use std::time::Duration;

use hookline_tests::hookline::Start;

use crate::ledger::Ledger;
use crate::publishers::{EVENT, Publishers, nothing_waits};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_amid_traffic_exits_with_0_and_loses_nothing() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let ledger = Ledger::default();
    let receiver = ledger.receiver(20).await;
    let hookline = Start::on(&folder.path().join("data")).serve().await;
    let webhook = hookline.create_webhook(EVENT, &receiver.uri("/")).await;

    let publishers = Publishers::start(&hookline, "term", 3_000, 8);
    publishers.accepted(1_000).await;
    let (start, status) = hookline.terminate().await;
    assert!(status.success(), "SIGTERM ends in exit 0, not {status}");

    let hookline = start.serve().await;
    publishers.moved_to(&hookline);
    let accepted = publishers.finish().await;
    ledger.has_all(&[webhook], &accepted, Duration::from_mins(1)).await;
    nothing_waits(&hookline, &accepted, 1).await;
}
