//! A route: one operation of the API, as data. The router serves it and the OpenAPI document describes it.

use axum::body::Body;
use futures_util::future::BoxFuture;
use http::{Method, StatusCode};

use super::authentication::Permission;
use super::body;
use super::incoming::{AuthenticatedRequest, PublicRequest};
use crate::listing::Resource;
use crate::response::{ApiError, ApiResponse};

/// The future of a handler.
pub(crate) type HandlerFuture = BoxFuture<'static, Result<ApiResponse, ApiError>>;

/// One operation of the API.
pub(crate) struct Route {
    /// Its method. `GET` includes `HEAD`, and `PATCH` includes `PUT`.
    pub(crate) method: Method,
    /// Its path in the OpenAPI document.
    pub(crate) path: &'static str,
    /// Its operation id in the document.
    pub(crate) id: &'static str,
    /// What it does, in one sentence.
    pub(crate) summary: &'static str,
    /// The query parameters it takes.
    pub(crate) query: QuerySpec,
    /// The body it takes.
    pub(crate) body: BodySpec,
    /// The status of its successful response, and the schema of the body.
    pub(crate) success: (StatusCode, Option<&'static str>),
    /// Further statuses, besides those that follow from the rest of this table.
    pub(crate) other: &'static [(StatusCode, Option<&'static str>)],
    /// Its handler, with the permission that it requires.
    pub(crate) handler: Handler,
}

impl Route {
    /// True if it changes or sends something. The callback of an endpoint does so by GET as well (section 6).
    pub(crate) fn changes(&self) -> bool {
        self.method != Method::GET || self.path.ends_with("/verify")
    }

    /// True if only administrators may call it: it changes something, sends something, or shows a secret.
    pub(crate) fn is_administrative(&self) -> bool {
        matches!(self.handler, Handler::Authenticated(Permission::Administer, _))
    }

    /// True if a successful response is not JSON, so that `Accept` cannot refuse it.
    pub(crate) fn is_not_json(&self) -> bool {
        self.other.iter().chain([&self.success]).any(|(_, body)| matches!(*body, Some(PAGE | FILE)))
    }
}

/// Instead of the name of a schema: the body is an HTML page.
pub(crate) const PAGE: &str = "text/html";

/// Instead of the name of a schema: the body is a file.
pub(crate) const FILE: &str = "application/octet-stream";

/// The query parameters of a route.
#[derive(Clone, Copy)]
pub(crate) enum QuerySpec {
    /// None.
    None,
    /// These, each with its description.
    Named(&'static [(&'static str, &'static str)]),
    /// `fields`.
    Record(&'static Resource),
    /// Filters, sort, fields and pages.
    List(&'static Resource),
    /// Filters, fields and cursors, and these parameters.
    Log(&'static Resource, &'static [&'static str]),
}

/// The body of a route.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodySpec {
    /// None.
    None,
    /// JSON of this schema.
    Json(&'static str),
    /// JSON of this schema, or no body.
    Optional(&'static str),
    /// Events of this schema. They have their own size and rate limits.
    Events(&'static str),
    /// A form or JSON of this schema.
    Form(&'static str),
    /// A form with a file, which the handler reads.
    Upload(&'static str),
}

impl BodySpec {
    /// The largest body in bytes; `None` if the pipeline does not read it.
    pub(crate) fn limit(self) -> Option<usize> {
        match self {
            Self::None | Self::Upload(_) => None,
            Self::Json(_) | Self::Optional(_) | Self::Form(_) => Some(body::MAX_BODY),
            Self::Events(_) => Some(body::MAX_EVENTS_BODY),
        }
    }
}

/// The handler of a route, and who may call it.
pub(crate) enum Handler {
    /// Public: takes no token. Limited per source address.
    Public(fn(PublicRequest) -> HandlerFuture),
    /// Public and not limited, for probes of supervisors.
    Probe(fn(PublicRequest) -> HandlerFuture),
    /// Requires a token with this permission.
    Authenticated(Permission, fn(AuthenticatedRequest) -> HandlerFuture),
    /// Public; the handler reads the body itself.
    Upload(fn(PublicRequest, Body) -> HandlerFuture),
    /// Public if the query has a `code`; otherwise requires a token with this permission.
    Callback(fn(PublicRequest) -> HandlerFuture, Permission, fn(AuthenticatedRequest) -> HandlerFuture),
}

/// The path of a normalised request: without the `.json` ending that the document may have.
pub(crate) fn pattern(path: &'static str) -> &'static str {
    path.strip_suffix(".json").unwrap_or(path)
}
