//! Content filters: patterns over a JSON document, in the syntax of EventBridge event patterns (section 14).
//!
//! [`ContentFilter::parse`] reads a pattern once; [`Document::parse`] reads a document once for any number of filters.
//! A pattern matches a document if each of its fields does, or one of the alternatives of `$or`:
//!
//! - The value of a document's field matches if any of the conditions in the pattern's list does.
//! - An array matches if any of its elements does. Conditions on several fields of objects in an array must hold for
//!   one and the same object.
//! - An absent field, an object and an empty array match `{"exists": false}` only.
//! - Numbers are compared as decimals of any length, never as binary floating point. A number whose exponent is
//!   outside ±999 matches `exists` only.

mod condition;
mod decimal;
mod document;
mod filter;
mod matching;
mod pattern;

pub(in crate::values) use self::decimal::Decimal;
pub use self::document::Document;
pub(in crate::values) use self::document::{FilterNode, MAX_DEPTH, read};
pub use self::filter::ContentFilter;
pub use self::matching::FilterMismatch;
pub use self::pattern::FilterError;

#[cfg(test)]
mod tests;
