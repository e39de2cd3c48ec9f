//! One operation of the API: what the router serves and what the OpenAPI document tells.

use axum::body::Body;
use futures_util::future::BoxFuture;
use http::{Method, StatusCode};

use super::authentication::Duty;
use super::body;
use super::incoming::{Call, Visit};
use crate::listing::Resource;
use crate::response::{Answer, Refusal};

/// What comes of a handler.
pub(crate) type Pending = BoxFuture<'static, Result<Answer, Refusal>>;

/// One operation of the API.
pub(crate) struct Route {
    /// Its method. `GET` stands for `HEAD` too.
    pub(crate) method: Method,
    /// Its path, as the document writes it.
    pub(crate) path: &'static str,
    /// Its name in the document.
    pub(crate) id: &'static str,
    /// What it does, in a sentence.
    pub(crate) summary: &'static str,
    /// What its query may say.
    pub(crate) query: QueryOf,
    /// What its body must be.
    pub(crate) body: BodyOf,
    /// What a good answer is: a status, and the name of the schema of its body.
    pub(crate) good: (StatusCode, Option<&'static str>),
    /// Statuses that it may answer beside those that follow from the rest of this table.
    pub(crate) also: &'static [(StatusCode, Option<&'static str>)],
    /// Who may call it, and what it does.
    pub(crate) handler: Handler,
}

impl Route {
    /// True if a good answer may be a page for people: whatever the caller reads, its call counts.
    pub(crate) fn answers_a_page(&self) -> bool {
        self.also.iter().chain([&self.good]).any(|(_, body)| matches!(*body, Some(PAGE | FILE)))
    }
}

/// In place of the name of a schema: the body is a page for people.
pub(crate) const PAGE: &str = "text/html";

/// In place of the name of a schema: the body is a file.
pub(crate) const FILE: &str = "application/octet-stream";

/// What a route's query may say.
#[derive(Clone, Copy)]
pub(crate) enum QueryOf {
    /// Nothing that is read.
    None,
    /// These, each with what it says.
    Named(&'static [(&'static str, &'static str)]),
    /// `fields`.
    Record(&'static Resource),
    /// Filters, sort, fields and pages.
    List(&'static Resource),
    /// Filters, fields and cursors, and parameters of its own.
    Log(&'static Resource, &'static [&'static str]),
}

/// What a route's body must be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyOf {
    /// It is not read.
    None,
    /// JSON of this schema, up to the usual limit.
    Json(&'static str),
    /// JSON of this schema or nothing, up to the usual limit.
    Optional(&'static str),
    /// Events, up to their own limit. Publishing has a rate of its own.
    Events(&'static str),
    /// A form or JSON of this schema, up to the usual limit.
    Form(&'static str),
    /// A form with a file, which is read by the handler.
    Upload(&'static str),
}

impl BodyOf {
    /// How large it may be, in bytes; `None` if it is not read.
    pub(crate) fn limit(self) -> Option<usize> {
        match self {
            Self::None | Self::Upload(_) => None,
            Self::Json(_) | Self::Optional(_) | Self::Form(_) => Some(body::LIMIT),
            Self::Events(_) => Some(body::EVENTS_LIMIT),
        }
    }
}

/// Who may call a route, and what it does.
pub(crate) enum Handler {
    /// Anybody, without a token.
    Open(fn(Visit) -> Pending),
    /// Anybody, without a token, and as often as they like: it costs nothing, and supervisors ask it.
    Probe(fn(Visit) -> Pending),
    /// Whoever may do this.
    Closed(Duty, fn(Call) -> Pending),
    /// Anybody, without a token; it reads the body itself.
    Upload(fn(Visit, Body) -> Pending),
    /// With a `code` in the query anybody, without a token; else whoever may do this.
    Callback(fn(Visit) -> Pending, Duty, fn(Call) -> Pending),
}

/// The path as the normalised request has it: the document's own `.json` endings are off.
pub(crate) fn pattern(path: &'static str) -> &'static str {
    path.strip_suffix(".json").unwrap_or(path)
}
