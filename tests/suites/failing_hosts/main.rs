//! Endpoint hosts that fail, and the real process: what is left alone on the wire, and what goes on (section 8).
//!
//! `cargo build --workspace` with the same profile comes first.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use hookline_tests::hookline::{Hookline, Start};
use hookline_tests::receiver::{Receiver, Reply, next};
use hookline_tests::wait_until::until;
use http::Method;
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_mins(2);
/// What can be in flight to one host.
const IN_FLIGHT: usize = 64;

async fn serve(folder: &tempfile::TempDir, wait_scale: &str) -> Hookline {
    Start::on(&folder.path().join("data")).with("HOOKLINE_WAIT_SCALE", wait_scale).serve().await
}

async fn publish(hookline: &Hookline, count: usize) {
    let event = json!({"event": "request.create", "object_id": 1});
    let answer = hookline.administrator().post("/v1/events", Value::from(vec![event; count]).to_string()).await;
    assert_eq!(answer.status, 202, "{answer:?}");
}

async fn hosts(hookline: &Hookline) -> Vec<Value> {
    let answer = hookline.administrator().get("/v1/endpoint_hosts").await.json();
    answer.as_array().expect("a list").clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn retry_after_holds_all_of_the_host_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let refused = Arc::new(AtomicBool::new(false));
    let first = Arc::clone(&refused);
    let (arrived, mut arrivals) = tokio::sync::mpsc::unbounded_channel();
    let receiver = Receiver::start(move |arrival| {
        // The receiver may be gone; that is no failure.
        let _ = arrived.send((arrival.path.clone(), Instant::now()));
        if first.swap(true, Ordering::Relaxed) {
            return Reply::status(204).into();
        }
        // Two seconds, scaled 1:10.
        Reply::status(503).retry_after(20)
    });
    let receiver = receiver.await;
    let (other, mut others) = Receiver::keeping().await;
    let hookline = serve(&folder, "0.1").await;
    hookline.create_webhook("request.create", &receiver.uri("/a")).await;
    publish(&hookline, 1).await;
    let held = until("the host is held", PATIENCE, || async { hosts(&hookline).await.pop() }).await;
    assert!(held["throttled_at"].is_null() && held["held_until"].is_string(), "{held}");
    hookline.create_webhook("request.create", &receiver.uri("/b")).await;
    hookline.create_webhook("request.create", &other.uri("/")).await;
    publish(&hookline, 1).await;
    next(&mut others).await;

    let mut at = Vec::new();
    for _ in 0..4 {
        let arrival = tokio::time::timeout(PATIENCE, arrivals.recv()).await.expect("messages arrive in time");
        at.push(arrival.expect("the receiver runs").1);
    }
    let wait = at[1] - at[0];
    assert!(wait >= Duration::from_millis(1990), "the next one came after {wait:?}");
    until("nothing is held", PATIENCE, || async { hosts(&hookline).await.is_empty().then_some(()) }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_host_gets_probes_until_it_lives_also_after_a_kill() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (requests, alive) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let receiver = {
        let (requests, alive) = (Arc::clone(&requests), Arc::clone(&alive));
        Receiver::start(move |_| {
            requests.fetch_add(1, Ordering::Relaxed);
            Reply::status(if alive.load(Ordering::Relaxed) { 204 } else { 502 })
        })
    };
    let receiver = receiver.await;
    // A minute is 0.6 s.
    let hookline = serve(&folder, "0.01").await;
    let began = Instant::now();
    let webhook = hookline.create_webhook("request.create", &receiver.uri("/")).await;
    publish(&hookline, 100).await;
    publish(&hookline, 100).await;
    let throttled = until("the host is throttled", PATIENCE, || async { hosts(&hookline).await.pop() }).await;
    assert!(throttled["throttled_at"].is_string() && throttled["next_probe_at"].is_string(), "{throttled}");
    let (probe, next_probe) = (throttled["next_probe_at"].clone(), || async {
        let host = hosts(&hookline).await.pop().expect("it stays throttled");
        (host["throttled_at"] == throttled["throttled_at"]).then(|| host["next_probe_at"].clone())
    });
    until("probes fail", PATIENCE, || async {
        let later = next_probe().await.expect("it is throttled only once");
        (later.as_str() > probe.as_str()).then_some(())
    })
    .await;

    let hookline = hookline.kill().serve().await;
    let waiting = hosts(&hookline).await.pop().expect("it is throttled still")["waiting"].clone();
    assert_eq!(waiting, 200);
    let before = requests.load(Ordering::Relaxed);
    // Waits double from a minute to fifteen: four probes, then one in nine seconds.
    let probes = 5 + usize::try_from(began.elapsed().as_secs() / 9).expect("a number of probes");
    assert!(before < 10 + IN_FLIGHT + probes, "{before} requests: more than the run, what was in flight, and probes");
    alive.store(true, Ordering::Relaxed);
    let id = throttled["id"].as_str().expect("an id");
    let path = format!("/v1/endpoint_hosts/{id}/throttle");
    let answer = hookline.administrator().call(Method::DELETE, &path, None).await.expect("an answer");
    assert_eq!(answer.status, 204);
    until("all messages arrive", PATIENCE, || async {
        (requests.load(Ordering::Relaxed) >= before + 200 && hosts(&hookline).await.is_empty()).then_some(())
    })
    .await;
    let path = format!("/v1/webhooks/{webhook}/deliveries?outcome=dropped,cancelled");
    assert_eq!(hookline.administrator().get(&path).await.json(), json!([]));
}
