//! What a span says. Never a URI, a header or a payload: those may hold secrets.

use std::time::{Duration, SystemTime};

use hookline_core::model::{Attempt, Delivery, EventHead, Outcome, Timings};
use hookline_core::ports::TraceSpan;
use hookline_core::values::{Clock as _, System, TraceParent};
use opentelemetry::trace::{Span as _, Status};
use opentelemetry::{KeyValue, Value};
use opentelemetry_sdk::trace::Span;

/// A span that is recorded, or only passed on where the sampler left it out.
pub(super) struct RecordedSpan {
    span: Span,
    began: SystemTime,
    has_ended: bool,
}

impl RecordedSpan {
    pub(super) fn new(span: Span, began: SystemTime) -> Self {
        Self { span, began, has_ended: false }
    }

    /// The phases of a request, each at its end.
    fn phases(&mut self, timings: Timings) {
        let Timings { dns, connect, tls, first_byte, total: _, reconnected: _ } = timings;
        let mut at = self.began;
        for (name, took) in [("dns", dns), ("connect", connect), ("tls", tls), ("first_byte", first_byte)] {
            let Some(took) = took else { continue };
            at += took;
            let took = KeyValue::new("hookline.duration_ms", milliseconds(took));
            self.span.add_event_with_timestamp(name, at, vec![took]);
        }
    }

    fn record(&mut self, record: &Delivery) {
        let mut put = |name: &'static str, value: Value| self.span.set_attribute(KeyValue::new(name, value));
        put("hookline.outcome", record.outcome.as_str().into());
        if let Some(response) = &record.response {
            put("http.response.status_code", i64::from(response.status).into());
        }
        if let Some(address) = record.address {
            put("network.peer.address", address.ip().to_string().into());
            put("network.peer.port", i64::from(address.port()).into());
        }
        if let Some(failure) = &record.failure {
            put("hookline.fault", failure.class.fault().as_str().into());
            put("error.type", failure.class.as_str().into());
        }
        if let Some(timings) = record.timings {
            self.phases(timings);
        }
        self.span.set_status(match (&record.failure, record.outcome) {
            (None, _) | (_, Outcome::Cancelled) => Status::Unset,
            (Some(failure), _) => Status::error(failure.class.as_str()),
        });
    }
}

impl TraceSpan for RecordedSpan {
    fn context(&self) -> TraceParent {
        let context = self.span.span_context();
        TraceParent {
            trace_id: context.trace_id().to_bytes(),
            span_id: context.span_id().to_bytes(),
            flags: context.trace_flags().to_u8(),
        }
    }

    fn end(mut self: Box<Self>, record: Option<&Delivery>) {
        if let Some(record) = record.filter(|_| self.span.is_recording()) {
            self.record(record);
        }
        self.has_ended = true;
    }
}

impl Drop for RecordedSpan {
    fn drop(&mut self) {
        if !self.has_ended {
            self.span.set_status(Status::error("internal"));
        }
        self.span.end_with_timestamp(now());
    }
}

/// What is known of an event.
pub(super) fn event_attributes(event: &EventHead) -> Vec<KeyValue> {
    vec![
        KeyValue::new("messaging.system", "hookline"),
        KeyValue::new("hookline.account", event.account.as_str().to_owned()),
        KeyValue::new("hookline.event", event.event.as_str().to_owned()),
        KeyValue::new("hookline.event.id", event.id.as_str().to_owned()),
    ]
}

/// What is known of an attempt before it is made.
pub(super) fn attempt_attributes(attempt: &Attempt) -> Vec<KeyValue> {
    let message = &attempt.message;
    let mut attributes = event_attributes(&message.event);
    attributes.extend([
        KeyValue::new("messaging.message.id", message.id.to_string()),
        KeyValue::new("hookline.webhook.id", i64::try_from(message.webhook.0).unwrap_or(i64::MAX)),
        KeyValue::new("hookline.attempt", i64::from(attempt.number)),
        KeyValue::new("hookline.delivery.id", attempt.delivery_id().to_string()),
    ]);
    attributes
}

/// The time, as spans have it.
pub(super) fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + System.now().as_duration().unsigned_abs()
}

fn milliseconds(took: Duration) -> f64 {
    took.as_secs_f64() * 1000.0
}
