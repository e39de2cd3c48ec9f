//! The store: everything durable, in one SQLite file.
//!
//! *Writing.* One thread owns the only connection that writes ([`sqlite::writer`]). Writes wait in a queue. The thread
//! runs all that wait in one transaction, commits and answers them, so they share one sync.
//!
//! *Reading.* A small pool of read-only connections ([`sqlite::readers`]). A point read takes microseconds from the
//! page cache and runs on the calling thread. A list runs on a thread that may block.
//!
//! *Two kinds of ports.* A write through [`Store::api`] is durable when it returns. [`Store::worker`] is for a
//! [`UnitOfWork`](crate::queue::unit_of_work::UnitOfWork): its writes are entries in the writer's log and return before
//! they are durable. The acknowledgement that ends the unit follows them in the same log.
//!
//! *Layers.* [`sqlite`] knows the file, [`rows`] the form of each noun, [`lists`] pages and filters, and [`ports`]
//! implement the ports of `hookline_core`.
//!
//! Times are epoch milliseconds. Accounts and events have small numbers, which other tables refer to.

pub(crate) mod database;
pub(crate) mod due_work;
mod lists;
mod load;
pub(crate) mod ports;
mod retention;
pub(crate) mod rows;
pub(crate) mod sqlite;

pub use self::database::{Kept, Store, StorePorts};
pub use self::load::ServiceLoad;
pub use self::sqlite::errors::StoreOpenError;
