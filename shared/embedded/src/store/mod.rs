//! Everything durable, in one SQLite file.
//!
//! *Writing.* One thread owns the one connection that writes ([`sqlite::writer`]). Jobs wait for it in a queue; it runs all that
//! wait in one transaction, commits, and answers. So a sync is shared by everybody who was waiting.
//!
//! *Reading.* A few read-only connections ([`sqlite::readers`]). A point read takes microseconds from the page cache and is made
//! where it is needed; a list goes to a thread that may block.
//!
//! *Two views.* [`Store::api`] answers a write when it is durable. [`Store::worker`] is for a unit of work from a
//! queue ([`UnitOfWork`](crate::queue::unit_of_work::UnitOfWork)): its writes are steps in the writer's log, answered before they are durable, because the
//! acknowledgement that ends the unit comes after them in the same log.
//!
//! Times are epoch milliseconds. Accounts and events have small numbers here, which tables refer to.

pub(crate) mod database;
pub(crate) mod due_work;
mod lists;
pub(crate) mod ports;
mod retention;
pub(crate) mod rows;
pub(crate) mod sqlite;

pub use self::database::{Kept, Store, StorePorts};
pub use self::sqlite::errors::StoreOpenError;
