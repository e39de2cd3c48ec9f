//! Lists: what their queries may say, and what they answer (section 2, *Pagination* and *Filters*).
//!
//! A resource is a table of [`Field`]s. From it follow the fields of its records, the filters and sorts of its lists,
//! and its schema in the OpenAPI document.

mod cursor;
mod fields;
mod filters;
mod pagination;
mod parameters;
mod query;
mod selection;

pub(crate) use cursor::decode_delivery;
pub(crate) use fields::{Field, Kind, Resource};
pub(crate) use filters::{conditions, loose_boolean, time};
pub(crate) use pagination::{Links, log_headers, page_headers};
pub(crate) use parameters::Parameters;
pub(crate) use query::{per_page, query};
pub(crate) use selection::{Record, Selection};
