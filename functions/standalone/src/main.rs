//! Hookline in one binary: the embedded service and its command line (section 11 of the contract).
//!
//! Results go to stdout and messages for people to stderr. Exit codes: 0 done, 1 failed, 2 wrong usage. A token or secret is
//! never an argument.

mod arguments;
mod assembly;
mod commands;
mod jwt;
mod output;
mod readiness;
mod server;
mod settings;

use std::process::ExitCode;

use clap::Parser as _;

use crate::arguments::Arguments;
use crate::output::CommandError;

/// A fifth of the processor's time went to the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return CommandError::Failed(format!("the runtime does not start: {error}")).report(),
    };
    let done = runtime.block_on(commands::run(arguments.command));
    // What was spawned and is still waiting for the network must not hold the process.
    runtime.shutdown_background();
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
