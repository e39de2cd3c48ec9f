//! Everything durable: one DynamoDB table.
//!
//! [`keys`] says what is where and who reads it by what. [`dynamo`] makes the calls, [`items`] has the forms in which nouns
//! are written, [`lists`] answers lists, and [`ports`] has one file per port.

pub(crate) mod dynamo;
pub(crate) mod items;
mod keys;
mod lists;
pub(crate) mod ports;

pub use self::dynamo::{Kept, Table};
pub use self::ports::rate_limit::TableRateLimit;
