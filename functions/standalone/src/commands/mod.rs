//! The commands, one file or folder each.

mod account;
mod api_client;
mod configuration;
mod console;
mod data;
mod demo;
mod healthcheck;
mod listen;
mod manual;
mod publish;
mod serve;
mod token;
mod top;

use crate::arguments::Command;
use crate::output::{CommandError, print};

/// Carries out a command.
pub(crate) async fn run(command: Command) -> Result<(), CommandError> {
    match command {
        Command::Serve(arguments) => serve::run(arguments).await,
        Command::Demo(arguments) => demo::run(arguments.keep).await,
        Command::Listen(arguments) => listen::run(arguments).await,
        Command::Publish(arguments) => publish::run(arguments).await,
        Command::Console(arguments) => console::run(arguments).await,
        Command::Top(arguments) => top::run(arguments).await,
        Command::Account(command) => account::run(command).await,
        Command::Token(command) => token::run(command).await,
        Command::Backup(arguments) => data::backup(&arguments),
        Command::Restore(arguments) => data::restore(&arguments),
        Command::Key(command) => data::key(command).await,
        Command::Export(arguments) => configuration::export(arguments).await,
        Command::Apply(arguments) => configuration::apply(arguments).await,
        Command::Healthcheck(arguments) => healthcheck::run(arguments).await,
        Command::Openapi(arguments) if arguments.gateway => print(hookline_http::gateway().trim_end()),
        Command::Openapi(arguments) if arguments.webhooks => print(&hookline_http::openapi_of_messages()),
        Command::Openapi(_) => print(&hookline_http::openapi()),
        Command::Completions(arguments) => manual::completions(&arguments),
        Command::Man(arguments) => manual::man(&arguments),
    }
}
