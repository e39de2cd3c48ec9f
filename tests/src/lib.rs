//! What the suites against the real `hookline` process stand on: the process itself ([`hookline`]), endpoints on
//! loopback that keep every byte ([`receiver`]), an HTTP client ([`connection`]), the figures that the kernel keeps of
//! a process ([`figures`]), waiting for a condition with a deadline instead of sleeping ([`patience`]), and the
//! targets of the suites that run against more than one ([`target`]).
//!
//! Everything stays on loopback, is bounded in count and time, and ends the processes that it started.

pub mod connection;
pub mod figures;
pub mod hookline;
pub mod patience;
pub mod port_contract;
pub mod receiver;
pub mod target;
