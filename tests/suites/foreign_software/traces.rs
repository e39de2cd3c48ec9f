//! The trace of an event, as a collector sees it that decodes with a library of OpenTelemetry (section 12).

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hookline_tests::hookline::Start;
use hookline_tests::receiver::{Arrival, Receiver, Reply};
use hookline_tests::wait_until::until;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::foreign::Foreign;

const PATIENCE: Duration = Duration::from_mins(2);
/// The trace and the span of the publisher.
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PUBLISHER: &str = "00f067aa0ba902b7";

/// An endpoint that fails first, and what arrives there.
async fn failing_once() -> (Receiver, mpsc::UnboundedReceiver<Arrival>) {
    let (arrived, arrivals) = mpsc::unbounded_channel();
    let count = AtomicUsize::new(0);
    let receiver = Receiver::start(move |arrival| {
        arrived.send(arrival.clone()).expect("the test listens");
        Reply::status(if count.fetch_add(1, Ordering::Relaxed) == 0 { 503 } else { 204 })
    });
    (receiver.await, arrivals)
}

/// The spans of this name, once there are as many.
async fn spans(collector: &Foreign, name: &str, count: usize) -> Vec<Value> {
    until(&format!("{count} spans {name}"), PATIENCE, || async {
        let spans = collector.spans().await.into_iter().filter(|span| span["name"] == name).collect::<Vec<_>>();
        (spans.len() >= count).then_some(spans)
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_trace_of_an_event_goes_from_its_publisher_over_fan_out_to_each_attempt() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let collector = Foreign::collector();
    let hookline = Start::on(&folder.path().join("data"))
        .with("OTEL_EXPORTER_OTLP_ENDPOINT", collector.uri(""))
        .with("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Basic%20c2VjcmV0")
        .with("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
        .with("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=tests")
        .with("OTEL_BSP_SCHEDULE_DELAY", "50")
        .serve()
        .await;
    let (endpoint, mut arrivals) = failing_once().await;
    let webhook = json!({"event": "request.create", "uri": endpoint.uri("/hook"), "trace": true}).to_string();
    let webhook = hookline.administrator().post("/v1/webhooks", webhook).await.json()["id"].clone();
    let event = json!({"id": "traced", "event": "request.create", "object_id": 1,
        "trace": format!("00-{TRACE}-{PUBLISHER}-01")});
    assert_eq!(hookline.administrator().post("/v1/events", event.to_string()).await.status, 202);

    let publish = spans(&collector, "publish", 1).await.remove(0);
    let process = spans(&collector, "process", 1).await.remove(0);
    let mut sends = spans(&collector, "send", 2).await;
    sends.sort_unstable_by_key(|span| span["attributes"]["hookline.attempt"].as_i64());
    for (span, kind, parent) in [
        (&publish, "PRODUCER", PUBLISHER),
        (&process, "CONSUMER", publish["span_id"].as_str().expect("an id")),
        (&sends[0], "CLIENT", publish["span_id"].as_str().expect("an id")),
        (&sends[1], "CLIENT", publish["span_id"].as_str().expect("an id")),
    ] {
        let expected = json!({"kind": format!("SPAN_KIND_{kind}"), "trace_id": TRACE, "parent": parent});
        for (field, value) in expected.as_object().expect("fields") {
            assert_eq!(&span[field], value, "{field}: {span}");
        }
        let attributes = &span["attributes"];
        assert_eq!(
            (&attributes["hookline.account"], &attributes["hookline.event"]),
            (&json!("main"), &json!("request.create"))
        );
        assert_eq!(attributes["hookline.event.id"], "traced");
        let resource = json!({"service.name": "hookline", "deployment.environment.name": "tests"});
        for (name, value) in resource.as_object().expect("attributes") {
            assert_eq!(&span["resource"][name], value, "{span}");
        }
        let headers = &span["headers"];
        assert_eq!((&headers["path"], &headers["authorization"]), (&json!("/v1/traces"), &json!("Basic c2VjcmV0")));
        assert_eq!(headers["content-encoding"], "gzip");
    }
    let outcomes =
        [("failed", json!("endpoint"), 503, "STATUS_CODE_ERROR"), ("succeeded", Value::Null, 204, "STATUS_CODE_UNSET")];
    for (number, (span, (outcome, fault, status, code))) in (1..).zip(sends.iter().zip(outcomes)) {
        let arrival = arrivals.recv().await.expect("an attempt");
        let attributes = &span["attributes"];
        assert_eq!(attributes["messaging.message.id"], arrival.required("Webhook-Id"));
        assert_eq!((&attributes["hookline.webhook.id"], &attributes["hookline.attempt"]), (&webhook, &json!(number)));
        assert_eq!((&attributes["hookline.outcome"], &attributes["hookline.fault"]), (&json!(outcome), &fault));
        assert_eq!((&attributes["http.response.status_code"], &span["status"]), (&json!(status), &json!(code)));
        assert_eq!(span["links"], json!([{"trace_id": TRACE, "span_id": publish["span_id"]}]));
        let sent = format!("00-{TRACE}-{}-01", span["span_id"].as_str().expect("an id"));
        assert_eq!(arrival.required("traceparent"), sent);
        let phases: Vec<&str> =
            span["events"].as_array().expect("events").iter().filter_map(|event| event["name"].as_str()).collect();
        assert!(phases.ends_with(&["first_byte"]), "{span}");
        assert!(number > 1 || phases == ["connect", "first_byte"], "{span}");
        let took = span["took"].as_i64().expect("a time");
        assert!(
            span["events"].as_array().expect("events").iter().all(|event| event["at"].as_i64() <= Some(took)),
            "{span}"
        );
    }
    assert_ne!(sends[0]["span_id"], sends[1]["span_id"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_sampler_leaves_out_is_not_exported_and_goes_on_as_not_recorded() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let collector = Foreign::collector();
    let hookline = Start::on(&folder.path().join("data"))
        .with("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", collector.uri("/v1/traces"))
        .with("OTEL_TRACES_SAMPLER", "parentbased_always_off")
        .with("OTEL_BSP_SCHEDULE_DELAY", "50")
        .serve()
        .await;
    let (endpoint, mut arrivals) = Receiver::keeping().await;
    let webhook = json!({"event": "request.create", "uri": endpoint.uri("/hook"), "trace": true}).to_string();
    assert_eq!(hookline.administrator().post("/v1/webhooks", webhook).await.status, 200);
    for trace in [Value::Null, json!(format!("00-{TRACE}-{PUBLISHER}-00")), json!(format!("00-{TRACE}-{PUBLISHER}-01"))]
    {
        let event = json!({"event": "request.create", "object_id": 1, "trace": trace}).to_string();
        assert_eq!(hookline.administrator().post("/v1/events", event).await.status, 202);
        let sent = arrivals.recv().await.expect("a message").required("traceparent").to_owned();
        let recorded = trace.as_str().is_some_and(|trace| trace.ends_with("-01"));
        assert!(sent.ends_with(if recorded { "-01" } else { "-00" }), "{trace}: {sent}");
        assert_eq!(sent.contains(TRACE), !trace.is_null(), "{trace}: {sent}");
    }
    // The last event alone; by then the others would be there too.
    assert_eq!(spans(&collector, "send", 1).await.len(), 1);
    let all = collector.spans().await;
    assert!(all.iter().all(|span| span["trace_id"] == TRACE) && all.len() <= 3, "{all:?}");
}
