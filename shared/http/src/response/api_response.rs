//! Successful responses: a status, headers, and a body of JSON, HTML or a file.

use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use hookline_core::ports::{ByteStream, StreamBroken};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderName};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Serialize;

use super::entity_tag::EntityTag;

/// `Content-Type` of JSON.
pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");
/// `Content-Type` of a file. It is always this one, so that browsers never display a file.
const FILE: HeaderValue = HeaderValue::from_static("application/octet-stream");
/// `Content-Type` of a page.
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

/// A successful response.
pub(crate) struct ApiResponse {
    status: StatusCode,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: ResponseBody,
}

/// The body of a response.
enum ResponseBody {
    /// No body.
    Empty,
    /// Bytes of a content type.
    Whole(HeaderValue, Bytes),
    /// A file of this size, streamed.
    File(u64, Box<dyn ByteStream>),
}

impl ApiResponse {
    /// A response with JSON.
    pub(crate) fn json(status: StatusCode, value: &impl Serialize) -> Self {
        let json = serde_json::to_vec(value).expect("views have text keys and finite numbers");
        Self { status, headers: Vec::new(), body: ResponseBody::Whole(JSON, json.into()) }
    }

    /// 200 with an HTML page. It is static, so it cannot echo input.
    pub(crate) fn page(html: &'static str) -> Self {
        Self { status: StatusCode::OK, headers: Vec::new(), body: ResponseBody::Whole(HTML, html.into()) }
    }

    /// 200 with a file of `size` bytes, which is read as fast as the client takes it.
    pub(crate) fn file(size: u64, content: Box<dyn ByteStream>) -> Self {
        Self { status: StatusCode::OK, headers: Vec::new(), body: ResponseBody::File(size, content) }
    }

    /// 200 with JSON.
    pub(crate) fn ok(value: &impl Serialize) -> Self {
        Self::json(StatusCode::OK, value)
    }

    /// A response without a body: 204 or 304.
    pub(crate) fn empty(status: StatusCode) -> Self {
        Self { status, headers: Vec::new(), body: ResponseBody::Empty }
    }

    /// Adds an entity tag made from the body; 304 if `If-None-Match` names it.
    pub(crate) fn tagged(self, headers: &HeaderMap) -> Self {
        let tag = EntityTag::of_bytes(match &self.body {
            ResponseBody::Whole(_, bytes) => bytes,
            ResponseBody::Empty | ResponseBody::File(..) => &[],
        });
        let answer = if tag.is_known_to(headers) { Self::empty(StatusCode::NOT_MODIFIED) } else { self };
        answer.with(ETAG, tag.header())
    }

    /// Adds a header. An invalid value is left out.
    pub(crate) fn with(mut self, name: HeaderName, value: impl TryInto<HeaderValue>) -> Self {
        self.headers.extend(value.try_into().ok().map(|value| (name, value)));
        self
    }
}

impl IntoResponse for ApiResponse {
    fn into_response(self) -> Response {
        let Self { status, headers, body } = self;
        let mut response = match body {
            ResponseBody::Whole(kind, bytes) => {
                let mut response = Response::new(axum::body::Body::from(bytes));
                response.headers_mut().insert(CONTENT_TYPE, kind);
                response
            }
            ResponseBody::File(size, content) => {
                let chunks = stream::try_unfold(content, |mut content| async move {
                    let chunk =
                        content.next().await.map_err(|StreamBroken| std::io::Error::other("the file broke off"))?;
                    Ok::<_, std::io::Error>(chunk.map(|chunk| (chunk, content)))
                });
                let mut response = Response::new(axum::body::Body::from_stream(chunks));
                response.headers_mut().insert(CONTENT_TYPE, FILE);
                response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(size));
                response
            }
            ResponseBody::Empty => Response::new(axum::body::Body::empty()),
        };
        *response.status_mut() = status;
        response.headers_mut().extend(headers);
        response
    }
}
