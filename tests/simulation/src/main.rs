//! The simulation: a seeded world of publishers, administrators, endpoints and a clock around the real use cases and the
//! real embedded store. At the ports everything goes wrong that can: calls fail before or after their effect, take too
//! long, the process dies between any two steps, the queues repeat, reorder and delay, the clock jumps. After every run
//! all that must always hold is checked.
//!
//! A run is its seed. A failure prints it; `HOOKLINE_SEED=<seed>` runs that one alone and prints every step.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

mod call_gate;
mod callbacks;
mod chance;
mod coverage;
mod crash_at_every_step;
mod deleted_accounts;
mod endpoints;
mod fairness;
mod faults;
mod hosts;
mod intents;
mod invariants;
mod ports;
mod processors;
mod queue;
mod rules;
mod run;
mod scratch;
mod seeds;
mod shadow;
mod shared_hosts;
mod steps;
mod story;
mod token;
mod world;
