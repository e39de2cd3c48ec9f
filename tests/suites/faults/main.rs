//! Faults against the real process: `kill -9` amid traffic, unsynced writes lost at the kill, a full disk, SIGTERM amid
//! traffic, a collector that hangs; and that it costs nothing when there is nothing to do.
//!
//! `cargo build --workspace` with the same profile comes first; the suite starts what it needs and fails where something
//! (a C compiler, the right to mount a tmpfs) is missing.

mod collectors;
mod descriptors;
mod forgetful_disk;
mod full_disk;
mod idle;
mod kill;
mod ledger;
mod publishers;
mod redelivery;
mod sigterm;
