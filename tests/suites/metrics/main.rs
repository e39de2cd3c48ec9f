//! The metrics of the real process (section 12): each instrument moves as it should while the service works.
//!
//! `cargo build --workspace` with the same profile comes first.

mod both_runtimes;

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::process::Command;
use std::time::Duration;

use bytes::Bytes;
use hookline_tests::connection::Connection;
use hookline_tests::hookline::{Hookline, Start, binary};
use hookline_tests::receiver::{Receiver, Reply};
use hookline_tests::wait_until::until;
use http::Request;
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_mins(2);

/// A service whose metrics are shown.
struct MeasuredService {
    hookline: Hookline,
    metrics: SocketAddr,
    _folder: tempfile::TempDir,
}

impl MeasuredService {
    async fn start(environment: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port");
        let start = Start::on(&folder.path().join("data")).with("HOOKLINE_METRICS_LISTEN", free.port().to_string());
        let start = environment.iter().fold(start, |start, (name, value)| start.with(name, *value));
        Self { hookline: start.serve().await, metrics: free, _folder: folder }
    }

    /// The path of a new webhook.
    async fn webhook(&self, uri: &str, fields: Value) -> String {
        let mut body = json!({"event": "request.create", "uri": uri, "mail_exceptions_to": "ada@example.com"});
        body.as_object_mut().expect("fields").extend(fields.as_object().expect("fields").clone());
        let answer = self.hookline.administrator().post("/v1/webhooks", body.to_string()).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        format!("/v1/webhooks/{}", answer.json()["id"])
    }

    async fn post(&self, path: &str, body: &Value, status: u16) {
        let answer = self.hookline.administrator().post(path, body.to_string()).await;
        assert_eq!(answer.status, status, "{answer:?}");
    }

    async fn publish(&self, event: &str) {
        self.post("/v1/events", &json!({"event": event, "object_id": 1}), 202).await;
    }

    fn publish_by_command_line(&self, event: &str) {
        let published = Command::new(binary())
            .args(["publish", event, "--url", &format!("http://{}", self.hookline.address())])
            .env("HOOKLINE_TOKEN", self.hookline.admin_token())
            .output()
            .expect("hookline can be started");
        assert!(published.status.success(), "{published:?}");
    }

    /// The page in a format.
    async fn page(&self, accept: &str) -> (String, String) {
        let request = Request::get("/metrics").header("host", "127.0.0.1").header("accept", accept);
        let request = request.body(Bytes::new()).expect("a request");
        let answer = Connection::new(self.metrics, None).send(request).await.expect("an answer");
        assert_eq!(answer.status, 200, "{answer:?}");
        let kind = answer.headers.get("content-type").and_then(|kind| kind.to_str().ok()).expect("a type").to_owned();
        (kind, String::from_utf8(answer.body.to_vec()).expect("text"))
    }

    /// All samples by name and labels.
    async fn scrape(&self) -> BTreeMap<String, f64> {
        let (_, page) = self.page("*/*").await;
        let samples = page.lines().filter(|line| !line.starts_with('#')).map(|line| {
            let (name, value) = line.rsplit_once(' ').expect("a name and a value");
            (name.to_owned(), value.parse().expect("a number"))
        });
        samples.collect()
    }

    /// Waits until a sample has come this far.
    async fn reaches(&self, sample: &str, least: f64) {
        self.becomes(&format!("{sample} is {least}"), sample, |value| value >= least).await;
    }

    /// Waits until a gauge is 0 again.
    async fn returns_to_zero(&self, gauge: &str) {
        self.becomes(&format!("{gauge} is 0"), gauge, |value| value.abs() < f64::EPSILON).await;
    }

    async fn becomes(&self, what: &str, sample: &str, is_right: impl Fn(f64) -> bool) {
        until(what, PATIENCE, || async {
            let samples = self.scrape().await;
            samples.get(sample).is_some_and(|value| is_right(*value)).then_some(())
        })
        .await;
    }
}

/// The endpoint of every webhook: its path says what it does.
async fn endpoint() -> Receiver {
    Receiver::start(|arrival| match arrival.path.as_str() {
        "/ok" => Reply::status(204),
        "/slow" => Reply { status: 204, delay: Duration::from_secs(4) },
        "/silent" => Reply { status: 204, delay: Duration::from_mins(2) },
        _ => Reply::status(500),
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_counter_and_histogram_moves() {
    let service = MeasuredService::start(&[]).await;
    let endpoint = endpoint().await;
    let before = service.scrape().await;
    assert!(!before.keys().any(|name| name.starts_with("hookline_deliveries")), "{before:?}");

    // Successes, over a new connection and over the same one.
    service.webhook(&endpoint.uri("/ok"), json!({"event": "risk.create"})).await;
    for delivered in [1.0, 2.0] {
        service.publish("risk.create").await;
        service.reaches("hookline_end_to_end_seconds_count", delivered).await;
    }
    // A failing webhook: ten attempts, mails, and a message that is dropped.
    let failing = service.webhook(&endpoint.uri("/bad"), json!({"event": "ci.create"})).await;
    service.publish("ci.create").await;
    let dropped = r#"hookline_deliveries_total{outcome="dropped",error_class="http-status",fault="endpoint"}"#;
    service.reaches(dropped, 1.0).await;
    // A disabled webhook misses an event.
    service.webhook(&endpoint.uri("/ok"), json!({"event": "task.create", "disabled": true})).await;
    service.publish("task.create").await;
    // A timeout, and an endpoint that is not there.
    service.webhook(&endpoint.uri("/silent"), json!({"event": "person.create"})).await;
    service.publish("person.create").await;
    service.webhook("http://127.0.0.1:1/", json!({"event": "problem.create"})).await;
    service.publish("problem.create").await;
    // A redelivery job, and an event that is refused.
    service.post(&format!("{failing}/redeliver"), &json!({}), 202).await;
    service.post("/v1/events", &json!({"event": "nonsense", "object_id": 1}), 422).await;
    service.publish_by_command_line("risk.create");
    let mut visitor = Connection::new(service.hookline.address(), None);
    assert_eq!(visitor.get("/v1/nothing").await.status, 404);

    for (sample, least) in [
        (r#"hookline_events_accepted_total{by="http"}"#, 6.0),
        (r#"hookline_events_accepted_total{by="cli"}"#, 1.0),
        (r#"hookline_events_refused_total{reason="invalid"}"#, 1.0),
        ("hookline_publish_duration_seconds_count", 7.0),
        (r#"hookline_deliveries_total{outcome="succeeded",error_class="",fault=""}"#, 2.0),
        (r#"hookline_deliveries_total{outcome="failed",error_class="http-status",fault="endpoint"}"#, 9.0),
        (r#"hookline_deliveries_total{outcome="failed",error_class="refused",fault="endpoint"}"#, 1.0),
        (r#"hookline_deliveries_total{outcome="failed",error_class="timeout",fault="endpoint"}"#, 1.0),
        (r#"hookline_deliveries_total{outcome="skipped",error_class="cancelled",fault="publisher"}"#, 1.0),
        ("hookline_delivery_duration_seconds_count", 12.0),
        ("hookline_delivery_lag_seconds_count", 3.0),
        (r#"hookline_connections_total{reused="false"}"#, 1.0),
        (r#"hookline_connections_total{reused="true"}"#, 1.0),
        (r#"hookline_mails_total{kind="failed",result="sent"}"#, 1.0),
        (r#"hookline_mails_total{kind="failed",result="suppressed"}"#, 1.0),
        (r#"hookline_redelivery_jobs{state="done"}"#, 1.0),
        (r#"hookline_http_requests_total{route="/events",method="POST",status="202"}"#, 6.0),
        (r#"hookline_http_requests_total{route="/events",method="POST",status="422"}"#, 1.0),
        (r#"hookline_http_requests_total{route="",method="",status="404"}"#, 1.0),
        (r#"hookline_http_request_duration_seconds_count{route="/webhooks",method="POST",status="200"}"#, 5.0),
        ("hookline_store_write_duration_seconds_count", 1.0),
        ("hookline_store_bytes", 1.0),
        ("hookline_store_free_bytes", 1.0),
        ("process_cpu_seconds_total", 0.01),
        ("process_resident_memory_bytes", 1.0),
        ("process_virtual_memory_bytes", 1.0),
        ("process_open_fds", 1.0),
        ("process_max_fds", 1.0),
        ("process_start_time_seconds", 1.0),
        (concat!(r#"hookline_build_info{version=""#, env!("CARGO_PKG_VERSION"), r#""}"#), 1.0),
    ] {
        service.reaches(sample, least).await;
    }
    let samples = service.scrape().await;
    for histogram in ["publish_duration", "delivery_duration", "end_to_end", "store_write_duration"] {
        assert!(samples[&format!("hookline_{histogram}_seconds_sum")] > 0.0, "{histogram}");
    }
    // Nothing that others wrote is a label.
    for name in samples.keys() {
        for foreign in ["127.0.0.1", "example.com", "nonsense", "/bad", "/v1/nothing"] {
            assert!(!name.contains(foreign), "{name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_gauge_follows_what_it_shows() {
    let service = MeasuredService::start(&[("HOOKLINE_WAIT_SCALE", "1"), ("HOOKLINE_IN_FLIGHT_PER_HOST", "1")]).await;
    let endpoint = endpoint().await;
    let idle = service.scrape().await;
    for gauge in ["messages_waiting", "oldest_due_seconds", "in_flight", "hosts_throttled"] {
        assert!(idle[&format!("hookline_{gauge}")].abs() < f64::EPSILON, "{gauge}");
    }
    // One is in flight at a time, so the others are due and wait.
    service.webhook(&endpoint.uri("/slow"), json!({"event": "risk.create"})).await;
    service.webhook(&endpoint.uri("/ok"), json!({"event": "task.create", "disabled": true})).await;
    for _ in 0..3 {
        service.publish("risk.create").await;
    }
    service.reaches("hookline_in_flight", 1.0).await;
    service.reaches("hookline_messages_waiting", 2.0).await;
    service.reaches("hookline_oldest_due_seconds", 0.5).await;
    // The second one starts seconds after it could.
    service.reaches("hookline_delivery_lag_seconds_sum", 1.0).await;
    service.reaches("hookline_end_to_end_seconds_count", 3.0).await;
    // A success is measured before its message is taken out of the queue.
    for gauge in ["messages_waiting", "oldest_due_seconds", "in_flight"] {
        service.returns_to_zero(&format!("hookline_{gauge}")).await;
    }
    // A host that fails is throttled; what waits for it is not due.
    let dead = Receiver::start(|_| Reply::status(502)).await;
    service.webhook(&dead.uri("/"), json!({"event": "ci.create"})).await;
    for _ in 0..30 {
        service.publish("ci.create").await;
    }
    service.reaches("hookline_hosts_throttled", 1.0).await;
    let throttled = service.scrape().await;
    assert!(throttled["hookline_messages_waiting"] > 0.0, "{throttled:?}");
    // Webhooks are counted every ten seconds.
    service.reaches(r#"hookline_webhooks{state="enabled"}"#, 2.0).await;
    service.reaches(r#"hookline_webhooks{state="disabled"}"#, 1.0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scraper_chooses_the_format() {
    let service = MeasuredService::start(&[]).await;
    let (kind, page) = service.page("text/plain").await;
    assert!(kind.starts_with("text/plain; version=0.0.4") && !page.contains("# EOF"), "{kind}\n{page}");
    let (kind, page) = service.page("application/openmetrics-text;version=1.0.0,text/plain;q=0.5").await;
    assert!(kind.starts_with("application/openmetrics-text; version=1.0.0") && page.ends_with("# EOF\n"), "{kind}");
    let mut other = Connection::new(service.metrics, None);
    assert_eq!(other.get("/v1/webhooks").await.status, 404, "there is nothing but metrics");
    let mut api = Connection::new(service.hookline.address(), None);
    assert_eq!(api.get("/metrics").await.status, 404, "the API has none");
}
