//! What a function is started with, and how it takes its events: requests of an API, or batches of a queue.

mod api;
mod batch;
mod deliver;
mod deployment;
mod event_message;
mod fan_out;
mod metrics;
mod missing_port;
mod source_queue;

pub use self::api::serve_api;
pub use self::batch::BatchConsumer;
pub use self::deployment::{Deployment, StartError};
