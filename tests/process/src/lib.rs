//! The real `hookline` process as suites and the benchmark use it: the process itself ([`hookline`]), an HTTP client
//! ([`connection`]), what the kernel measures about a process ([`proc_stats`]), and waiting for a condition with a
//! deadline instead of sleeping ([`wait_until`]).
//!
//! Everything stays on loopback, is bounded in count and time, and ends the processes that it started.

pub mod connection;
pub mod hookline;
pub mod proc_stats;
pub mod wait_until;
