//! What a handler answers when all went well: a status, headers, and JSON; or, to people, a small page.

use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use hookline_core::ports::{Content, SenderGone};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderName};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Serialize;

use super::entity_tag::EntityTag;

/// `Content-Type` of every answer that has a body.
pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");
/// `Content-Type` of a file: nobody is to guess what it is.
const FILE: HeaderValue = HeaderValue::from_static("application/octet-stream");
/// `Content-Type` of a page.
const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

/// An answer.
pub(crate) struct Answer {
    status: StatusCode,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Body,
}

/// The body of an answer.
enum Body {
    /// None.
    Empty,
    /// Bytes of this type.
    Whole(HeaderValue, Bytes),
    /// So many bytes of a file, as they come.
    File(u64, Box<dyn Content>),
}

impl Answer {
    /// An answer with a body.
    pub(crate) fn json(status: StatusCode, value: &impl Serialize) -> Self {
        let json = serde_json::to_vec(value).expect("views have text keys and finite numbers");
        Self { status, headers: Vec::new(), body: Body::Whole(JSON, json.into()) }
    }

    /// 200 with a page for people. `html` is a text of ours: nothing of the request may be in it.
    pub(crate) fn page(html: &'static str) -> Self {
        Self { status: StatusCode::OK, headers: Vec::new(), body: Body::Whole(HTML, html.into()) }
    }

    /// 200 with a file of `size` bytes. They are read as fast as the client takes them.
    pub(crate) fn file(size: u64, content: Box<dyn Content>) -> Self {
        Self { status: StatusCode::OK, headers: Vec::new(), body: Body::File(size, content) }
    }

    /// 200 with a body.
    pub(crate) fn ok(value: &impl Serialize) -> Self {
        Self::json(StatusCode::OK, value)
    }

    /// An answer without a body: 204 or 304.
    pub(crate) fn empty(status: StatusCode) -> Self {
        Self { status, headers: Vec::new(), body: Body::Empty }
    }

    /// The same with an entity tag made of its body; 304 if the caller has that already.
    pub(crate) fn tagged(self, headers: &HeaderMap) -> Self {
        let tag = EntityTag::of_bytes(match &self.body {
            Body::Whole(_, bytes) => bytes,
            Body::Empty | Body::File(..) => &[],
        });
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
            Body::Whole(kind, bytes) => {
                let mut response = Response::new(axum::body::Body::from(bytes));
                response.headers_mut().insert(CONTENT_TYPE, kind);
                response
            }
            Body::File(size, content) => {
                let chunks = stream::try_unfold(content, |mut content| async move {
                    let chunk =
                        content.next().await.map_err(|SenderGone| std::io::Error::other("the file broke off"))?;
                    Ok::<_, std::io::Error>(chunk.map(|chunk| (chunk, content)))
                });
                let mut response = Response::new(axum::body::Body::from_stream(chunks));
                response.headers_mut().insert(CONTENT_TYPE, FILE);
                response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(size));
                response
            }
            Body::Empty => Response::new(axum::body::Body::empty()),
        };
        *response.status_mut() = status;
        response.headers_mut().extend(headers);
        response
    }
}
