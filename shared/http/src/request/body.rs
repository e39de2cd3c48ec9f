//! Reads the body of a request, up to its limit (section 2).

use axum::body::Body;
use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

use crate::response::{ApiError, invalid_json};

/// The largest body of a request that publishes events, in bytes.
pub(crate) const MAX_EVENTS_BODY: usize = 2 * 1024 * 1024;
/// The largest body of any other request, in bytes.
pub(crate) const MAX_BODY: usize = 256 * 1024;

/// Reads a body of at most `limit` bytes. A body whose `Content-Length` is larger is not read at all.
pub(crate) async fn read(headers: &HeaderMap, body: Body, limit: usize) -> Result<Bytes, ApiError> {
    check_length(headers, limit as u64)?;
    match Limited::new(body, limit).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(ApiError::TooLarge),
        // The connection broke, or its framing is invalid.
        Err(_) => Err(invalid_json()),
    }
}

/// Refuses a body whose `Content-Length` is larger than `limit`.
pub(crate) fn check_length(headers: &HeaderMap, limit: u64) -> Result<(), ApiError> {
    let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()).and_then(|text| text.parse().ok());
    if length.is_some_and(|length: u64| length > limit) { Err(ApiError::TooLarge) } else { Ok(()) }
}

/// The body as text, without a byte order mark.
pub(crate) fn text(body: &Bytes) -> Result<&str, ApiError> {
    let bytes = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    std::str::from_utf8(bytes).map_err(|_| invalid_json())
}
