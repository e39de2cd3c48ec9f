//! Delivery records (section 10).

use std::time::Duration;

use hookline_core::model::{
    Account, Delivery, Event, MessageKind as Why, Outcome, Payload, ResponseRecord, Timings, event,
};
use hookline_core::rules::request;
use hookline_core::settings::CoreSettings;
use serde::ser::{Serialize, SerializeMap as _, Serializer};
use serde_json::value::RawValue;

use super::reference::Reference;
use crate::listing::{Field, FieldType, Record, Resource, Selection};

/// The outcomes, for the OpenAPI document.
const OUTCOMES: &[&str] = &["waiting", "succeeded", "failed", "dropped", "cancelled", "skipped"];
/// The error classes, for the OpenAPI document.
const CLASSES: &[&str] = &[
    "dns",
    "refused",
    "connect-timeout",
    "tls",
    "timeout",
    "protocol",
    "address-not-allowed",
    "http-status",
    "expired",
    "cancelled",
];
/// The parties that can be at fault, for the OpenAPI document.
const FAULTS: &[&str] = &["endpoint", "publisher", "ours"];

/// The fields of a delivery record.
pub(crate) static DELIVERY: Resource = Resource {
    name: "Delivery",
    fields: &[
        Field::new("id", FieldType::Uuid).listed(),
        Field::new("webhook", FieldType::Object("Reference")).listed(),
        Field::new("event", FieldType::Enumeration).filterable().listed(),
        Field::new("event_id", FieldType::Text),
        Field::new("message_id", FieldType::Text),
        Field::new("attempt", FieldType::Integer).listed(),
        Field::new("test", FieldType::Boolean).listed(),
        Field::new("outcome", FieldType::Enumeration).values(OUTCOMES).filterable().listed(),
        Field::new("error", FieldType::Text).nullable().listed(),
        Field::new("error_class", FieldType::Enumeration).values(CLASSES).nullable().listed(),
        Field::new("fault", FieldType::Enumeration).values(FAULTS).nullable(),
        Field::new("created_at", FieldType::Time).filterable().listed(),
        Field::new("completed_in", FieldType::Number).nullable().listed(),
        Field::new("retry_of", FieldType::Uuid).nullable(),
        Field::new("redelivery_of", FieldType::Uuid).nullable(),
        Field::new("next_attempt_at", FieldType::Time).nullable().listed(),
        Field::new("request", FieldType::Object("Request")).nullable(),
        Field::new("response", FieldType::Object("Response")).nullable(),
        Field::new("timings", FieldType::Object("Timings")).nullable(),
        Field::new("address", FieldType::Text).nullable(),
    ],
    sort: ("created_at", true),
};

/// What the view of a record needs besides the record.
pub(crate) struct DeliveryContext<'a> {
    /// The account of the record.
    pub(crate) account: &'a Account,
    /// The settings, for URLs.
    pub(crate) settings: &'a CoreSettings,
    /// The webhook's name and whether it is disabled, if it still exists.
    pub(crate) webhook: Option<(&'a str, bool)>,
    /// Its event, if the request is shown.
    pub(crate) event: Option<&'a Event>,
}

/// A delivery record as JSON.
pub(crate) fn view<'a>(delivery: &Delivery, around: &DeliveryContext<'_>, selection: &'a Selection) -> Record<'a> {
    let Delivery {
        id,
        account: _,
        webhook,
        webhook_name,
        custom_url: _,
        event,
        event_id,
        message,
        run: _,
        attempt,
        kind,
        outcome,
        created_at,
        retry_of,
        redelivery_of,
        next_attempt_at,
        failure,
        request: _,
        response,
        timings,
        address,
    } = delivery;
    let DeliveryContext { account, settings, webhook: current, event: _ } = around;
    let zone = &account.time_zone;
    let (name, disabled) = current.unwrap_or((webhook_name, false));
    let mut record = Record::new(selection);
    record.put("id", id);
    record.put("webhook", Reference::webhook(settings, *webhook, name, disabled));
    record.put("event", event);
    record.put("event_id", event_id);
    record.put("message_id", message);
    record.put("attempt", attempt);
    record.put("test", *kind == Why::Test);
    record.put("outcome", outcome.as_str());
    record.put("error", failure.as_ref().map(|failure| &failure.text));
    record.put("error_class", failure.as_ref().map(|failure| failure.class.as_str()));
    record.put("fault", failure.as_ref().map(|failure| failure.class.fault()));
    record.put("created_at", zone.format(*created_at));
    record.put("completed_in", timings.map(|timings| rounded(timings.total.as_secs_f64(), 6)));
    record.put("retry_of", retry_of);
    record.put("redelivery_of", redelivery_of);
    record.put("next_attempt_at", next_attempt_at.map(|at| zone.format(at)));
    if selection.has("request") {
        record.put("request", request(delivery, around));
    }
    record.put("response", response.as_ref().map(|response| answer(response, *outcome)));
    record.put("timings", timings.map(phases));
    record.put("address", address.map(|address| address.to_string()));
    record
}

/// The event of a test. It is not stored, because it follows from the record.
pub(crate) fn event_of_test(delivery: &Delivery, account: &Account) -> Event {
    let head = event::test_event(account, delivery.event.clone(), delivery.event_id.clone(), delivery.created_at);
    Event { head: head.into(), payload: Payload::empty() }
}

/// The request of a record.
#[derive(Debug, serde::Serialize)]
pub(crate) struct RequestView {
    uri: String,
    headers: HeadersView,
    payload: Option<Box<RawValue>>,
}

/// The request as it was sent, with secrets masked; `None` if none was sent. Headers and payload follow from the event.
pub(super) fn request(delivery: &Delivery, around: &DeliveryContext<'_>) -> Option<RequestView> {
    let made = delivery.request.as_ref()?;
    let headers =
        around.event.map(|event| request::recorded_headers(around.settings, delivery, &event.head)).unwrap_or_default();
    let payload = around.event.and_then(|event| {
        let body = request::recorded_body(around.settings, delivery, event);
        RawValue::from_string(String::from_utf8(body.into()).ok()?).ok()
    });
    Some(RequestView { uri: made.uri.clone(), headers: HeadersView(headers), payload })
}

/// The endpoint's response.
#[derive(serde::Serialize)]
struct ResponseView<'a> {
    status: u16,
    headers: HeadersView,
    body: Option<&'a str>,
}

/// The body of a success is not kept.
fn answer(response: &ResponseRecord, outcome: Outcome) -> ResponseView<'_> {
    let ResponseRecord { status, headers, body } = response;
    let body = (outcome != Outcome::Succeeded).then_some(body.as_str());
    ResponseView { status: *status, headers: HeadersView(headers.clone()), body }
}

/// Headers as an object. The values of repeated headers are joined (RFC 9110, section 5.2).
#[derive(Debug)]
struct HeadersView(Vec<(String, String)>);

impl Serialize for HeadersView {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut merged: Vec<(&str, String)> = Vec::with_capacity(self.0.len());
        for (name, value) in &self.0 {
            match merged.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
                Some((_, values)) => {
                    values.push_str(", ");
                    values.push_str(value);
                }
                None => merged.push((name, value.clone())),
            }
        }
        let mut map = serializer.serialize_map(Some(merged.len()))?;
        for (name, value) in merged {
            map.serialize_entry(name, &value)?;
        }
        map.end()
    }
}

/// What a record says of a request that was sent twice.
const RECONNECTED: &str =
    "The endpoint closed an idle connection in the moment of its reuse; the request was sent again on a new one.";

/// The duration of each phase of a request, in milliseconds.
#[derive(Debug, serde::Serialize)]
pub(crate) struct TimingsView {
    dns: Option<f64>,
    connect: Option<f64>,
    tls: Option<f64>,
    first_byte: Option<f64>,
    total: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'static str>,
}

pub(super) fn phases(timings: Timings) -> TimingsView {
    let Timings { dns, connect, tls, first_byte, total, reconnected } = timings;
    let millis = |took: Duration| rounded(took.as_secs_f64() * 1000.0, 3);
    TimingsView {
        dns: dns.map(millis),
        connect: connect.map(millis),
        tls: tls.map(millis),
        first_byte: first_byte.map(millis),
        total: millis(total),
        note: reconnected.then_some(RECONNECTED),
    }
}

fn rounded(value: f64, decimals: i32) -> f64 {
    let factor = 10_f64.powi(decimals);
    (value * factor).round() / factor
}

#[cfg(test)]
mod tests {
    use hookline_core::model::ErrorClass;

    use super::*;

    #[test]
    fn the_document_lists_every_outcome_and_class() {
        assert_eq!(Outcome::ALL.map(Outcome::as_str), OUTCOMES);
        assert_eq!(ErrorClass::ALL.map(ErrorClass::as_str), CLASSES);
    }

    #[test]
    fn repeated_headers_are_joined() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let headers = HeadersView(vec![pair("Via", "a"), pair("X", "1"), pair("via", "b")]);
        assert_eq!(serde_json::to_string(&headers).unwrap(), r#"{"Via":"a, b","X":"1"}"#);
    }
}
