//! Routes about the service itself. None needs a token.

use axum::http::StatusCode;
use futures_util::FutureExt as _;
use http::Method;
use http::header::{CACHE_CONTROL, VARY};
use serde_json::json;
use serde_json::value::RawValue;

use crate::request::{AuthenticatedRequest, BodySpec, Handler, OwnType, Permission, PublicRequest, QuerySpec, Route};
use crate::response::{ApiError, ApiResponse};

/// The routes of this module.
pub(crate) static ROUTES: &[Route] = &[
    Route {
        method: Method::GET,
        path: "/",
        id: "getService",
        summary: "Checks that the API answers.",
        query: QuerySpec::None,
        body: BodySpec::None,
        success: (StatusCode::OK, Some("Empty")),
        other: &[],
        handler: Handler::Public(|_| async { Ok(ApiResponse::ok(&json!({}))) }.boxed()),
    },
    Route {
        method: Method::GET,
        path: "/healthz",
        id: "getHealth",
        summary: "Checks that the process is alive.",
        query: QuerySpec::None,
        body: BodySpec::None,
        success: (StatusCode::OK, Some("Health")),
        other: &[],
        handler: Handler::Probe(|_| async { Ok(ApiResponse::ok(&json!({"status": "ok"}))) }.boxed()),
    },
    Route {
        method: Method::GET,
        path: "/readyz",
        id: "getReadiness",
        summary: "Checks whether the process can work: its store takes writes and its workers run.",
        query: QuerySpec::None,
        body: BodySpec::None,
        success: (StatusCode::OK, Some("Health")),
        other: &[],
        handler: Handler::Probe(|request| readiness(request).boxed()),
    },
    Route {
        method: Method::GET,
        path: "/openapi.json",
        id: "getOpenApi",
        summary: "Returns this document; with a token, with a message for each event type of the account under `webhooks`.",
        query: QuerySpec::None,
        body: BodySpec::None,
        success: (StatusCode::OK, Some("OpenApi")),
        other: &[],
        handler: Handler::OptionalToken(
            |request| async move { document(&request) }.boxed(),
            Permission::Follow,
            |request| document_of_account(request).boxed(),
        ),
    },
];

async fn readiness(request: PublicRequest) -> Result<ApiResponse, ApiError> {
    match request.state.api.readiness.ready().await {
        Ok(()) => Ok(ApiResponse::ok(&json!({"status": "ok"}))),
        Err(reason) => Err(ApiError::Unavailable(hookline_core::errors::PortError::unavailable("process", reason))),
    }
}

fn document(request: &PublicRequest) -> Result<ApiResponse, ApiError> {
    let document = (request.state.document)(&request.service().settings, None);
    let document = RawValue::from_string(document).map_err(|_| ApiError::Internal)?;
    Ok(ApiResponse::ok(&document).with(CACHE_CONTROL, "public, max-age=3600").with(VARY, "Authorization"))
}

async fn document_of_account(request: AuthenticatedRequest) -> Result<ApiResponse, ApiError> {
    let (service, account) = (request.service(), &request.caller.account.id);
    let mut own = Vec::new();
    for event_type in service.event_types.own_event_types(account).await? {
        let documents = service.event_types.event_type_documents(account, event_type.id).await?;
        let (name, description) = (event_type.name.to_string(), event_type.description);
        own.push(OwnType { name, description, schema: documents.schema });
    }
    let document = (request.state.document)(&service.settings, Some(&own));
    let document = RawValue::from_string(document).map_err(|_| ApiError::Internal)?;
    Ok(ApiResponse::ok(&document).with(VARY, "Authorization"))
}
