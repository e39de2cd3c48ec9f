//! The body of a request: read up to its limit, then as JSON (section 2).

use axum::body::Body;
use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

use crate::response::{Refusal, not_json};

/// The largest body of a request that publishes events.
pub(crate) const EVENTS_LIMIT: usize = 2 * 1024 * 1024;
/// The largest body of any other request.
pub(crate) const LIMIT: usize = 256 * 1024;

/// Reads a body of at most `limit` bytes. One that announces more is not read at all.
pub(crate) async fn read(headers: &HeaderMap, body: Body, limit: usize) -> Result<Bytes, Refusal> {
    let announced =
        headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()).and_then(|text| text.parse().ok());
    if announced.is_some_and(|announced: u64| announced > limit as u64) {
        return Err(Refusal::TooLarge);
    }
    match Limited::new(body, limit).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Refusal::TooLarge),
        // The connection broke, or was never HTTP: nobody reads this answer.
        Err(_) => Err(not_json()),
    }
}

/// The text of a body, without a byte order mark.
pub(crate) fn text(body: &Bytes) -> Result<&str, Refusal> {
    let bytes = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    std::str::from_utf8(bytes).map_err(|_| not_json())
}
