//! What the suites stand on: the real `hookline` process ([`hookline`], [`connection`], [`proc_stats`], [`wait_until`]),
//! endpoints on loopback that keep every byte ([`receiver`]), the targets of the suites that run against more than one
//! ([`target`]), and what stands in for AWS ([`local_aws`], [`lambda`]).
//!
//! Everything stays on loopback, is bounded in count and time, and ends the processes that it started.

pub use hookline_process::{connection, hookline, proc_stats, wait_until};

pub mod lambda;
pub mod local_aws;
pub mod port_contract;
pub mod receiver;
pub mod target;
