//! `hookline listen --forward-to`: passes messages to an application, and its answers back.

use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, TRANSFER_ENCODING};
use axum::http::{HeaderMap, Response, StatusCode};
use bytes::Bytes;
use reqwest::Url;

use crate::output::CommandError;

/// How long the application may take. The service waits 10 s for the answer to its message.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Passes messages to one URL.
pub(super) struct Forwarder {
    url: Url,
    client: reqwest::Client,
}

impl Forwarder {
    pub(super) fn new(url: Url) -> Result<Self, CommandError> {
        let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
        Ok(Self { url, client: client.timeout(TIMEOUT).build().map_err(CommandError::of)? })
    }

    /// Posts the message with its headers, and returns the answer. The error says why there is none.
    pub(super) async fn forward(&self, mut headers: HeaderMap, body: Bytes) -> Result<Response<Body>, String> {
        for name in [HOST, CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING] {
            headers.remove(name);
        }
        let unreachable = |error: reqwest::Error| format!("the application does not answer: {}", error.without_url());
        let answer =
            self.client.post(self.url.clone()).headers(headers).body(body).send().await.map_err(unreachable)?;
        let mut response = Response::builder().status(answer.status());
        for name in [CONTENT_TYPE.as_str(), "retry-after", "webhook-delivery"] {
            if let Some(value) = answer.headers().get(name) {
                response = response.header(name, value);
            }
        }
        let body = answer.bytes().await.map_err(unreachable)?;
        response.body(body.into()).map_err(|error| error.to_string())
    }
}

/// The answer without a body.
pub(super) fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}
