//! What a function is started with, and how it takes its events: requests of an API, or batches of a queue.

mod absent;
mod api;
mod batch;
mod deliver;
mod deployment;
mod fan_out;
mod inbox;
mod intake;
mod metrics;

pub use self::api::serve_api;
pub use self::batch::Consumer;
pub use self::deployment::{Deployment, StartError};
