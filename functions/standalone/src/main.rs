//! Hookline in one binary: the embedded service and its command line (section 11 of the contract).
//!
//! Results go to stdout and messages for people to stderr. Exit codes: 0 done, 1 failed, 2 wrong usage. A token or secret is
//! never an argument.

mod administer;
mod arguments;
mod demo;
mod descriptors;
mod host;
mod jwt;
mod listen;
mod output;
mod pace;
mod publish;
mod remainder;
mod safekeeping;
mod serve;
mod server;
mod settings;

use std::process::ExitCode;

use clap::Parser as _;

use crate::arguments::{Arguments, Command};
use crate::output::{Failure, print};

/// A fifth of the processor's time went to the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return Failure::Failed(format!("the runtime does not start: {error}")).report(),
    };
    let done = runtime.block_on(run(arguments.command));
    // What was spawned and is still waiting for the network must not hold the process.
    runtime.shutdown_background();
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Serve(arguments) => serve::run(arguments).await,
        Command::Demo => demo::run().await,
        Command::Listen(arguments) => listen::run(arguments).await,
        Command::Publish(arguments) => publish::run(arguments).await,
        Command::Account(command) => administer::account(command).await,
        Command::Token(command) => administer::token(command).await,
        Command::Backup(arguments) => safekeeping::backup(&arguments),
        Command::Restore(arguments) => safekeeping::restore(&arguments),
        Command::Key(command) => safekeeping::key(command).await,
        Command::Openapi => print(&hookline_http::openapi()),
    }
}
