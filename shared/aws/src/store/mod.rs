//! The store: everything durable, in one DynamoDB table.
//!
//! [`keys`] defines the key layout and its access patterns. [`dynamo`] makes the calls, [`items`] defines how each noun
//! is stored, [`lists`] answers list queries, and [`ports`] implements the ports of the core on [`Table`].

pub(crate) mod dynamo;
pub(crate) mod items;
mod keys;
mod lists;
pub(crate) mod ports;

pub use self::dynamo::{Kept, Table};
pub use self::ports::account_removal::AccountRemoval;
pub use self::ports::admin_requests::RequestState;
pub use self::ports::rate_limit::TableRateLimit;
