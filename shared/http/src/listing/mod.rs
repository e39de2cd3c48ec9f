//! Lists: the query parameters they take and the pages they return (section 2, *Pagination* and *Filters*).
//!
//! A [`Resource`] is a table of [`Field`]s. The table determines which fields its records show, how its lists can be filtered
//! and sorted, and its schema in the OpenAPI document.

mod cursor;
mod fields;
mod filters;
mod pagination;
mod parameters;
mod query;
mod selection;

pub(crate) use cursor::decode_delivery;
pub(crate) use fields::{Field, FieldType, Resource};
pub(crate) use filters::{conditions, loose_boolean, strict_boolean, time};
pub(crate) use pagination::{PageLinks, log_answer, page_answer};
pub(crate) use parameters::QueryParameters;
pub(crate) use query::{per_page, query};
pub(crate) use selection::{Record, Selection};
