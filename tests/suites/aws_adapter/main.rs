//! The ports on AWS, against what stands in for it on this machine: the store on a DynamoDB in memory, queues, vault and
//! mails on the other services, and the functions' own way of taking batches.
//!
//! `tests/stack/install.sh` comes first.

#![expect(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod accounts;
mod attachments;
mod deliveries;
mod events;
mod fan_out;
mod fixture;
mod functions;
mod gateway_forms;
mod hosts;
mod mails;
mod ports;
mod store_under_faults;
mod vault;
mod webhooks;
