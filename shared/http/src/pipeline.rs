//! The checks between the router and a handler, in the same order for every route.
//!
//! 401 comes first, so that a caller without a token learns nothing else. Then come 403 for an account header and 404 for
//! a URL that name another account, 429, 508 for the delivery of a webhook, 404 for what the token of a console link does not open, 403 for the role, 406, 413 and 415. Only then does the handler run. The body is read
//! after all checks that do not need it.

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use hookline_core::model::Caller;
use http::header::HeaderName;
use http::request::Parts;
use http::{HeaderMap, HeaderValue};

use crate::limits::{RateKey, RateStatus};
use crate::listing::QueryParameters;
use crate::request::{
    ApiState, AuthenticatedRequest, ClientAddress, Handler, HandlerFuture, Permission, PublicRequest, RequestUrl,
    Route, authentication, body, check_scope, negotiation, refuse_delivery,
};
use crate::response::{ApiError, ApiResponse};

/// Checks a request and runs the handler of its route.
pub(crate) async fn serve(
    state: Arc<ApiState>,
    route: &'static Route,
    id: String,
    parts: Parts,
    body: Body,
) -> Response {
    let (permission, run) = match &route.handler {
        Handler::Public(run) | Handler::Probe(run) => {
            return respond(run_public(state, route, id, parts, body, *run).await);
        }
        Handler::Upload(run) => {
            return respond(match admit(state, route, id, parts).await {
                Ok(request) => run(request, body).await,
                Err(error) => Err(error),
            });
        }
        Handler::Callback(run, ..) if has_code(&parts) => {
            return respond(run_public(state, route, id, parts, body, *run).await);
        }
        Handler::Authenticated(permission, run) | Handler::Callback(_, permission, run) => (permission, run),
    };
    let caller = match authentication::caller(&state, &parts.headers).await {
        Ok(caller) => caller,
        Err(error) => return error.into_response(),
    };
    tracing::Span::current().record("account", caller.account.id.as_str()).record("person", caller.token.person.id);
    // Publishing does not count towards the limit.
    let counted = *permission != Permission::Publish;
    let now = state.api.service.clock.now();
    let rate = match state.api.rate_limit.take(RateKey::Token(caller.token.counted_as()), counted, now).await {
        Ok(rate) => rate,
        Err(fault) => return ApiError::from(fault).into_response(),
    };
    let mut response = match check(state, route, *permission, caller, rate, id, parts, body).await {
        Ok(request) => respond(run(request).await),
        Err(error) => error.into_response(),
    };
    add_rate_headers(response.headers_mut(), rate);
    response
}

fn respond(outcome: Result<ApiResponse, ApiError>) -> Response {
    match outcome {
        Ok(response) => response.into_response(),
        Err(error) => error.into_response(),
    }
}

/// True if the query has a `code`, even an empty one.
fn has_code(parts: &Parts) -> bool {
    QueryParameters::parse(parts.uri.query().unwrap_or_default()).last("code").is_some()
}

/// Runs a handler that takes no token.
async fn run_public(
    state: Arc<ApiState>,
    route: &Route,
    id: String,
    parts: Parts,
    body: Body,
    run: fn(PublicRequest) -> HandlerFuture,
) -> Result<ApiResponse, ApiError> {
    let mut request = admit(state, route, id, parts).await?;
    if let Some(limit) = route.body.limit() {
        request.body = body::read(&request.headers, body, limit).await?;
    }
    run(request).await
}

/// The checks of a request without a token, before its body is read.
async fn admit(state: Arc<ApiState>, route: &Route, id: String, parts: Parts) -> Result<PublicRequest, ApiError> {
    let Parts { method, uri, headers, mut extensions, .. } = parts;
    let counted = !matches!(route.handler, Handler::Probe(_));
    if let Some(ClientAddress(address)) = extensions.get::<ClientAddress>().filter(|_| counted) {
        let rate = rate_of(&state, *address).await?;
        let now = state.api.service.clock.now();
        refuse_excess(rate, now.as_second())?;
    }
    if route.changes() {
        refuse_delivery(&headers)?;
    }
    if !route.is_not_json() {
        negotiation::check_accept(&headers)?;
    }
    let url = extensions.remove::<RequestUrl>().ok_or(ApiError::Internal)?;
    let query = uri.query().unwrap_or_default().to_owned();
    Ok(PublicRequest { state, method, id, query, headers, url, body: Bytes::new() })
}

async fn rate_of(state: &ApiState, address: IpAddr) -> Result<RateStatus, ApiError> {
    let now = state.api.service.clock.now();
    Ok(state.api.rate_limit.take(RateKey::of_address(address), true, now).await?)
}

fn refuse_excess(rate: RateStatus, now: i64) -> Result<(), ApiError> {
    if !rate.exceeded {
        return Ok(());
    }
    Err(ApiError::TooManyRequests { retry_after: u64::try_from(rate.reset - now).unwrap_or(1).max(1) })
}

/// The checks of a request with a token. The body comes last.
#[expect(clippy::too_many_arguments, reason = "the parts of one request")]
async fn check(
    state: Arc<ApiState>,
    route: &'static Route,
    permission: Permission,
    caller: Caller,
    rate: RateStatus,
    id: String,
    parts: Parts,
    body: Body,
) -> Result<AuthenticatedRequest, ApiError> {
    let Parts { uri, headers, mut extensions, .. } = parts;
    let url = extensions.remove::<RequestUrl>().ok_or(ApiError::Internal)?;
    authentication::check_account_headers(&headers, &caller)?;
    if url.account.as_deref().is_some_and(|named| named != caller.account.id.as_str()) {
        return Err(ApiError::NotFound);
    }
    refuse_excess(rate, state.api.service.clock.now().as_second())?;
    if route.changes() {
        refuse_delivery(&headers)?;
    }
    check_scope(&state.api.service, route, &id, &caller).await?;
    if !permission.is_granted_to(&caller) {
        return Err(ApiError::Forbidden);
    }
    negotiation::check_accept(&headers)?;
    let body = match route.body.limit() {
        None => Bytes::new(),
        Some(limit) => {
            let body = body::read(&headers, body, limit).await?;
            if !body.is_empty() {
                negotiation::check_content_type(&headers)?;
            }
            body
        }
    };
    let query = uri.query().unwrap_or_default().to_owned();
    Ok(AuthenticatedRequest { state, caller, id, query, headers, url, body })
}

/// Adds the `X-RateLimit` headers.
fn add_rate_headers(headers: &mut HeaderMap, rate: RateStatus) {
    headers.insert(HeaderName::from_static("x-ratelimit-limit"), HeaderValue::from(rate.limit));
    headers.insert(HeaderName::from_static("x-ratelimit-remaining"), HeaderValue::from(rate.remaining));
    headers.insert(HeaderName::from_static("x-ratelimit-reset"), HeaderValue::from(rate.reset));
}
