//! `/events` (section 4): publishing, explaining and following events.
//!
//! Publishing is the hot path. The body is scanned once for its outer structure; each event keeps its own text, which `core`
//! parses field by field.

use futures_util::FutureExt as _;
use hookline_core::errors::ValidationErrors;
use hookline_core::ids::EventId;
use hookline_core::model::Webhook;
use hookline_core::ports::StoredEvent;
use hookline_core::ports::{Measurement, PublishedBy, RefusalReason};
use hookline_core::rules::{MatchReason, RejectedEvent};
use hookline_core::use_cases::explain::{ExplainedMatch, explain};
use hookline_core::use_cases::publish::{MAX_EVENTS, publish};
use hookline_core::values::content_filter::FilterMismatch;
use http::header::USER_AGENT;
use http::{HeaderMap, Method, StatusCode};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::listing::{QueryParameters, Selection};
use crate::request::{AuthenticatedRequest, BodySpec, Handler, Permission, QuerySpec, Route, body};
use crate::response::{ApiError, ApiResponse, ErrorBody, invalid_json};
use crate::views::Reference;
use crate::views::event::{EVENT, view};

/// The routes of this module.
pub(crate) static ROUTES: &[Route] = &[
    Route {
        method: Method::POST,
        path: "/events",
        id: "publishEvents",
        summary: "Publishes one event, or an array of up to 100 events.",
        query: QuerySpec::None,
        body: BodySpec::Events("EventInput"),
        success: (StatusCode::ACCEPTED, Some("Published")),
        other: &[
            (StatusCode::UNPROCESSABLE_ENTITY, Some("NotPublished")),
            (StatusCode::TOO_MANY_REQUESTS, Some("ValidationFailed")),
        ],
        handler: Handler::Authenticated(Permission::Publish, |request| post(request).boxed()),
    },
    Route {
        method: Method::POST,
        path: "/events/explain",
        id: "explainEvent",
        summary: "Explains for every webhook of the account whether it matches an event. Sends nothing.",
        query: QuerySpec::None,
        body: BodySpec::Json("EventInput"),
        success: (StatusCode::OK, Some("Explanations")),
        other: &[],
        handler: Handler::Authenticated(Permission::Follow, |request| explained(request).boxed()),
    },
    Route {
        method: Method::GET,
        path: "/events/{id}",
        id: "getEvent",
        summary: "Shows how many messages of an event succeeded, wait or failed.",
        query: QuerySpec::Record(&EVENT),
        body: BodySpec::None,
        success: (StatusCode::OK, Some("Event")),
        other: &[(StatusCode::NOT_MODIFIED, None)],
        handler: Handler::Authenticated(Permission::Follow, |request| show(request).boxed()),
    },
];

/// The result of one event of a batch.
#[derive(Serialize)]
struct EventResult<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a EventId>,
    #[serde(flatten)]
    message: Option<ErrorBody<'a>>,
}

async fn post(request: AuthenticatedRequest) -> Result<ApiResponse, ApiError> {
    let text = body::text(&request.body)?.trim_start_matches([' ', '\t', '\r', '\n']);
    if text.starts_with('[') {
        let events: Vec<&RawValue> = serde_json::from_str(text).map_err(|_| invalid_json())?;
        return many(&request, &events).await;
    }
    let event: &RawValue = serde_json::from_str(text).map_err(|_| invalid_json())?;
    check_rate(&request, 1)?;
    let published =
        publish(request.service(), &request.caller.account.id, published_by(&request.headers), &[event]).await;
    match published.into_iter().next() {
        Some(Ok(id)) => Ok(ApiResponse::json(StatusCode::ACCEPTED, &EventResult { id: Some(&id), message: None })),
        Some(Err(refused)) => Err(refused.error.into()),
        None => Err(ApiError::Internal),
    }
}

/// Our command line names itself.
fn published_by(headers: &HeaderMap) -> PublishedBy {
    let is_ours = headers.get(USER_AGENT).is_some_and(|software| software.as_bytes().starts_with(b"hookline/"));
    if is_ours { PublishedBy::Cli } else { PublishedBy::Http }
}

/// Refuses a request that exceeds the account's publish rate.
fn check_rate(request: &AuthenticatedRequest, events: usize) -> Result<(), ApiError> {
    let rate = &request.state.publish_rate;
    rate.take(&request.caller.account.id, events, request.service().clock.now()).map_err(|retry_after| {
        let mut quota = ValidationErrors::new();
        quota.add("publish_rate", format!("has reached its limit of {}", rate.per_second()));
        for _ in 0..events {
            request.service().metrics.record(Measurement::EventRefused(RefusalReason::RateLimited));
        }
        ApiError::QuotaExceeded { retry_after, quota }
    })
}

/// Publishes a batch and returns a result per event: 202 if one was accepted. If none was, and one of them failed through
/// our own fault, 503.
async fn many(request: &AuthenticatedRequest, events: &[&RawValue]) -> Result<ApiResponse, ApiError> {
    if events.len() > MAX_EVENTS {
        let mut problems = ValidationErrors::new();
        problems.add("events", format!("has reached its limit of {MAX_EVENTS}"));
        return Err(ApiError::Invalid(problems));
    }
    check_rate(request, events.len())?;
    let published =
        publish(request.service(), &request.caller.account.id, published_by(&request.headers), events).await;
    let accepted = published.iter().any(Result::is_ok);
    let mut results: Vec<(Option<EventId>, Option<ApiError>)> = Vec::with_capacity(published.len());
    for one in published {
        match one {
            Ok(id) => results.push((Some(id), None)),
            Err(RejectedEvent { id, account: _, error }) => match ApiError::from(error) {
                ApiError::Unavailable(fault) if !accepted => return Err(ApiError::Unavailable(fault)),
                error => results.push((id, Some(error))),
            },
        }
    }
    let lines: Vec<EventResult<'_>> = results
        .iter()
        .map(|(id, error)| EventResult { id: id.as_ref(), message: error.as_ref().map(ApiError::message) })
        .collect();
    Ok(ApiResponse::json(if accepted { StatusCode::ACCEPTED } else { StatusCode::UNPROCESSABLE_ENTITY }, &lines))
}

/// Whether a webhook matches an event.
#[derive(Serialize)]
struct Explanation<'a> {
    webhook: ExplainedWebhook<'a>,
    matches: bool,
    why: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    mismatch: Option<&'a FilterMismatch>,
}

/// A webhook in an explanation.
#[derive(Serialize)]
#[serde(untagged)]
enum ExplainedWebhook<'a> {
    Reference(Reference<'a>),
    /// All that publishers see.
    Id {
        id: u64,
    },
}

async fn explained(request: AuthenticatedRequest) -> Result<ApiResponse, ApiError> {
    let service = request.service();
    let event: &RawValue = serde_json::from_str(body::text(&request.body)?).map_err(|_| invalid_json())?;
    let explained = explain(service, &request.caller.account.id, event).await?;
    let may_read = request.caller.may_read();
    let lines: Vec<Explanation<'_>> = explained
        .iter()
        .map(|ExplainedMatch { webhook, why, mismatch }| Explanation {
            webhook: if may_read {
                let Webhook { id, name, disabled, .. } = webhook;
                ExplainedWebhook::Reference(Reference::webhook(&service.settings, *id, name, *disabled))
            } else {
                ExplainedWebhook::Id { id: webhook.id.0 }
            },
            matches: *why == MatchReason::Matches,
            why: why.as_str(),
            mismatch: mismatch.as_ref().filter(|_| may_read),
        })
        .collect();
    Ok(ApiResponse::ok(&lines))
}

async fn show(request: AuthenticatedRequest) -> Result<ApiResponse, ApiError> {
    let service = request.service();
    let account = &request.caller.account;
    let selection = Selection::of_record(&EVENT, &QueryParameters::parse(&request.query))?;
    let now = service.clock.now();
    let stored = found(&request).await?.ok_or(ApiError::NotFound)?;
    let outcomes = service.deliveries.outcomes_of_event(&account.id, &stored.event.head.id, now).await?;
    Ok(ApiResponse::ok(&view(&stored, &outcomes, &selection, &account.time_zone)).tagged(&request.headers))
}

/// The event that the path names. An id may itself end in `.json`, which the router removed; an event with the longer id is
/// preferred.
async fn found(request: &AuthenticatedRequest) -> Result<Option<StoredEvent>, ApiError> {
    let service = request.service();
    let had_ending = request.url.path.trim_end_matches('/').strip_suffix(".json").is_some();
    let names = [had_ending.then(|| format!("{}.json", request.id)), Some(request.id.clone())];
    for id in names.into_iter().flatten().filter_map(|name| EventId::parse(&name)) {
        let stored = service.events.event(&request.caller.account.id, &id, service.clock.now()).await?;
        if stored.is_some() {
            return Ok(stored);
        }
    }
    Ok(None)
}
