//! Routes that tell about the service itself. None needs a token.

use axum::http::StatusCode;
use futures_util::FutureExt as _;
use http::Method;
use http::header::CACHE_CONTROL;
use serde_json::json;
use serde_json::value::RawValue;

use crate::request::{BodyOf, Handler, QueryOf, Route, Visit};
use crate::response::{Answer, Refusal};

/// The routes of this module.
pub(crate) static ROUTES: &[Route] = &[
    Route {
        method: Method::GET,
        path: "/",
        id: "getService",
        summary: "Says that the API answers.",
        query: QueryOf::None,
        body: BodyOf::None,
        good: (StatusCode::OK, Some("Empty")),
        also: &[],
        handler: Handler::Open(|_| async { Ok(Answer::ok(&json!({}))) }.boxed()),
    },
    Route {
        method: Method::GET,
        path: "/healthz",
        id: "getHealth",
        summary: "Says that the process lives.",
        query: QueryOf::None,
        body: BodyOf::None,
        good: (StatusCode::OK, Some("Health")),
        also: &[],
        handler: Handler::Probe(|_| async { Ok(Answer::ok(&json!({"status": "ok"}))) }.boxed()),
    },
    Route {
        method: Method::GET,
        path: "/readyz",
        id: "getReadiness",
        summary: "Says whether the process can work: its store answers and its workers run.",
        query: QueryOf::None,
        body: BodyOf::None,
        good: (StatusCode::OK, Some("Health")),
        also: &[],
        handler: Handler::Probe(|visit| readiness(visit).boxed()),
    },
    Route {
        method: Method::GET,
        path: "/openapi.json",
        id: "getOpenApi",
        summary: "This document.",
        query: QueryOf::None,
        body: BodyOf::None,
        good: (StatusCode::OK, Some("OpenApi")),
        also: &[],
        handler: Handler::Open(|visit| async move { document(visit.shared.document) }.boxed()),
    },
];

async fn readiness(visit: Visit) -> Result<Answer, Refusal> {
    match visit.shared.api.readiness.ready().await {
        Ok(()) => Ok(Answer::ok(&json!({"status": "ok"}))),
        Err(reason) => Err(Refusal::Fault(hookline_core::ports::Fault::unavailable("process", reason))),
    }
}

fn document(make: fn() -> String) -> Result<Answer, Refusal> {
    let document = RawValue::from_string(make()).map_err(|_| Refusal::Bug)?;
    Ok(Answer::ok(&document).with(CACHE_CONTROL, "public, max-age=3600"))
}
