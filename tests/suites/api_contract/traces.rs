//! The trace of an event (section 12): it is kept with the event, and goes to the endpoints whose webhooks ask for it.

use std::sync::atomic::{AtomicUsize, Ordering};

use hookline_tests::receiver::{Receiver, Reply as Answer, next};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::fixture::ServiceFixture;

on_every_target!(
    the_trace_goes_to_the_endpoints_that_ask_for_it,
    every_attempt_has_the_trace_and_so_has_its_record,
    a_bad_header_counts_as_none_and_a_bad_field_is_refused,
    the_field_of_a_webhook_is_an_extension,
);

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const OTHER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";

fn event(id: &str) -> Value {
    json!({"id": id, "event": "request.create", "object_id": 1})
}

async fn the_trace_goes_to_the_endpoints_that_ask_for_it(service: ServiceFixture) {
    let (asking, mut asked) = Receiver::keeping().await;
    let (silent, mut unasked) = Receiver::keeping().await;
    service.webhook(json!({"uri": asking.uri("/"), "trace": true})).await;
    service.webhook(json!({"uri": silent.uri("/")})).await;
    let own = |id: &str| {
        let mut event = event(id);
        event["trace"] = json!(OTHER);
        event
    };
    for (body, header, expected) in [
        (event("header"), Some(TRACE), vec![Some(TRACE)]),
        (own("field"), None, vec![Some(OTHER)]),
        (json!([event("of-the-request"), own("its-own")]), Some(TRACE), vec![Some(OTHER), Some(TRACE)]),
        (event("none"), None, vec![None]),
    ] {
        let call = service.post("/v1/events", body);
        let reply = match header {
            Some(trace) => call.with("traceparent", trace).await,
            None => call.await,
        };
        assert_eq!(reply.status, 202, "{reply:?}");
        let mut arrived = Vec::new();
        for _ in &expected {
            arrived.push(next(&mut asked).await.header("traceparent").map(str::to_owned));
            assert_eq!(next(&mut unasked).await.header("traceparent"), None);
        }
        arrived.sort_unstable();
        assert_eq!(arrived.iter().map(Option::as_deref).collect::<Vec<_>>(), expected);
    }
}

async fn every_attempt_has_the_trace_and_so_has_its_record(service: ServiceFixture) {
    let (arrived, mut arrivals) = mpsc::unbounded_channel();
    let count = AtomicUsize::new(0);
    let receiver = Receiver::start(move |arrival| {
        arrived.send(arrival.clone()).expect("the test listens");
        Answer::status(if count.fetch_add(1, Ordering::Relaxed) == 0 { 500 } else { 204 })
    })
    .await;
    let path = service.webhook_path(json!({"uri": receiver.uri("/"), "trace": true})).await;
    let mut event = event("tried-again");
    event["trace"] = json!(TRACE);
    service.publish(event).await;
    for _ in 0..2 {
        assert_eq!(next(&mut arrivals).await.required("traceparent"), TRACE);
    }
    let both = |list: &Value| list.as_array().is_some_and(|list| list.len() == 2);
    let records = service.until(&format!("{path}/deliveries"), both).await;
    for record in records.as_array().expect("a list") {
        let record = service.get(&format!("/v1/webhook_deliveries/{}", record["id"].as_str().expect("an id"))).await;
        let record = record.json();
        assert_eq!(record["request"]["headers"]["traceparent"], TRACE, "{record}");
    }
    let newest = records[0]["id"].as_str().expect("an id");
    let again = service.post(&format!("/v1/webhook_deliveries/{newest}/redeliver"), "").await;
    assert!(again.status.is_success(), "{again:?}");
    assert_eq!(next(&mut arrivals).await.required("traceparent"), TRACE);
}

async fn a_bad_header_counts_as_none_and_a_bad_field_is_refused(service: ServiceFixture) {
    let (receiver, mut arrivals) = Receiver::keeping().await;
    service.webhook(json!({"uri": receiver.uri("/"), "trace": true})).await;
    for (number, bad) in
        ["", "x", &TRACE[..54], &TRACE.to_uppercase(), &TRACE.replacen("00", "ff", 1)].iter().enumerate()
    {
        let published = service.post("/v1/events", event(&format!("bad-{number}"))).with("traceparent", bad).await;
        assert_eq!(published.status, 202, "{bad:?}");
        assert_eq!(next(&mut arrivals).await.header("traceparent"), None, "{bad:?}");
    }
    let problem = [("trace", "Trace is invalid")];
    for bad in [json!(""), json!("x"), json!(7), json!(true), json!([]), json!({}), json!(TRACE.replace('4', "G"))] {
        let mut event = event("refused");
        event["trace"] = bad;
        service.post("/v1/events", event).await.is_invalid(&problem);
    }
    let mut absent = event("absent");
    absent["trace"] = Value::Null;
    service.post("/v1/events", absent).await.is(202, r#"{"id":"absent"}"#);
}

async fn the_field_of_a_webhook_is_an_extension(service: ServiceFixture) {
    let path = service.webhook_path(json!({})).await;
    let shown = format!("{path}?fields=trace");
    assert!(service.get(&path).await.json().get("trace").is_none());
    assert_eq!(service.get(&shown).await.json()["trace"], false);
    service.patch(&path, json!({"trace": "YES"})).await;
    assert_eq!(service.get(&shown).await.json()["trace"], true);
    let audit = service.get(&format!("{path}/audit")).await.json();
    assert_eq!(audit[0]["changes"], json!({"trace": [false, true]}));
    service.patch(&path, json!({"trace": []})).await.is_invalid(&[("trace", "Trace is invalid")]);
    service.patch(&path, json!({"trace": null})).await;
    assert_eq!(service.get(&shown).await.json()["trace"], false);
}
