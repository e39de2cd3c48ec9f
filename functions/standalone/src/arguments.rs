//! The command line (section 11).

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use ipnet::IpNet;

/// Outbound webhooks on one machine: one binary, one SQLite file.
#[derive(Debug, Parser)]
#[command(name = "hookline", version, arg_required_else_help = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the service
    Serve(ServeArgs),
    /// Show the whole way of a webhook, from registration to redelivery, on a temporary folder
    Demo,
    /// Receive messages, check their signatures and show them: for developers
    Listen(ListenArgs),
    /// Publish one event, or many from a file
    Publish(PublishArgs),
    /// Manage accounts, also while the service runs
    #[command(subcommand)]
    Account(AccountCommand),
    /// Manage access tokens, also while the service runs
    #[command(subcommand)]
    Token(TokenCommand),
    /// Write a consistent copy of the data, also while the service runs
    Backup(BackupArgs),
    /// Put a backup into a data folder that no service works on
    Restore(RestoreArgs),
    /// Manage the master key, also while the service runs
    #[command(subcommand)]
    Key(KeyCommand),
    /// Print the OpenAPI document
    Openapi(OpenapiArgs),
}

#[derive(Debug, Args)]
pub(crate) struct OpenapiArgs {
    /// Print the routes of the gateway on AWS instead, as the template of the stack has them
    #[arg(long)]
    pub(crate) gateway: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Address to listen on; port 0 takes a free one [default: 127.0.0.1:8080]
    #[arg(long)]
    pub(crate) listen: Option<SocketAddr>,
    /// Data folder [default: ./hookline-data]
    #[arg(long)]
    pub(crate) data: Option<PathBuf>,
    /// A range of addresses that messages may go to although it is private or loopback; may be repeated
    #[arg(long = "allow-cidr", value_name = "CIDR")]
    pub(crate) allow_cidr: Vec<IpNet>,
    /// Settings file (TOML)
    #[arg(long)]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ListenArgs {
    /// Address to listen on; port 0 takes a free one
    #[arg(long = "listen", default_value = "127.0.0.1:9000")]
    pub(crate) address: SocketAddr,
    /// File with the webhook's secret (`whsec_…`); else the variable HOOKLINE_SECRET
    #[arg(long)]
    pub(crate) secret_file: Option<PathBuf>,
    /// File with what a webhook policy showed as public_key_pem: messages must be JWTs that it verifies
    #[arg(long)]
    pub(crate) public_key: Option<PathBuf>,
    /// The service's address: only callbacks under it are called; without it, only those on this machine
    #[arg(long, env = "HOOKLINE_URL")]
    pub(crate) url: Option<String>,
    /// Status to answer
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u16).range(200..=599))]
    pub(crate) status: u16,
    /// Answer 500 to so many messages first
    #[arg(long, default_value_t = 0)]
    pub(crate) fail_first: u64,
}

#[derive(Debug, Args)]
pub(crate) struct PublishArgs {
    /// The event, for instance request.create
    #[arg(required_unless_present = "lines", conflicts_with = "lines")]
    pub(crate) event: Option<String>,
    /// Id of the object that the event is about
    #[arg(long, default_value_t = 1)]
    pub(crate) object_id: u64,
    /// The payload, a JSON object; @FILE reads it from a file
    #[arg(long)]
    pub(crate) payload: Option<String>,
    /// File with one event a line (JSON), `-` for standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) lines: Option<String>,
    /// The service's address
    #[arg(long, env = "HOOKLINE_URL", default_value = "http://127.0.0.1:8080")]
    pub(crate) url: String,
    /// File with the token; else the variable HOOKLINE_TOKEN
    #[arg(long)]
    pub(crate) token_file: Option<PathBuf>,
    /// Print the answer as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// The data folder of a command beside the service.
#[derive(Debug, Args)]
pub(crate) struct FolderArgs {
    /// Data folder
    #[arg(long, default_value = "./hookline-data")]
    pub(crate) data: PathBuf,
    /// Print the result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AccountCommand {
    /// Create an account
    Create {
        /// Its id: lower-case letters, digits and dashes
        id: String,
        #[command(flatten)]
        fields: AccountArgs,
        #[command(flatten)]
        folder: FolderArgs,
    },
    /// Change what is given of an account
    Update {
        /// Its id
        id: String,
        #[command(flatten)]
        fields: AccountArgs,
        /// Let a disabled account work again
        #[arg(long)]
        enable: bool,
        #[command(flatten)]
        folder: FolderArgs,
    },
    /// List all accounts
    List {
        #[command(flatten)]
        folder: FolderArgs,
    },
    /// Disable an account: its tokens stop working, and it sends nothing
    Disable {
        /// Its id
        id: String,
        #[command(flatten)]
        folder: FolderArgs,
    },
    /// Delete an account with its webhooks, events and delivery records
    Delete {
        /// Its id
        id: String,
        /// Really
        #[arg(long)]
        yes: bool,
        #[command(flatten)]
        folder: FolderArgs,
    },
}

#[derive(Debug, Args)]
pub(crate) struct AccountArgs {
    /// Its name
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Mail addresses of its administrators, separated by commas
    #[arg(long)]
    pub(crate) admin_mail: Option<String>,
    /// Time zone of the times in its answers, for instance Europe/Amsterdam
    #[arg(long)]
    pub(crate) time_zone: Option<String>,
    /// The `custom_url` of its messages; empty for none
    #[arg(long)]
    pub(crate) custom_url: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Create a token; it is printed once and never shown again
    Create {
        /// The account
        #[arg(long)]
        account: String,
        /// Name of the person that it belongs to
        #[arg(long)]
        person: String,
        /// Id of that person
        #[arg(long, default_value_t = 1)]
        person_id: u64,
        /// administrator, auditor or publisher
        #[arg(long)]
        role: String,
        /// How long it works, for instance 90d or 12h; without this, for ever
        #[arg(long)]
        expires: Option<String>,
        #[command(flatten)]
        folder: FolderArgs,
    },
    /// List tokens: their ids, never the tokens
    List {
        /// Only those of this account
        #[arg(long)]
        account: Option<String>,
        #[command(flatten)]
        folder: FolderArgs,
    },
    /// Revoke a token; it stops working at once
    Revoke {
        /// Its id, as `token list` shows it
        id: uuid::Uuid,
        #[command(flatten)]
        folder: FolderArgs,
    },
}

#[derive(Debug, Args)]
pub(crate) struct BackupArgs {
    /// The file to write; it must not exist
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) folder: FolderArgs,
}

#[derive(Debug, Args)]
pub(crate) struct RestoreArgs {
    /// The file that `hookline backup` wrote
    pub(crate) file: PathBuf,
    /// Replace what the data folder holds
    #[arg(long)]
    pub(crate) replace: bool,
    #[command(flatten)]
    pub(crate) folder: FolderArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Change the master key: wrap all data keys by a new one
    Rotate {
        #[command(flatten)]
        folder: FolderArgs,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory as _;
        Arguments::command().debug_assert();
    }

    #[test]
    fn what_is_refused() {
        for line in [
            "hookline",
            "hookline nonsense",
            "hookline serve --listen nowhere",
            "hookline serve --allow-cidr 1.2.3.4.5/8",
            "hookline publish",
            "hookline publish request.create --lines x",
            "hookline listen --status 42",
            "hookline token revoke not-an-id",
            "hookline backup",
            "hookline restore",
            "hookline key",
        ] {
            assert!(Arguments::try_parse_from(line.split(' ')).is_err(), "{line}");
        }
        assert!(Arguments::try_parse_from(["hookline", "serve", "--allow-cidr", "127.0.0.0/8"]).is_ok());
    }
}
