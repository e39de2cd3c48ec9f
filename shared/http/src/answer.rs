//! What a handler answers when all went well: a status, headers, and JSON; or, to people, a small page.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, ETAG, HeaderName};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Serialize;

use crate::entity_tag::EntityTag;

/// `Content-Type` of every answer that has a body.
pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");
/// `Content-Type` of a file: nobody is to guess what it is.
const FILE: HeaderValue = HeaderValue::from_static("application/octet-stream");
/// `Content-Type` of a page.
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    status: StatusCode,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Option<(HeaderValue, Bytes)>,
}

impl Answer {
    /// An answer with a body.
    pub(crate) fn json(status: StatusCode, value: &impl Serialize) -> Self {
        let json = serde_json::to_vec(value).expect("views have text keys and finite numbers");
        Self { status, headers: Vec::new(), body: Some((JSON, json.into())) }
    }

    /// 200 with a page for people. `html` is a text of ours: nothing of the request may be in it.
    pub(crate) fn page(html: &'static str) -> Self {
        Self { status: StatusCode::OK, headers: Vec::new(), body: Some((HTML, html.into())) }
    }

    /// 200 with a file.
    pub(crate) fn file(content: Bytes) -> Self {
        Self { status: StatusCode::OK, headers: Vec::new(), body: Some((FILE, content)) }
    }

    /// 200 with a body.
    pub(crate) fn ok(value: &impl Serialize) -> Self {
        Self::json(StatusCode::OK, value)
    }

    /// An answer without a body: 204 or 304.
    pub(crate) fn empty(status: StatusCode) -> Self {
        Self { status, headers: Vec::new(), body: None }
    }

    /// The same with an entity tag made of its body; 304 if the caller has that already.
    pub(crate) fn tagged(self, headers: &HeaderMap) -> Self {
        let tag = EntityTag::of_bytes(self.body.as_ref().map_or(&[], |(_, bytes)| bytes));
        let answer = if tag.is_known_to(headers) { Self::empty(StatusCode::NOT_MODIFIED) } else { self };
        answer.with(ETAG, tag.header())
    }

    /// The same with one more header. A value that cannot be in a header is left out.
    pub(crate) fn with(mut self, name: HeaderName, value: impl TryInto<HeaderValue>) -> Self {
        self.headers.extend(value.try_into().ok().map(|value| (name, value)));
        self
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let Self { status, headers, body } = self;
        let mut response = match body {
            Some((kind, bytes)) => {
                let mut response = Response::new(Body::from(bytes));
                response.headers_mut().insert(CONTENT_TYPE, kind);
                response
            }
            None => Response::new(Body::empty()),
        };
        *response.status_mut() = status;
        response.headers_mut().extend(headers);
        response
    }
}
