//! The handlers, one module per resource. Each module begins with its routes.

pub(crate) mod access_token;
pub(crate) mod attachments;
pub(crate) mod audit;
pub(crate) mod console_links;
pub(crate) mod counts;
pub(crate) mod deliveries;
pub(crate) mod endpoint_hosts;
pub(crate) mod event_sample;
pub(crate) mod event_types;
pub(crate) mod events;
pub(crate) mod policies;
pub(crate) mod redeliveries;
pub(crate) mod service;
mod upload_stream;
pub(crate) mod verification;
pub(crate) mod webhooks;
