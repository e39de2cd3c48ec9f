//! `/webhooks/:id/counts` and `/counts`: deliveries per hour (section 12).

use std::ops::RangeInclusive;

use futures_util::FutureExt as _;
use hookline_core::model::Hour;
use hookline_core::ports::CountsScope;
use http::{Method, StatusCode};
use jiff::Timestamp;

use super::webhooks;
use crate::listing::{QueryParameters, time};
use crate::request::{AuthenticatedRequest, BodySpec, Handler, Permission, QuerySpec, Route};
use crate::response::{ApiError, ApiResponse};
use crate::views::counts::view;

/// Hours of a day: what is shown by default, and the most that is shown by webhook.
const DAY: i64 = 24;
/// The most hours of one answer: those that are kept.
const MAX_HOURS: i64 = 31 * DAY;

const SINCE: (&str, &str) = ("since", "From the hour of this time on, ISO 8601; by default 24 hours before `until`.");
const UNTIL: (&str, &str) = ("until", "Up to and with the hour of this time, ISO 8601; by default now.");
const BY: (&str, &str) =
    ("by", "`webhook`: of each hour the hundred webhooks with most failures, for at most 24 hours.");

/// The routes of this module.
pub(crate) static ROUTES: &[Route] = &[
    Route {
        method: Method::GET,
        path: "/webhooks/{id}/counts",
        id: "countsOfWebhook",
        summary: "Counts the deliveries of a webhook per hour, also of a deleted one.",
        query: QuerySpec::Named(&[SINCE, UNTIL]),
        body: BodySpec::None,
        success: (StatusCode::OK, Some("Counts")),
        other: &[(StatusCode::BAD_REQUEST, Some("Message"))],
        handler: Handler::Authenticated(Permission::Read, |request| of_webhook(request).boxed()),
    },
    Route {
        method: Method::GET,
        path: "/counts",
        id: "counts",
        summary: "Counts the deliveries of the account per hour.",
        query: QuerySpec::Named(&[SINCE, UNTIL, BY]),
        body: BodySpec::None,
        success: (StatusCode::OK, Some("Counts")),
        other: &[(StatusCode::BAD_REQUEST, Some("Message"))],
        handler: Handler::Authenticated(Permission::Read, |request| of_account(request).boxed()),
    },
];

async fn of_webhook(request: AuthenticatedRequest) -> Result<ApiResponse, ApiError> {
    let id = webhooks::webhook_id(&request)?;
    let hours = hours(&request, &QueryParameters::parse(&request.query), MAX_HOURS)?;
    let service = request.service();
    let account = &request.caller.account;
    let counts = service.counts.counts(&account.id, CountsScope::Webhook(id), hours).await?;
    if counts.is_empty() && service.webhooks.webhook(&account.id, id).await?.is_none() {
        return Err(ApiError::NotFound);
    }
    Ok(ApiResponse::ok(&view(&counts, &account.time_zone)))
}

async fn of_account(request: AuthenticatedRequest) -> Result<ApiResponse, ApiError> {
    let parameters = QueryParameters::parse(&request.query);
    let (scope, most) = match parameters.non_empty("by") {
        None => (CountsScope::Account, MAX_HOURS),
        Some("webhook") => (CountsScope::MostFailures, DAY),
        Some(_) => return Err(ApiError::parameter("by")),
    };
    let hours = hours(&request, &parameters, most)?;
    let account = &request.caller.account;
    let counts = request.service().counts.counts(&account.id, scope, hours).await?;
    Ok(ApiResponse::ok(&view(&counts, &account.time_zone)))
}

/// The hours that a query asks for: at most so many.
fn hours(
    request: &AuthenticatedRequest,
    parameters: &QueryParameters,
    most: i64,
) -> Result<RangeInclusive<Hour>, ApiError> {
    let zone = &request.caller.account.time_zone;
    let at = |name: &str| -> Result<Option<Timestamp>, ApiError> {
        let text = parameters.non_empty(name);
        text.map(|text| time(text, zone).ok_or_else(|| ApiError::parameter(name))).transpose()
    };
    let last = Hour::of(at("until")?.unwrap_or_else(|| request.service().clock.now()));
    let first = at("since")?.map_or(Hour(last.0 - DAY + 1), Hour::of);
    if first > last || last.0 - first.0 >= most {
        return Err(ApiError::parameter("since"));
    }
    Ok(first..=last)
}
