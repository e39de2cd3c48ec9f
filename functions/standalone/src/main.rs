//! Hookline in one binary: the embedded service and its command line (section 11 of the contract).
//!
//! [`arguments`] is the command line, [`settings`] what `hookline serve` reads from a file and the environment. [`assembly`]
//! puts a service together, [`server`] serves its API over HTTP, and [`commands`] has a file or folder for each command.
//!
//! Results go to stdout and messages for people to stderr. Exit codes: 0 done, 1 failed, 2 wrong usage. A token or secret is
//! never an argument. No memory of the process is written to disk, and its files are for its owner alone.

mod arguments;
mod assembly;
mod commands;
mod jwt;
mod metrics;
mod output;
mod private_file;
mod readiness;
mod server;
mod settings;
mod traces;

use std::process::ExitCode;

use clap::Parser as _;

use crate::arguments::Arguments;
use crate::output::CommandError;

/// The system's allocator took a fifth of the processor time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    keep_secrets_off_the_disk();
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return CommandError::Failed(format!("the runtime does not start: {error}")).report(),
    };
    let done = runtime.block_on(commands::run(arguments.command));
    // Tasks that still wait for the network must not delay the end of the process.
    runtime.shutdown_background();
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

/// Turns core dumps off, which would contain keys and secrets, and gives new files to their owner alone.
fn keep_secrets_off_the_disk() {
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    let none = rustix::process::Rlimit { current: Some(0), maximum: Some(0) };
    if let Err(error) = rustix::process::setrlimit(rustix::process::Resource::Core, none) {
        output::say(&format!("hookline: core dumps cannot be turned off: {error}"));
    }
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable) {
        output::say(&format!("hookline: core dumps cannot be turned off: {error}"));
    }
}
