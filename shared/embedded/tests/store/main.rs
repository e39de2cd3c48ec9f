//! The store on a real file: what its ports promise, beyond the contracts that every store passes.

#![expect(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod attachments;
mod attempts;
mod audit;
mod backup;
mod counts;
mod deleted_accounts;
mod delivery_lists;
mod event_types;
mod fixture;
mod master_key;
mod policies;
mod redeliveries;
mod tokens;
mod vault;
mod wake_ups;
