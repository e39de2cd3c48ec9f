//! The queues in memory: what is due, what is in work, and what may be started. No table is known here.

pub mod bare_scheduler;
pub(crate) mod host_limiter;
pub(crate) mod item;
pub(crate) mod lane;
mod lane_state;
pub(crate) mod scheduler;
pub(crate) mod unit_of_work;

pub use self::scheduler::ConcurrencyLimits;
