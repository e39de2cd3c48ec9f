//! Webhooks must not call the API in a loop: their own messages are refused on every route that changes or sends something
//! (section 4).

use http::HeaderMap;

use crate::response::ApiError;

/// The headers of every message that the service sends (section 5).
const DELIVERY_HEADERS: [&str; 2] = ["x-4me-delivery", "x-xurrent-delivery"];

/// Refuses a request that is itself the delivery of a webhook.
pub(crate) fn refuse_delivery(headers: &HeaderMap) -> Result<(), ApiError> {
    let is_delivery = DELIVERY_HEADERS.iter().any(|name| headers.contains_key(*name));
    if is_delivery { Err(ApiError::LoopDetected) } else { Ok(()) }
}
