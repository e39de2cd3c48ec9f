//! Publishing (section 4): an event is parsed once, at the edge, and put on the events queue. From then on it is
//! accepted: it ends in a success or a record for every webhook that matches, whatever crashes in between.

use jiff::Timestamp;
use serde_json::value::RawValue;

use crate::errors::{PortError, UseCaseError};
use crate::ids::{AccountId, EventId};
use crate::model::{Event, EventName};
use crate::ports::{Measurement, PublishedBy, RefusalReason};
use crate::rules::RejectedEvent;
use crate::rules::event_input::parse;
use crate::service::Service;

/// How many events one request may publish.
pub const MAX_EVENTS: usize = 100;

/// Publishes events of an account, which came by a call: each is accepted or refused by itself, in order.
pub async fn publish(
    service: &Service,
    account: &AccountId,
    by: PublishedBy,
    events: &[&RawValue],
) -> Vec<Result<EventId, RejectedEvent>> {
    let (now, mut own) = (service.clock.now(), None);
    let mut parsed = Vec::with_capacity(events.len());
    for raw in events {
        parsed.push(read_with(service, raw, Some(account), now, &mut own).await);
    }
    let good: Vec<Event> = parsed.iter().filter_map(|event| event.as_ref().ok().cloned()).collect();
    let mut put = service.queues.put_events(&good).await.into_iter();
    let results: Vec<Result<EventId, RejectedEvent>> = parsed
        .into_iter()
        .map(|event| {
            let id = event?.head.id.clone();
            let refuse = |id, fault: PortError| {
                Err(RejectedEvent { id: Some(id), account: Some(account.clone()), error: fault.into() })
            };
            match put.next() {
                Some(Ok(())) => Ok(id),
                Some(Err(fault)) => refuse(id, fault),
                None => refuse(id, PortError::unavailable("queue", "it did not say what became of an event")),
            }
        })
        .collect();
    for result in &results {
        service.metrics.record(match result {
            Ok(id) => {
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

fn reason(error: &UseCaseError) -> RefusalReason {
    match error {
        UseCaseError::Invalid(_) | UseCaseError::NotFound | UseCaseError::PreconditionFailed => RefusalReason::Invalid,
        UseCaseError::Forbidden => RefusalReason::Forbidden,
        UseCaseError::TooLarge => RefusalReason::TooLarge,
        UseCaseError::Fault(_) => RefusalReason::Unavailable,
    }
}

/// Reads an event, which may be of one of its account's own types. `caller` is the account of the token it came with;
/// without one the event must name its account.
///
/// # Errors
/// See [`parse`]; or our own infrastructure failed.
pub async fn read(service: &Service, raw: &RawValue, caller: Option<&AccountId>) -> Result<Event, RejectedEvent> {
    read_with(service, raw, caller, service.clock.now(), &mut None).await
}

/// Reads an event. Only one whose name is not among the 77 costs a look at the account's own types, which are kept in
/// `own` for the next.
async fn read_with(
    service: &Service,
    raw: &RawValue,
    caller: Option<&AccountId>,
    now: Timestamp,
    own: &mut Option<Vec<EventName>>,
) -> Result<Event, RejectedEvent> {
    let refused = match parse(raw, caller, own.as_deref().unwrap_or_default(), now, &*service.entropy) {
        Ok(event) => return Ok(event),
        Err(refused) => refused,
    };
    let Some(account) = refused.needs_own_types().filter(|_| own.is_none()) else { return Err(refused) };
    match service.event_types.own_event_names(account).await {
        Ok(names) => parse(raw, caller, own.insert(names), now, &*service.entropy),
        Err(fault) => Err(RejectedEvent { error: fault.into(), ..refused }),
    }
}
