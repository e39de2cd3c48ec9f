//! The scheduling of messages in memory.
//!
//! [`scheduler::Scheduler`] decides which message starts next. Messages wait in a [`lane::Lane`], a
//! [`host_limiter::HostLimiter`] limits the requests to each endpoint host, and each message runs inside a
//! [`unit_of_work::UnitOfWork`]. Nothing here knows a table.

pub mod bare_scheduler;
pub(crate) mod host_limiter;
pub(crate) mod item;
pub(crate) mod lane;
mod lane_state;
pub(crate) mod scheduler;
pub(crate) mod unit_of_work;

pub use self::scheduler::ConcurrencyLimits;
