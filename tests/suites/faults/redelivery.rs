//! `kill -9` in the middle of a redelivery job that recovers a long outage: every message arrives, those that the kill did
//! not catch in flight exactly once, and the job ends (section 10).

use std::collections::HashMap;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hookline_tests::hookline::{Hookline, Start};
use hookline_tests::receiver::{Receiver, Reply};
use hookline_tests::wait_until::until;
use http::Method;
use serde_json::{Value, json};

use crate::publishers::{EVENT, event};

/// So many are dropped while the endpoint is down.
const DROPPED: usize = 1_500;
/// The rest meets a webhook that its administrator disabled.
const MESSAGES: usize = 10_000;
/// Messages that had arrived when the process was killed.
const KILLS: [usize; 4] = [1, 90, 1_100, 5_000];
/// What can be in flight to one host.
const IN_FLIGHT: usize = 64;

async fn ask(hookline: &Hookline, webhook: u64, dry_run: bool) -> Value {
    let body = json!({"dry_run": dry_run}).to_string();
    let answer = hookline.administrator().post(&format!("/v1/webhooks/{webhook}/redeliver"), body).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    answer.json()
}

async fn publish(hookline: &Hookline, numbers: Range<usize>) {
    let mut administrator = hookline.administrator();
    for batch in numbers.step_by(100) {
        let events = (0..100).map(|number| event(&format!("{batch}-{number}"), number)).collect::<Vec<_>>();
        let answer = administrator.post("/v1/events", format!("[{}]", events.join(","))).await;
        assert_eq!(answer.status, 202);
    }
}

/// Waits until so many messages wait for a job.
async fn lost(hookline: &Hookline, webhook: u64, messages: usize) {
    until("all messages are dropped or skipped", Duration::from_mins(2), || async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        (ask(hookline, webhook, true).await["matched"] == messages).then_some(())
    })
    .await;
}

async fn disable(hookline: &Hookline, webhook: u64, disabled: bool) {
    let body = json!({"disabled": disabled}).to_string();
    let path = format!("/v1/webhooks/{webhook}");
    let answer = hookline.administrator().call(Method::PATCH, &path, Some(body.into())).await.expect("an answer");
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_job_goes_on_and_sends_nothing_twice() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (down, arrived) = (Arc::new(AtomicBool::new(true)), Arc::new(Mutex::new(HashMap::<String, usize>::new())));
    let receiver = {
        let (down, arrived) = (Arc::clone(&down), Arc::clone(&arrived));
        Receiver::start(move |arrival| {
            if down.load(Ordering::Relaxed) {
                return Reply::status(500);
            }
            *arrived.lock().expect("no panic").entry(arrival.required("webhook-id").to_owned()).or_default() += 1;
            Reply { status: 204, delay: Duration::from_millis(10) }
        })
    };
    let receiver = receiver.await;
    let count = || arrived.lock().expect("no panic").len();

    let start = Start::on(&folder.path().join("data")).with("HOOKLINE_WAIT_SCALE", "0.000001");
    let mut hookline = start.serve().await;
    let webhook = hookline.create_webhook(EVENT, &receiver.uri("/")).await;
    publish(&hookline, 0..DROPPED).await;
    lost(&hookline, webhook, DROPPED).await;
    disable(&hookline, webhook, true).await;
    publish(&hookline, DROPPED..MESSAGES).await;
    lost(&hookline, webhook, MESSAGES).await;
    disable(&hookline, webhook, false).await;

    down.store(false, Ordering::Relaxed);
    let job = ask(&hookline, webhook, false).await;
    assert_eq!((&job["matched"], &job["more"]), (&json!(MESSAGES), &json!(false)));
    for kill in KILLS {
        until("messages arrive", Duration::from_mins(2), || async { (count() >= kill).then_some(()) }).await;
        hookline = hookline.kill().serve().await;
    }
    // What was in flight at a kill comes again when its lease of a minute is over.
    until("all messages arrive", Duration::from_mins(3), || async { (count() >= MESSAGES).then_some(()) }).await;
    let path = format!("/v1/redeliveries/{}", job["id"].as_str().expect("an id"));
    let ended = until("the job ends", Duration::from_mins(2), || async {
        let job = hookline.administrator().get(&path).await.json();
        (job["state"] == "done").then_some(job)
    })
    .await;
    assert_eq!(ended["redelivered"], MESSAGES);
    until("every success is recorded", Duration::from_mins(3), || async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        (ask(&hookline, webhook, true).await["matched"] == 0).then_some(())
    })
    .await;
    let repeats: usize = arrived.lock().expect("no panic").values().map(|times| times - 1).sum();
    println!("{MESSAGES} messages, {} kills, {repeats} repeats", KILLS.len());
    assert!(repeats <= KILLS.len() * IN_FLIGHT, "only what was in flight at a kill is repeated, not {repeats}");
}
