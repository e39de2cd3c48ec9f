//! `GET /events` and `POST /webhooks/filter_preview` (section 14): a sample of the account's newest events, and filters tried on it.

use futures_util::FutureExt as _;
use hookline_core::model::EventHead;
use hookline_core::use_cases::event_sample::{preview, sampled};
use hookline_core::values::TimeZone;
use hookline_core::values::content_filter::FilterMismatch;
use http::{Method, StatusCode};
use serde::Serialize;

use crate::input::JsonObject;
use crate::request::{AuthenticatedRequest, BodySpec, Handler, Permission, QuerySpec, Route, body};
use crate::response::{ApiError, ApiResponse};

/// The routes of this module.
pub(crate) static ROUTES: &[Route] = &[
    Route {
        method: Method::GET,
        path: "/events",
        id: "listSampledEvents",
        summary: "Lists a sample of the events that this process accepted: at most one a second and the newest 100.",
        query: QuerySpec::None,
        body: BodySpec::None,
        success: (StatusCode::OK, Some("SampledEvents")),
        other: &[],
        handler: Handler::Authenticated(Permission::Read, |request| list(request).boxed()),
    },
    Route {
        method: Method::POST,
        path: "/webhooks/filter_preview",
        id: "previewFilter",
        summary: "Tries a filter on the sample of events. Nothing is sent or kept.",
        query: QuerySpec::None,
        body: BodySpec::Json("FilterPreviewInput"),
        success: (StatusCode::OK, Some("FilterPreview")),
        other: &[],
        handler: Handler::Authenticated(Permission::Read, |request| try_filter(request).boxed()),
    },
];

/// An event of the sample.
#[derive(Serialize)]
struct SampledEvent<'a> {
    id: &'a str,
    event: &'a str,
    object_id: i64,
    object_type: &'a str,
    person_id: Option<i64>,
    accepted_at: String,
    /// Whether the filter matches, if one was tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    matches: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mismatch: Option<&'a FilterMismatch>,
}

impl<'a> SampledEvent<'a> {
    fn of(head: &'a EventHead, zone: &TimeZone) -> Self {
        Self {
            id: head.id.as_str(),
            event: head.event.as_str(),
            object_id: head.object_id,
            object_type: &head.object_type,
            person_id: head.person_id,
            accepted_at: zone.format(head.accepted_at),
            matches: None,
            mismatch: None,
        }
    }
}

async fn list(request: AuthenticatedRequest) -> Result<ApiResponse, ApiError> {
    let account = &request.caller.account;
    let events = sampled(request.service(), &account.id).await?;
    let lines: Vec<_> = events.iter().map(|head| SampledEvent::of(head, &account.time_zone)).collect();
    Ok(ApiResponse::ok(&lines))
}

async fn try_filter(request: AuthenticatedRequest) -> Result<ApiResponse, ApiError> {
    let account = &request.caller.account;
    let filter = JsonObject::read(body::text(&request.body)?)?.json("filter");
    let events = preview(request.service(), &account.id, &filter).await?;
    let lines: Vec<_> = events
        .iter()
        .map(|tried| SampledEvent {
            matches: Some(tried.mismatch.is_none()),
            mismatch: tried.mismatch.as_ref(),
            ..SampledEvent::of(&tried.head, &account.time_zone)
        })
        .collect();
    Ok(ApiResponse::ok(&lines))
}
