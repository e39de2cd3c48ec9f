//! JSON Schema, draft 2020-12 (section 14, *Catalogue*).
//!
//! [`JsonSchema::parse`] reads a schema once, and refuses what it could not check in bounded time: references to other
//! documents, a schema that applies itself to the same value, and patterns that need backtracking.
//! [`JsonSchema::check`] counts its steps, so a schema that multiplies its work by `anyOf` or by recursion costs no more
//! than a plain one.
//!
//! The reader and the check are our own because the libraries count no steps, and compare numbers as binary floating
//! point. Here numbers are decimals of any length, as in filters. `format` and `content…` are annotations, as the draft
//! says. `$dynamicRef`, `$anchor` as the target of a reference, and `$id` below the root are not supported: a schema that
//! uses them is refused.

mod canonical;
mod check;
mod keyword;
mod pattern;
mod reader;
mod schema;

pub use self::check::SchemaMismatch;
pub use self::reader::SchemaError;
pub use self::schema::JsonSchema;

#[cfg(test)]
mod tests;
