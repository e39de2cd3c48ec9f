//! The ports of `hookline_core` on the store, one file for each.

pub(crate) mod accounts;
pub(crate) mod attachments;
pub(crate) mod audit;
mod console_links;
pub(crate) mod counts;
pub(crate) mod deliveries;
pub(crate) mod event_types;
pub(crate) mod events;
pub(crate) mod hosts;
mod mail_batches;
pub(crate) mod mail_limiter;
pub(crate) mod policies;
pub(crate) mod queues;
pub(crate) mod redeliveries;
pub(crate) mod webhooks;
