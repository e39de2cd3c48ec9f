//! A request on its way to its handler: the same checks in the same order for every route.
//!
//! 401 comes first: who has no token learns nothing else. Then 403 for an account header and 404 for a URL that name
//! another account, 429, 403 for a role that is too small, 406, 413 and 415, and then whatever the handler finds.

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use hookline_core::token::Caller;
use http::header::HeaderName;
use http::request::Parts;
use http::{HeaderMap, HeaderValue};

use crate::limits::{Key, Rate};
use crate::listing::Parameters;
use crate::request::{
    Call, ClientAddress, Duty, Handler, Pending, Place, Route, Shared, Visit, authentication, body, negotiation,
};
use crate::response::{Answer, Refusal};

/// Leads a request to the handler of its route.
pub(crate) async fn serve(
    shared: Arc<Shared>,
    route: &'static Route,
    id: String,
    parts: Parts,
    body: Body,
) -> Response {
    let (duty, run) = match &route.handler {
        Handler::Open(run) | Handler::Probe(run) => {
            return answered(visit(shared, route, id, parts, body, *run).await);
        }
        Handler::Upload(run) => {
            return answered(match arrive(shared, route, id, parts).await {
                Ok(visit) => run(visit, body).await,
                Err(refusal) => Err(refusal),
            });
        }
        Handler::Callback(run, ..) if has_code(&parts) => {
            return answered(visit(shared, route, id, parts, body, *run).await);
        }
        Handler::Closed(duty, run) | Handler::Callback(_, duty, run) => (duty, run),
    };
    let caller = match authentication::caller(&shared, &parts.headers).await {
        Ok(caller) => caller,
        Err(refusal) => return refusal.into_response(),
    };
    // Publishing has no part in the rate.
    let counted = *duty != Duty::Publish;
    let now = shared.api.service.clock.now();
    let rate = match shared.api.rate_limit.take(Key::Token(caller.token.counted_as()), counted, now).await {
        Ok(rate) => rate,
        Err(fault) => return Refusal::from(fault).into_response(),
    };
    let mut response = match checked(shared, route, *duty, caller, rate, id, parts, body).await {
        Ok(call) => answered(run(call).await),
        Err(refusal) => refusal.into_response(),
    };
    stamp(response.headers_mut(), rate);
    response
}

fn answered(outcome: Result<Answer, Refusal>) -> Response {
    match outcome {
        Ok(answer) => answer.into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

/// True if the query has a `code`, were it an empty one.
fn has_code(parts: &Parts) -> bool {
    Parameters::parse(parts.uri.query().unwrap_or_default()).last("code").is_some()
}

async fn visit(
    shared: Arc<Shared>,
    route: &Route,
    id: String,
    parts: Parts,
    body: Body,
    run: fn(Visit) -> Pending,
) -> Result<Answer, Refusal> {
    let mut visit = arrive(shared, route, id, parts).await?;
    if let Some(limit) = route.body.limit() {
        visit.body = body::read(&visit.headers, body, limit).await?;
    }
    run(visit).await
}

/// The checks of a request without a token, before its body is read.
async fn arrive(shared: Arc<Shared>, route: &Route, id: String, parts: Parts) -> Result<Visit, Refusal> {
    let Parts { method, uri, headers, mut extensions, .. } = parts;
    let counted = !matches!(route.handler, Handler::Probe(_));
    if let Some(ClientAddress(address)) = extensions.get::<ClientAddress>().filter(|_| counted) {
        let rate = rate_of(&shared, *address).await?;
        let now = shared.api.service.clock.now();
        refuse_excess(rate, now.as_second())?;
    }
    if !route.answers_a_page() {
        negotiation::check_accept(&headers)?;
    }
    let place = extensions.remove::<Place>().ok_or(Refusal::Bug)?;
    let query = uri.query().unwrap_or_default().to_owned();
    Ok(Visit { shared, method, id, query, headers, place, body: Bytes::new() })
}

async fn rate_of(shared: &Shared, address: IpAddr) -> Result<Rate, Refusal> {
    let now = shared.api.service.clock.now();
    Ok(shared.api.rate_limit.take(Key::of_address(address), true, now).await?)
}

fn refuse_excess(rate: Rate, now: i64) -> Result<(), Refusal> {
    if !rate.exceeded {
        return Ok(());
    }
    Err(Refusal::TooMany { retry_after: u64::try_from(rate.reset - now).unwrap_or(1).max(1) })
}

#[expect(clippy::too_many_arguments, reason = "the parts of one request, taken apart once")]
async fn checked(
    shared: Arc<Shared>,
    route: &'static Route,
    duty: Duty,
    caller: Caller,
    rate: Rate,
    id: String,
    parts: Parts,
    body: Body,
) -> Result<Call, Refusal> {
    let Parts { uri, headers, mut extensions, .. } = parts;
    let place = extensions.remove::<Place>().ok_or(Refusal::Bug)?;
    authentication::check_account_headers(&headers, &caller)?;
    if place.account.as_deref().is_some_and(|named| named != caller.account.id.as_str()) {
        return Err(Refusal::NotFound);
    }
    refuse_excess(rate, shared.api.service.clock.now().as_second())?;
    if !duty.is_allowed_to(&caller) {
        return Err(Refusal::Forbidden);
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
    Ok(Call { shared, caller, id, query, headers, place, body })
}

/// Tells an authenticated caller where it stands.
fn stamp(headers: &mut HeaderMap, rate: Rate) {
    headers.insert(HeaderName::from_static("x-ratelimit-limit"), HeaderValue::from(rate.limit));
    headers.insert(HeaderName::from_static("x-ratelimit-remaining"), HeaderValue::from(rate.remaining));
    headers.insert(HeaderName::from_static("x-ratelimit-reset"), HeaderValue::from(rate.reset));
}
