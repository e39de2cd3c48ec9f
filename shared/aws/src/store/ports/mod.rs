//! The ports of the core, one per file, and the parts that several of them share.

pub(crate) mod account_removal;
mod accounts;
pub(crate) mod admin_requests;
mod attachments;
mod attempts;
mod audit;
mod console_links;
mod counts;
pub(crate) mod data_keys;
mod deliveries;
mod enabling;
mod event_types;
mod events;
mod hosts;
mod mail_limiter;
mod policies;
pub(crate) mod rate_limit;
mod redeliveries;
mod tokens;
mod webhooks;
