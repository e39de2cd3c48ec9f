//! Publishing (section 4): an event is parsed once, at the edge, and put on the events queue. From then on it is
//! accepted: it ends in a success or a record for every webhook that matches, whatever crashes in between.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::value::RawValue;

use super::payload_schema;
use super::yield_now::yield_now;
use crate::errors::{PortError, UseCaseError, ValidationErrors};
use crate::ids::{AccountId, EventId};
use crate::model::{Event, EventType, SchemaMode};
use crate::ports::{EventIntake, Measurement, PublishedBy, RefusalReason, SpanSubject, TraceSpan};
use crate::rules::RejectedEvent;
use crate::rules::event_input::parse;
use crate::service::Service;
use crate::values::TraceParent;

/// How many events one request may publish.
pub const MAX_EVENTS: usize = 100;

/// An event that was accepted.
#[derive(Debug)]
pub struct AcceptedEvent {
    /// Its id.
    pub id: EventId,
    /// It was accepted before, as far as the queue knows.
    pub repeated: bool,
    /// Why its payload does not fit the schema of its type, if the type warns.
    pub warnings: ValidationErrors,
}

/// Publishes events of an account, which came by a call: each is accepted or refused by itself, in order. `caller` is the
/// trace of those that have none of their own.
pub async fn publish(
    service: &Service,
    account: &AccountId,
    by: PublishedBy,
    events: &[&RawValue],
    caller: Option<TraceParent>,
) -> Vec<Result<AcceptedEvent, RejectedEvent>> {
    let (now, mut own) = (service.clock.now(), None);
    let mut parsed = Vec::with_capacity(events.len());
    for raw in events {
        parsed.push(read_with(service, raw, Some(account), now, &mut own).await);
    }
    let spans: Vec<Box<dyn TraceSpan>> =
        parsed.iter_mut().flatten().filter_map(|(event, _)| begin_span(service, event, caller)).collect();
    let good: Vec<Event> =
        parsed.iter().filter_map(|event| event.as_ref().ok()).map(|(event, _)| event.clone()).collect();
    let put = service.queues.put_events(&good).await;
    for (span, put) in spans.into_iter().zip(&put) {
        if put.is_ok() {
            span.end(None);
        }
    }
    let mut put = put.into_iter();
    let results: Vec<Result<AcceptedEvent, RejectedEvent>> = parsed
        .into_iter()
        .map(|event| {
            let (event, warnings) = event?;
            let id = event.head.id.clone();
            let refuse = |id, error| Err(RejectedEvent { id: Some(id), account: Some(account.clone()), error });
            match put.next() {
                Some(Ok(EventIntake::Accepted)) => Ok(AcceptedEvent { id, repeated: false, warnings }),
                Some(Ok(EventIntake::Repeated)) => Ok(AcceptedEvent { id, repeated: true, warnings }),
                Some(Ok(EventIntake::Conflict)) => refuse(id, UseCaseError::Conflict),
                Some(Err(fault)) => refuse(id, fault.into()),
                None => refuse(id, PortError::unavailable("queue", "it did not say what became of an event").into()),
            }
        })
        .collect();
    if let Some(published) = results.iter().find_map(|result| result.as_ref().ok()) {
        service.sample.note(account, &published.id, now);
    }
    for result in &results {
        service.metrics.record(match result {
            Ok(AcceptedEvent { id, .. }) => {
                tracing::info!(target: "hookline::success", event_id = id.as_str(), by = by.as_str(), "event accepted");
                Measurement::EventAccepted(by)
            }
            Err(refused) => {
                let reason = reason(&refused.error);
                tracing::debug!(reason = reason.as_str(), "event refused");
                Measurement::EventRefused(reason)
            }
        });
    }
    service.metrics.record(Measurement::Published(service.clock.now().duration_since(now).unsigned_abs()));
    results
}

/// Begins the span that publishes an event. From then on the event belongs to it.
fn begin_span(service: &Service, event: &mut Event, caller: Option<TraceParent>) -> Option<Box<dyn TraceSpan>> {
    let head = Arc::make_mut(&mut event.head);
    head.trace = head.trace.or(caller);
    let span = service.traces.begin(SpanSubject::Publish(head))?;
    head.trace = Some(span.context());
    Some(span)
}

fn reason(error: &UseCaseError) -> RefusalReason {
    match error {
        UseCaseError::Invalid(_)
        | UseCaseError::NotFound
        | UseCaseError::Conflict
        | UseCaseError::PreconditionFailed => RefusalReason::Invalid,
        UseCaseError::Forbidden => RefusalReason::Forbidden,
        UseCaseError::TooLarge => RefusalReason::TooLarge,
        UseCaseError::Fault(_) => RefusalReason::Unavailable,
    }
}

/// Reads an event, which may be of one of its account's own types, with the warnings of its type. `caller` is the account
/// of the token it came with; without one the event must name its account.
///
/// # Errors
/// See [`parse`]; or its payload does not fit the schema that its type enforces; or our own infrastructure failed.
pub async fn read(
    service: &Service,
    raw: &RawValue,
    caller: Option<&AccountId>,
) -> Result<(Event, ValidationErrors), RejectedEvent> {
    read_with(service, raw, caller, service.clock.now(), &mut None).await
}

/// Reads an event. Only one whose name is not among the 77 costs a look at the account's own types, which are kept in
/// `own` for the next.
async fn read_with(
    service: &Service,
    raw: &RawValue,
    caller: Option<&AccountId>,
    now: Timestamp,
    own: &mut Option<Vec<EventType>>,
) -> Result<(Event, ValidationErrors), RejectedEvent> {
    let event = match parse(raw, caller, own.as_deref().unwrap_or_default(), now, &*service.entropy) {
        Ok(event) => event,
        Err(refused) => {
            let account = refused.needs_own_types().filter(|_| own.is_none());
            let Some(account) = account else { return Err(refused) };
            match service.event_types.own_event_types(account).await {
                Ok(types) => parse(raw, caller, own.insert(types), now, &*service.entropy)?,
                Err(fault) => return Err(RejectedEvent { error: fault.into(), ..refused }),
            }
        }
    };
    let event_type = own.iter().flatten().find(|one| one.name == event.head.event);
    match event_type.filter(|one| one.schema_mode != SchemaMode::Off) {
        None => Ok((event, ValidationErrors::new())),
        Some(event_type) => checked(service, event, event_type).await,
    }
}

/// Checks the payload against the schema of its type.
async fn checked(
    service: &Service,
    event: Event,
    event_type: &EventType,
) -> Result<(Event, ValidationErrors), RejectedEvent> {
    let refuse = |event: Event, error| {
        Err(RejectedEvent { id: Some(event.head.id.clone()), account: Some(event.head.account.clone()), error })
    };
    let mismatch = payload_schema::mismatch(service, &event.head.account, event_type, &event.payload).await;
    // A large payload takes long.
    yield_now().await;
    let problems = match mismatch {
        Ok(None) => return Ok((event, ValidationErrors::new())),
        Ok(Some(mismatch)) => ValidationErrors::of("payload", mismatch.to_string()),
        Err(fault) => return refuse(event, fault.into()),
    };
    match event_type.schema_mode {
        SchemaMode::Enforce => refuse(event, problems.into()),
        SchemaMode::Warn | SchemaMode::Off => Ok((event, problems)),
    }
}
