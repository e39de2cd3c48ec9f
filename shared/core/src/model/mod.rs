//! The nouns, each with what is true of one alone.

pub mod account;
pub mod attachment;
pub mod audit;
pub mod delivery;
pub mod event;
pub mod event_type;
pub mod host_health;
pub mod jwt;
pub mod links;
pub mod message;
pub mod policy;
pub mod policy_keys;
pub mod token;
pub mod verification_code;
pub mod webhook;
