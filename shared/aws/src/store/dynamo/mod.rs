//! The few calls that everything durable is made of.
//!
//! [`Table`] makes them, one item or one transaction at a time; [`batch`] makes those for many items. A [`Write`] is one
//! conditional write, an [`PartitionQuery`] a question to one partition, and [`item`] is the form of values. Reads are consistent; an
//! item whose time is over counts as absent, since DynamoDB removes it days late.

mod batch;
mod custom_urls;
pub(in crate::store) mod item;
mod key;
mod merge;
mod query;
mod table;
mod write;

pub(in crate::store) use self::custom_urls::CustomUrl;
pub(in crate::store) use self::item::{ItemBuilder, ItemReader, bytes, corrupt, expiry, number, text, time};
pub(in crate::store) use self::key::{Item, ItemKey};
pub(in crate::store) use self::merge::{IdSpan, MergeWalk};
pub(in crate::store) use self::query::{PartitionQuery, SortKeyRange};
pub use self::table::{Kept, Table};
pub(in crate::store) use self::table::{ReturnItem, WriteOutcome, pause};
pub(in crate::store) use self::write::{Write, nonce};
