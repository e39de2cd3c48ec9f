//! `/events` (section 4): the way in for publishers.
//!
//! This is the hot path. The body is looked through once for its outer form; each event keeps its own text, which `core`
//! reads field by field.

use futures_util::FutureExt as _;
use hookline_core::event::EventId;
use hookline_core::explain::explain;
use hookline_core::matching::Why;
use hookline_core::ports::StoredEvent;
use hookline_core::problems::Problems;
use hookline_core::publish::{MAX_EVENTS, Refused, publish};
use http::{Method, StatusCode};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::listing::{Parameters, Selection};
use crate::request::{BodyOf, Call, Duty, Handler, QueryOf, Route, body};
use crate::response::{Answer, Message, Refusal, not_json};
use crate::views::Reference;
use crate::views::event::{EVENT, view};

/// The routes of this module.
pub(crate) static ROUTES: &[Route] = &[
    Route {
        method: Method::POST,
        path: "/events",
        id: "publishEvents",
        summary: "Publishes one event, or up to 100 of them.",
        query: QueryOf::None,
        body: BodyOf::Events("EventInput"),
        good: (StatusCode::ACCEPTED, Some("Published")),
        also: &[
            (StatusCode::UNPROCESSABLE_ENTITY, Some("NotPublished")),
            (StatusCode::TOO_MANY_REQUESTS, Some("ValidationFailed")),
            (StatusCode::LOOP_DETECTED, Some("Message")),
        ],
        handler: Handler::Closed(Duty::Publish, |call| post(call).boxed()),
    },
    Route {
        method: Method::POST,
        path: "/events/explain",
        id: "explainEvent",
        summary: "Says for every webhook of the account whether it would get an event, and why. Sends nothing.",
        query: QueryOf::None,
        body: BodyOf::Json("EventInput"),
        good: (StatusCode::OK, Some("Explanations")),
        also: &[],
        handler: Handler::Closed(Duty::Read, |call| explained(call).boxed()),
    },
    Route {
        method: Method::GET,
        path: "/events/{id}",
        id: "getEvent",
        summary: "Says what became of an event.",
        query: QueryOf::Record(&EVENT),
        body: BodyOf::None,
        good: (StatusCode::OK, Some("Event")),
        also: &[(StatusCode::NOT_MODIFIED, None)],
        handler: Handler::Closed(Duty::Follow, |call| show(call).boxed()),
    },
];

/// What became of one event of several.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a EventId>,
    #[serde(flatten)]
    message: Option<Message<'a>>,
}

async fn post(call: Call) -> Result<Answer, Refusal> {
    if ["x-4me-delivery", "x-xurrent-delivery"].iter().any(|name| call.headers.contains_key(*name)) {
        return Err(Refusal::Loop);
    }
    let text = body::text(&call.body)?.trim_start_matches([' ', '\t', '\r', '\n']);
    if text.starts_with('[') {
        let events: Vec<&RawValue> = serde_json::from_str(text).map_err(|_| not_json())?;
        return many(&call, &events).await;
    }
    let event: &RawValue = serde_json::from_str(text).map_err(|_| not_json())?;
    check_rate(&call, 1)?;
    let published = publish(call.service(), &call.caller.account.id, &[event]).await;
    match published.into_iter().next() {
        Some(Ok(id)) => Ok(Answer::json(StatusCode::ACCEPTED, &Line { id: Some(&id), message: None })),
        Some(Err(refused)) => Err(refused.error.into()),
        None => Err(Refusal::Bug),
    }
}

/// Refuses what comes faster than the account may publish.
fn check_rate(call: &Call, events: usize) -> Result<(), Refusal> {
    let rate = &call.shared.publish_rate;
    rate.take(&call.caller.account.id, events, call.service().clock.now()).map_err(|retry_after| {
        let mut quota = Problems::new();
        quota.add("publish_rate", format!("has reached its limit of {}", rate.per_second()));
        Refusal::TooFast { retry_after, quota }
    })
}

/// Answers for each event: 202 if one was accepted. If none was and we are to blame for one of them, 503: try again.
async fn many(call: &Call, events: &[&RawValue]) -> Result<Answer, Refusal> {
    if events.len() > MAX_EVENTS {
        let mut problems = Problems::new();
        problems.add("events", format!("has reached its limit of {MAX_EVENTS}"));
        return Err(Refusal::Invalid(problems));
    }
    check_rate(call, events.len())?;
    let published = publish(call.service(), &call.caller.account.id, events).await;
    let accepted = published.iter().any(Result::is_ok);
    let mut results: Vec<(Option<EventId>, Option<Refusal>)> = Vec::with_capacity(published.len());
    for one in published {
        match one {
            Ok(id) => results.push((Some(id), None)),
            Err(Refused { id, account: _, error }) => match Refusal::from(error) {
                Refusal::Fault(fault) if !accepted => return Err(Refusal::Fault(fault)),
                refusal => results.push((id, Some(refusal))),
            },
        }
    }
    let lines: Vec<Line<'_>> = results
        .iter()
        .map(|(id, refusal)| Line { id: id.as_ref(), message: refusal.as_ref().map(Refusal::message) })
        .collect();
    Ok(Answer::json(if accepted { StatusCode::ACCEPTED } else { StatusCode::UNPROCESSABLE_ENTITY }, &lines))
}

/// Whether a webhook would get an event.
#[derive(Serialize)]
struct Explanation<'a> {
    webhook: Reference<'a>,
    matches: bool,
    why: &'static str,
}

async fn explained(call: Call) -> Result<Answer, Refusal> {
    let service = call.service();
    let event: &RawValue = serde_json::from_str(body::text(&call.body)?).map_err(|_| not_json())?;
    let explained = explain(service, &call.caller.account.id, event).await?;
    let lines: Vec<Explanation<'_>> = explained
        .iter()
        .map(|(webhook, why)| Explanation {
            webhook: Reference::webhook(&service.settings, webhook.id, &webhook.name, webhook.disabled),
            matches: *why == Why::Matches,
            why: why.as_str(),
        })
        .collect();
    Ok(Answer::ok(&lines))
}

async fn show(call: Call) -> Result<Answer, Refusal> {
    let service = call.service();
    let account = &call.caller.account;
    let selection = Selection::of_record(&EVENT, &Parameters::parse(&call.query))?;
    let now = service.clock.now();
    let stored = found(&call).await?.ok_or(Refusal::NotFound)?;
    let outcomes = service.deliveries.outcomes_of_event(&account.id, &stored.event.head.id, now).await?;
    Ok(Answer::ok(&view(&stored, &outcomes, &selection, &account.time_zone)).tagged(&call.headers))
}

/// The event that the path names. An id may itself end in `.json`, which was taken off as an ending: such an event goes
/// before one of the shorter name.
async fn found(call: &Call) -> Result<Option<StoredEvent>, Refusal> {
    let service = call.service();
    let had_ending = call.place.asked.trim_end_matches('/').strip_suffix(".json").is_some();
    let names = [had_ending.then(|| format!("{}.json", call.id)), Some(call.id.clone())];
    for id in names.into_iter().flatten().filter_map(|name| EventId::parse(&name)) {
        let stored = service.events.event(&call.caller.account.id, &id, service.clock.now()).await?;
        if stored.is_some() {
            return Ok(stored);
        }
    }
    Ok(None)
}
