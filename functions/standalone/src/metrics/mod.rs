//! Metrics for Prometheus (section 12).
//!
//! [`Instruments`] take the measurements of the use cases. [`service_collector`] adds, at each scrape, what store, scheduler
//! and process know of themselves in memory. [`serve`] shows both on a listener of its own.

mod instruments;
mod listener;
mod process;
mod service_collector;

pub(crate) use self::instruments::Instruments;
pub(crate) use self::listener::serve;
