//! The router: gives every request an id, normalises its path, and adds the headers that every response has.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, Request};
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use futures_util::FutureExt as _;
use hookline_core::ports::Measurement;
use hookline_core::service::Service;
use hookline_core::settings::CoreSettings;
use hookline_core::use_cases::spans;
use http::header::{CACHE_CONTROL, HeaderName, X_CONTENT_TYPE_OPTIONS};
use http::uri::PathAndQuery;
use http::{HeaderValue, Method, StatusCode, Uri};
use tower::ServiceExt as _;
use tracing::Instrument as _;
use uuid::Uuid;

use crate::console;
use crate::gateway::ApiFunction;
use crate::limits::PublishRate;
use crate::openapi::openapi_of;
use crate::pipeline;
use crate::request::{Api, ApiState, MalformedRequest, PublicUrls, Route, pattern};
use crate::response::{ApiError, ErrorCause};
use crate::routes;

/// Answers a request that no route takes, or does not.
type Beside = fn(&CoreSettings, &str, &Request) -> Option<Response>;

/// Builds the router of the whole API and the console.
pub fn router(api: Api) -> Router {
    build(ApiFunction::Webhooks, api, console::respond)
}

/// Builds the part of the API that a function has: only `webhooks-api` has all of it. There is no console, so its files do
/// not become part of the function's executable.
pub fn router_of(function: ApiFunction, api: Api) -> Router {
    build(function, api, |_, _, _| None)
}

fn build(function: ApiFunction, api: Api, beside: Beside) -> Router {
    let public_urls = PublicUrls::of(&api.service.settings);
    let publish_rate = PublishRate::new(api.service.settings.publish_rate);
    let state = Arc::new(ApiState { api, publish_rate, public_urls, document: openapi_of });
    let inner = table(function, &state);
    Router::new().fallback(move |request: Request| handle(Arc::clone(&state), inner.clone(), beside, request))
}

/// Registers each path once, with all its methods.
fn table(function: ApiFunction, state: &Arc<ApiState>) -> Router {
    let mut paths: BTreeMap<&str, Vec<&'static Route>> = BTreeMap::new();
    for route in routes::all().filter(|route| function.has(pattern(route.path))) {
        paths.entry(pattern(route.path)).or_default().push(route);
    }
    let router = paths.into_iter().fold(Router::new(), |router, (path, methods)| {
        let (state, methods) = (Arc::clone(state), Arc::<[&'static Route]>::from(methods));
        let handler = move |params: Result<RawPathParams, RawPathParamsRejection>, request: Request| {
            dispatch(Arc::clone(&state), Arc::clone(&methods), params, request)
        };
        router.route(path, any(handler))
    });
    router.fallback(|| async { ApiError::NotFound.into_response() })
}

/// Selects the route by method.
async fn dispatch(
    state: Arc<ApiState>,
    methods: Arc<[&'static Route]>,
    params: Result<RawPathParams, RawPathParamsRejection>,
    request: Request,
) -> Response {
    // Ids are UTF-8.
    let Ok(params) = params else { return ApiError::NotFound.into_response() };
    let (parts, body) = request.into_parts();
    let wanted = match parts.method {
        Method::HEAD => &Method::GET,
        // PUT is accepted wherever PATCH is, and also updates partially.
        Method::PUT => &Method::PATCH,
        ref other => other,
    };
    let Some(route) = methods.iter().find(|route| route.method == *wanted) else {
        return ApiError::MethodNotAllowed { allow: allow(&methods) }.into_response();
    };
    tracing::Span::current().record("route", route.path);
    let id = params.iter().next().map(|(_, id)| id.to_owned()).unwrap_or_default();
    let mut response = pipeline::serve(state, route, id, parts, body).await;
    response.extensions_mut().insert(AnsweredBy(route));
    response
}

/// The route that answered.
#[derive(Clone, Copy)]
struct AnsweredBy(&'static Route);

/// The value of `Allow`.
fn allow(methods: &[&Route]) -> String {
    let mut names = Vec::new();
    for route in methods {
        names.push(route.method.as_str());
        if route.method == Method::GET {
            names.push("HEAD");
        }
        if route.method == Method::PATCH {
            names.push("PUT");
        }
    }
    names.join(", ")
}

async fn handle(state: Arc<ApiState>, inner: Router, beside: Beside, request: Request) -> Response {
    let id = request_id(&state.api.service);
    let span = spans::call(&id);
    answer(state, inner, beside, request, id).instrument(span).await
}

async fn answer(state: Arc<ApiState>, inner: Router, beside: Beside, mut request: Request, id: String) -> Response {
    let began = std::time::Instant::now();
    let url = state.public_urls.locate(request.uri(), request.headers());
    if url.route != request.uri().path() {
        *request.uri_mut() = with_path(request.uri(), &url.route);
    }
    let beside = beside(&state.api.service.settings, &url.path, &request);
    request.extensions_mut().insert(url);
    let mut response = match (request.extensions().get(), beside) {
        (Some(MalformedRequest(status)), _) => ApiError::Malformed(*status).into_response(),
        (None, Some(response)) => response,
        (None, None) => route(inner, request).await,
    };
    let answered_by = response.extensions().get().map(|AnsweredBy(route)| *route);
    log(&response, answered_by, began.elapsed());
    state.api.service.metrics.record(Measurement::Answered {
        route: answered_by.map_or("", |route| route.path),
        method: answered_by.map_or("", |route| route.method.as_str()),
        status: response.status().as_u16(),
        took: began.elapsed(),
    });
    let headers = response.headers_mut();
    if !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(HeaderName::from_static("x-request-id"), id);
    }
    response
}

/// Serves a request. A panic is a 500.
async fn route(routes: Router, request: Request) -> Response {
    match AssertUnwindSafe(routes.oneshot(request)).catch_unwind().await {
        Ok(Ok(response)) => response,
        Ok(Err(never)) => match never {},
        Err(panic) => {
            let mut response = ApiError::Internal.into_response();
            response.extensions_mut().insert(ErrorCause(panic_text(&*panic)));
            response
        }
    }
}

/// A UUID v7. An id that the request brings along is ignored.
fn request_id(service: &Service) -> String {
    let mut random = [0; 10];
    service.entropy.fill(&mut random);
    let millis = u64::try_from(service.clock.now().as_millisecond()).unwrap_or_default();
    Uuid::to_string(&uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
}

/// Replaces the path of a URI.
fn with_path(uri: &Uri, path: &str) -> Uri {
    let path_and_query = match uri.query() {
        Some(query) => PathAndQuery::try_from(format!("{path}?{query}")),
        None => PathAndQuery::try_from(path),
    };
    let mut parts = uri.clone().into_parts();
    // The suffix of a valid path is a valid path.
    parts.path_and_query = path_and_query.ok().or(parts.path_and_query);
    Uri::from_parts(parts).unwrap_or_else(|_| uri.clone())
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("panic: {}", text.unwrap_or("without a text"))
}

/// Logs one line per response, with the cause of a 5xx.
fn log(response: &Response, route: Option<&Route>, took: std::time::Duration) {
    let status = response.status();
    let (status_code, duration_ms) = (status.as_u16(), (took.as_secs_f64() * 1e6).round() / 1e3);
    let method = route.map_or("", |route| route.method.as_str());
    if status != StatusCode::LOOP_DETECTED && status.is_server_error() {
        let cause = response.extensions().get::<ErrorCause>().map_or("unknown", |cause| cause.0.as_str());
        let action = "see what the error names: store, queue, vault or disk; the client may try again";
        tracing::error!(method, status = status_code, duration_ms, error = cause, action, "request failed");
    } else if status.is_success() && route.is_some_and(Route::is_administrative) {
        tracing::info!(method, status = status_code, duration_ms, "administrative request completed");
    } else {
        tracing::debug!(method, status = status_code, duration_ms, "request completed");
    }
}
