//! What Hookline does, one deed per file.

pub mod access_token;
pub mod deliver;
pub mod explain;
pub mod fan_out;
pub mod health;
pub mod notify;
pub mod policies;
pub mod publish;
pub mod recover;
pub mod redeliver;
pub mod redelivery_job;
pub(crate) mod send;
pub mod webhooks;
