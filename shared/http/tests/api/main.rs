//! The router over the embedded store, in process: what a caller sees.

#![expect(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod access_token;
mod attachments;
mod audit;
mod bodies;
mod console;
mod console_links;
mod conventions;
mod deliveries;
mod endpoint_hosts;
mod event_catalogue;
mod event_types;
mod fixture;
mod held_messages;
mod loops;
mod policies;
mod redeliveries;
mod test_report;
mod verification;
