//! How a function starts, and how it handles its events: HTTP requests or batches of a queue.
//!
//! [`Deployment`] reads the settings and creates the ports. [`serve_api`] runs the API's router. [`BatchConsumer`]
//! takes batches from a `SourceQueue` and hands each `ReceivedMessage` to a `BatchHandler`: `deliver` handles the
//! deliveries queue, `fan_out` the events queue, whose messages `event_message` decodes. `BatchMetrics` counts what
//! happens. A `MissingPort` replaces each port that the function's role does not allow.

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
pub use self::metrics::EmfMetrics;
