//! The item of a delivery record. The record of an ordinary success takes less than 1 KiB: what follows from the
//! message and its event is not stored again, and the headers of the response are compressed.

use std::time::Duration;

use hookline_core::errors::PortResult;
use hookline_core::ids::{AccountId, DeliveryId, MessageId, WebhookId};
use hookline_core::model::{
    Delivery, ErrorClass, Failure, MessageKind, Outcome, RequestRecord, ResponseRecord, Timings,
};
use hookline_core::values::TraceParent;
use jiff::Timestamp;

use crate::encoding::{pack, unpack};
use crate::store::dynamo::{Item, ItemBuilder, ItemReader, Kept, bytes, corrupt, item, number, text};
use crate::store::keys;

/// When a record expires: never later than its event.
pub(in crate::store) fn ends(kept: Kept, created_at: Timestamp, message: &MessageId) -> Timestamp {
    (created_at + kept.deliveries).min(message.accepted_at() + kept.events)
}

/// The id of the record of a message's first attempt.
pub(in crate::store) fn first(message: &MessageId) -> DeliveryId {
    DeliveryId::derive(message.accepted_at(), message.webhook(), message, 0, 1)
}

pub(in crate::store) fn to_item(delivery: &Delivery, kept: Kept) -> Item {
    let Delivery {
        id,
        account,
        webhook: _,
        webhook_name,
        custom_url,
        event,
        event_id,
        message,
        run,
        attempt,
        kind,
        outcome,
        created_at,
        retry_of,
        redelivery_of,
        next_attempt_at,
        failure,
        request,
        response,
        timings,
        address,
    } = delivery;
    let mut fields = ItemBuilder::at(&keys::delivery(account, *id))
        .text("name", webhook_name)
        .maybe_text("custom_url", custom_url.as_deref())
        .text("event", event.as_str())
        .text("event_id", event_id.as_str())
        .text("message", message.as_str())
        .maybe("run", (*run > 0).then(|| number(run)))
        .number("attempt", attempt)
        .maybe_text("kind", kind_text(*kind))
        .text("outcome", outcome.as_str())
        .time("created_at", *created_at)
        .maybe("retry_of", retry_of.map(|id| text(id.to_string())))
        .maybe("redelivery_of", redelivery_of.map(|id| text(id.to_string())))
        .maybe("next_attempt_at", next_attempt_at.map(item::time))
        .maybe("timings", timings.as_ref().map(|timings| text(timings_to(timings))))
        .maybe("address", address.map(|address| text(address.to_string())))
        .expires(ends(kept, *created_at, message));
    if let Some(Failure { class, text }) = failure {
        fields = fields.text("error_class", class.as_str()).text("error", text);
    }
    if let Some(RequestRecord { uri, header_names, sent_at, jwt, trace }) = request {
        let names = (!header_names.is_empty()).then(|| header_names.join(" "));
        let jwt = jwt.as_ref().map(|jwt| text(serde_json::to_string(jwt).unwrap_or_default()));
        fields = fields.text("uri", uri).maybe_text("header_names", names.as_deref()).number("sent_at", sent_at);
        fields = fields.maybe("jwt", jwt).maybe("trace", trace.map(|trace| text(trace.to_string())));
    }
    if let Some(ResponseRecord { status, headers, body }) = response {
        let headers = serde_json::to_vec(headers).unwrap_or_default();
        let body = (!body.is_empty()).then_some(body.as_str());
        fields = fields.number("status", status).set("headers", bytes(pack(&headers))).maybe_text("body", body);
    }
    fields.done()
}

pub(in crate::store) fn from_item(account: &AccountId, item: &Item) -> PortResult<Delivery> {
    let read = ItemReader(item);
    let id = read.parsed("sk", DeliveryId::parse)?;
    let failure = match read.maybe_text("error_class") {
        Some(_) => {
            let class = read.parsed("error_class", ErrorClass::parse)?;
            Some(Failure { class, text: read.text("error")?.to_owned() })
        }
        None => None,
    };
    let request = match read.owned("uri") {
        Some(uri) => {
            let names = read.maybe_text("header_names").unwrap_or_default();
            let header_names = names.split_ascii_whitespace().map(str::to_owned).collect();
            let jwt = read.maybe_text("jwt").map(|text| serde_json::from_str(text).map_err(|_| corrupt("jwt")));
            let trace = read.maybe_text("trace").map(|text| TraceParent::parse(text).ok_or_else(|| corrupt("trace")));
            let (sent_at, jwt, trace) = (read.number("sent_at")?, jwt.transpose()?, trace.transpose()?);
            Some(RequestRecord { uri, header_names, sent_at, jwt, trace })
        }
        None => None,
    };
    let response = match read.maybe_number("status")? {
        Some(status) => {
            let headers = unpack(read.bytes("headers")?)?;
            let headers = serde_json::from_slice(&headers).map_err(|_| corrupt("headers"))?;
            Some(ResponseRecord { status, headers, body: read.owned("body").unwrap_or_default() })
        }
        None => None,
    };
    let address = read.maybe_text("address").map(|text| text.parse().map_err(|_| corrupt("address")));
    Ok(Delivery {
        id,
        account: account.clone(),
        webhook: webhook_of(id),
        webhook_name: read.text("name")?.to_owned(),
        custom_url: read.owned("custom_url"),
        event: read.event_name("event")?,
        event_id: read.event_id("event_id")?,
        message: read.parsed("message", MessageId::parse)?,
        run: read.maybe_number("run")?.unwrap_or_default(),
        attempt: read.number("attempt")?,
        kind: kind_from(read.maybe_text("kind"))?,
        outcome: outcome(read)?,
        created_at: read.time("created_at")?,
        retry_of: delivery_id(read, "retry_of")?,
        redelivery_of: delivery_id(read, "redelivery_of")?,
        next_attempt_at: read.maybe_time("next_attempt_at")?,
        failure,
        request,
        response,
        timings: read.maybe_text("timings").map(timings_from).transpose()?,
        address: address.transpose()?,
    })
}

pub(in crate::store) fn webhook_of(id: DeliveryId) -> WebhookId {
    id.webhook()
}

pub(in crate::store) fn outcome(read: ItemReader<'_>) -> PortResult<Outcome> {
    read.parsed("outcome", Outcome::parse)
}

fn delivery_id(read: ItemReader<'_>, name: &str) -> PortResult<Option<DeliveryId>> {
    read.maybe_text(name).map(|text| DeliveryId::parse(text).ok_or_else(|| corrupt(name))).transpose()
}

/// The most common kind is left out.
fn kind_text(kind: MessageKind) -> Option<&'static str> {
    match kind {
        MessageKind::Event => None,
        MessageKind::Test => Some("test"),
        MessageKind::Verify => Some("verify"),
    }
}

fn kind_from(text: Option<&str>) -> PortResult<MessageKind> {
    match text {
        None => Ok(MessageKind::Event),
        Some("test") => Ok(MessageKind::Test),
        Some("verify") => Ok(MessageKind::Verify),
        Some(_) => Err(corrupt("kind")),
    }
}

/// The mark of a request that was sent again on a new connection.
const RECONNECTED: &str = " again";

/// Five durations in microseconds, with a dash for a phase that did not happen; and the mark.
fn timings_to(timings: &Timings) -> String {
    let Timings { dns, connect, tls, first_byte, total, reconnected } = timings;
    let phase = |phase: &Option<Duration>| phase.map_or_else(|| "-".to_owned(), |phase| phase.as_micros().to_string());
    let phases = [dns, connect, tls, first_byte, &Some(*total)].map(phase).join(" ");
    if *reconnected { phases + RECONNECTED } else { phases }
}

fn timings_from(text: &str) -> PortResult<Timings> {
    let (text, reconnected) = text.strip_suffix(RECONNECTED).map_or((text, false), |text| (text, true));
    let phase = |phase: &str| phase.parse().ok().map(Duration::from_micros);
    let phases: Vec<Option<Duration>> = text.split(' ').map(phase).collect();
    match phases[..] {
        [dns, connect, tls, first_byte, Some(total)] => {
            Ok(Timings { dns, connect, tls, first_byte, total, reconnected })
        }
        _ => Err(corrupt("timings")),
    }
}

/// Whether the record is listed among the unsuccessful ones of the account.
pub(in crate::store) fn is_unsuccessful(outcome: Outcome) -> bool {
    match outcome {
        Outcome::Waiting | Outcome::Succeeded => false,
        Outcome::Failed | Outcome::Dropped | Outcome::Cancelled | Outcome::Skipped => true,
    }
}

#[cfg(test)]
mod tests {
    use hookline_core::ids::EventId;
    use hookline_core::model::EventName;

    use super::*;

    fn delivery() -> Delivery {
        let account = AccountId::parse("wdc").unwrap();
        let event_id = EventId::parse("0199a0f0-7d6c-7000-8000-000000000000").unwrap();
        let accepted_at = Timestamp::from_millisecond(1_795_599_000_123).unwrap();
        let message = MessageId::derive(&account, &event_id, accepted_at, WebhookId(47));
        Delivery {
            id: first(&message),
            account,
            webhook: WebhookId(47),
            webhook_name: "Orders of the warehouse".into(),
            custom_url: None,
            event: EventName::builtin("request.note-added").unwrap(),
            event_id,
            message,
            run: 0,
            attempt: 1,
            kind: MessageKind::Event,
            outcome: Outcome::Succeeded,
            created_at: accepted_at,
            retry_of: None,
            redelivery_of: None,
            next_attempt_at: None,
            failure: None,
            request: Some(RequestRecord {
                uri: "https://ada:***@hooks.example.com/incoming/webhooks?source=hookline".into(),
                header_names: vec!["X-Api-ItemKey".into()],
                sent_at: 1_795_599_000,
                jwt: None,
                trace: TraceParent::parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
            }),
            response: Some(ResponseRecord {
                status: 200,
                headers: (0..12).map(|n| (format!("X-Header-{n}"), format!("a value of some length {n}"))).collect(),
                body: String::new(),
            }),
            timings: Some(Timings {
                dns: Some(Duration::from_micros(1200)),
                connect: None,
                tls: None,
                first_byte: Some(Duration::from_millis(45)),
                total: Duration::from_micros(45_001),
                reconnected: false,
            }),
            address: Some("192.0.2.1:443".parse().unwrap()),
        }
    }

    /// The size that DynamoDB bills: names and values.
    fn size(item: &Item) -> usize {
        use aws_sdk_dynamodb::types::AttributeValue;
        let value = |value: &AttributeValue| match value {
            AttributeValue::S(text) => text.len(),
            AttributeValue::N(digits) => digits.len() / 2 + 2,
            AttributeValue::B(blob) => blob.as_ref().len(),
            _ => 1,
        };
        item.iter().map(|(name, attribute)| name.len() + value(attribute)).sum()
    }

    #[test]
    fn a_record_comes_back_whole() {
        let kept = Kept { events: Duration::from_hours(24 * 33), deliveries: Duration::from_hours(24 * 30) };
        let success = delivery();
        assert_eq!(from_item(&success.account, &to_item(&success, kept)).unwrap(), success);
        let id = first(&success.message);
        let failure = Delivery {
            custom_url: Some("https://wdc.example.com".into()),
            run: u64::MAX,
            attempt: 10,
            kind: MessageKind::Verify,
            outcome: Outcome::Dropped,
            retry_of: Some(id),
            redelivery_of: Some(id),
            next_attempt_at: Some(success.created_at),
            failure: Some(Failure::new(ErrorClass::AddressNotAllowed, "Address not allowed")),
            request: None,
            response: None,
            timings: None,
            address: None,
            ..success.clone()
        };
        assert_eq!(from_item(&success.account, &to_item(&failure, kept)).unwrap(), failure);
    }

    #[test]
    fn a_success_takes_at_most_one_kib() {
        let kept = Kept { events: Duration::from_hours(1), deliveries: Duration::from_hours(1) };
        let bytes = size(&to_item(&delivery(), kept));
        assert!(bytes <= 1024, "{bytes}");
    }
}
