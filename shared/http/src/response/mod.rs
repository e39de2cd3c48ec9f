//! What every route answers: JSON, a page or a file when all went well ([`Answer`]), else an error of section 2
//! ([`Refusal`]); and the entity tags of single records.

mod api_error;
mod api_response;
mod entity_tag;

pub(crate) use api_error::{Cause, Message, Refusal, not_json};
pub(crate) use api_response::Answer;
pub(crate) use entity_tag::EntityTag;
