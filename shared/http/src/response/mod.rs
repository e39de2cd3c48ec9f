//! The two outcomes of a request, [`ApiResponse`] and [`ApiError`] (section 2, *Errors*), and the entity tags of single
//! records.

mod api_error;
mod api_response;
mod entity_tag;

pub(crate) use api_error::{ApiError, ErrorBody, ErrorCause, invalid_json};
pub(crate) use api_response::ApiResponse;
pub(crate) use entity_tag::EntityTag;
