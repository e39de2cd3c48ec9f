//! A collector of traces that never answers, or is down: messages are delivered all the same, and the process ends.

use std::time::Duration;

use hookline_tests::hookline::Start;
use hookline_tests::receiver::Receiver;
use serde_json::json;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// Far more than wait at once.
const EVENTS: usize = 300;

/// A collector that takes connections and reads, and never answers. Tells of each connection.
async fn silent() -> (String, mpsc::UnboundedReceiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let uri = format!("http://{}", listener.local_addr().expect("an address"));
    let (connected, connections) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            connected.send(()).expect("the test listens");
            tokio::spawn(async move {
                let mut read = [0; 4096];
                while stream.read(&mut read).await.is_ok_and(|count| count > 0) {}
            });
        }
    });
    (uri, connections)
}

/// Everything arrives while spans are dropped, and SIGTERM ends the process in time.
async fn nothing_waits_for(endpoint: String, mut asked: impl AsyncFnMut()) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let hookline = Start::on(&folder.path().join("data"))
        .with("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        .with("OTEL_EXPORTER_OTLP_TIMEOUT", "600000")
        .with("OTEL_BSP_EXPORT_TIMEOUT", "600000")
        .with("OTEL_BSP_SCHEDULE_DELAY", "1")
        .with("OTEL_BSP_MAX_QUEUE_SIZE", "8")
        .serve()
        .await;
    let (receiver, mut arrivals) = Receiver::keeping().await;
    hookline.create_webhook("request.create", &receiver.uri("/hook")).await;
    let events = vec![json!({"event": "request.create", "object_id": 1}); 100];
    for _ in 0..EVENTS / events.len() {
        let answer = hookline.administrator().post("/v1/events", json!(events).to_string()).await;
        assert_eq!(answer.status, 202);
    }
    for _ in 0..EVENTS {
        let arrival = tokio::time::timeout(Duration::from_mins(1), arrivals.recv()).await;
        arrival.expect("a message arrives while the collector hangs").expect("the receiver lives");
    }
    asked().await;
    // A request to the collector would last ten minutes.
    let (_, status) = hookline.terminate().await;
    assert!(status.success(), "{status}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_never_answers_delays_nothing() {
    let (endpoint, mut connections) = silent().await;
    nothing_waits_for(endpoint, async || connections.recv().await.expect("spans were sent")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_is_down_delays_nothing() {
    let free = TcpListener::bind("127.0.0.1:0").await.and_then(|listener| listener.local_addr()).expect("a free port");
    nothing_waits_for(format!("http://{free}"), async || {}).await;
}
