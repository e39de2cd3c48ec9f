//! The DynamoDB calls that the store consists of.
//!
//! [`Table`] makes the calls: `table` for one item or one transaction, `batch` for many items. A [`Write`] is a write
//! with its condition, and a [`PartitionQuery`] reads items of one partition. [`ItemBuilder`] and [`ItemReader`]
//! convert values to attributes and back. A [`MergeWalk`] reads several partitions in one order. Reads are consistent.
//! An expired item counts as absent, since DynamoDB deletes it days late.

mod batch;
mod batch_permits;
mod batch_reads;
mod custom_urls;
pub(in crate::store) mod item;
mod key;
mod merge;
mod query;
mod table;
mod write;

pub(in crate::store) use self::batch::SEGMENTS;
pub(in crate::store) use self::batch_permits::UnusedPermits;
pub(in crate::store) use self::custom_urls::CustomUrl;
pub(in crate::store) use self::item::{ItemBuilder, ItemReader, bytes, corrupt, expiry, number, text, time};
pub(in crate::store) use self::key::{Item, ItemKey};
pub(in crate::store) use self::merge::{IdSpan, MergeWalk};
pub(in crate::store) use self::query::{PartitionQuery, SortKeyRange};
pub use self::table::{Kept, Table};
pub(in crate::store) use self::table::{ReturnItem, WriteOutcome, pause};
pub(in crate::store) use self::write::{Write, nonce};
