//! What Hookline does, one use case per file. Only use cases take the [`Service`](crate::service::Service) with its
//! ports.

pub mod access_token;
pub mod accounts;
pub mod attachments;
pub mod console_links;
pub mod deliver;
pub mod event_types;
pub mod explain;
pub mod fan_out;
pub mod health;
pub(crate) mod match_event;
pub mod notify;
pub mod policies;
pub mod publish;
pub mod recover;
pub mod redeliver;
pub mod redelivery_job;
pub(crate) mod retry_on_conflict;
pub(crate) mod send;
pub mod spans;
pub mod tokens;
pub mod webhooks;
pub(crate) mod yield_now;
