//! The command line (section 11).

mod data_folder;
mod values;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use ipnet::IpNet;
use reqwest::Url;

pub(crate) use self::data_folder::{AccountArgs, AccountCommand, BackupArgs, KeyCommand, RestoreArgs, TokenCommand};
pub(crate) use self::values::{AddressRange, service_url};
use self::values::{address_range, metrics_url};

/// Outbound webhooks on one machine: one binary, one SQLite file.
#[derive(Debug, Parser)]
#[command(name = "hookline", version, arg_required_else_help = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the service
    Serve(ServeArgs),
    /// Show registration, signed messages, retries, throttling and mails, on a temporary folder
    Demo(DemoArgs),
    /// Receive messages, check their signatures and show them: for developers
    Listen(ListenArgs),
    /// Publish one event, or many from a file
    Publish(PublishArgs),
    /// Open the console in a browser, signed in
    Console(ConsoleArgs),
    /// Show what a running service does: rates, lag, queue, and the webhooks with most failures
    Top(TopArgs),
    /// Manage accounts, also while the service runs
    #[command(subcommand)]
    Account(AccountCommand),
    /// Manage access tokens, also while the service runs
    #[command(subcommand)]
    Token(TokenCommand),
    /// Write a consistent copy of the data, also while the service runs
    Backup(BackupArgs),
    /// Restore a backup into a data folder that no service uses
    Restore(RestoreArgs),
    /// Manage the master key, also while the service runs
    #[command(subcommand)]
    Key(KeyCommand),
    /// Print the account's webhooks, policies and event types as YAML, without secrets
    Export(ExportArgs),
    /// Make the account as a file of `export` says
    Apply(ApplyArgs),
    /// Check that a service can work: exit code 0 if it is ready, else 1
    Healthcheck(HealthcheckArgs),
    /// Print the OpenAPI document
    Openapi(OpenapiArgs),
    /// Print the completions of a shell
    Completions(CompletionsArgs),
    /// Write a man page for each command
    Man(ManArgs),
}

#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// Folder for the pages, which is created if necessary
    pub(crate) folder: PathBuf,
}

/// A service, and the token to call it with.
#[derive(Debug, Args)]
pub(crate) struct ServiceArgs {
    /// Address of the service
    #[arg(long, env = "HOOKLINE_URL", default_value = "http://127.0.0.1:8080", value_parser = service_url)]
    pub(crate) url: Url,
    /// File with the token; else the variable HOOKLINE_TOKEN
    #[arg(long)]
    pub(crate) token_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    pub(crate) service: ServiceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ApplyArgs {
    /// The file; `-` reads standard input
    #[arg(short = 'f', long)]
    pub(crate) file: PathBuf,
    /// File with the passwords and header values that are `***` in the file
    #[arg(long, value_name = "FILE")]
    pub(crate) secrets: Option<PathBuf>,
    /// Folder for the keys of new policies: a file NAME.pem each
    #[arg(long, value_name = "FOLDER")]
    pub(crate) keys: Option<PathBuf>,
    /// Delete webhooks that are not in the file and whose `source` one of its webhooks has
    #[arg(long)]
    pub(crate) prune: bool,
    /// Change nothing: print the differences, and exit with 3 if there are any
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) service: ServiceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct HealthcheckArgs {
    /// Address of the service
    #[arg(long, env = "HOOKLINE_URL", default_value = "http://127.0.0.1:8080", value_parser = service_url)]
    pub(crate) url: Url,
}

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Leave the service running afterwards, with the console open on its data
    #[arg(long)]
    pub(crate) keep: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ConsoleArgs {
    #[command(flatten)]
    pub(crate) service: ServiceArgs,
    /// What the console may do: administrator, auditor or publisher
    #[arg(long, default_value = "administrator")]
    pub(crate) role: String,
    /// Id of the only webhook that the console shows
    #[arg(long)]
    pub(crate) webhook: Option<u64>,
    /// Minutes that the console stays signed in, at most 60
    #[arg(long)]
    pub(crate) minutes: Option<u64>,
    /// Print the link and open nothing
    #[arg(long)]
    pub(crate) print: bool,
}

#[derive(Debug, Args)]
pub(crate) struct TopArgs {
    /// Address of the service's metrics, as HOOKLINE_METRICS_LISTEN has it
    #[arg(long, default_value = "http://127.0.0.1:9464", value_parser = metrics_url)]
    pub(crate) metrics: Url,
    /// Seconds between two readings
    #[arg(long, value_name = "SECONDS", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) interval: u64,
    /// Print the figures of one interval and end
    #[arg(long)]
    pub(crate) once: bool,
    /// Print one line of JSON per interval
    #[arg(long)]
    pub(crate) json: bool,
    /// Where the counts of webhooks are asked for, if there is a token
    #[command(flatten)]
    pub(crate) service: ServiceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct OpenapiArgs {
    /// Print the routes of the gateway on AWS instead, as the template of the stack has them
    #[arg(long)]
    pub(crate) gateway: bool,
    /// Print what receivers of the 77 events get instead, for generators of their code
    #[arg(long, conflicts_with = "gateway")]
    pub(crate) webhooks: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Address to listen on; port 0 selects a free port [default: 127.0.0.1:8080]
    #[arg(long)]
    pub(crate) listen: Option<SocketAddr>,
    /// Data folder [default: ./hookline-data]
    #[arg(long)]
    pub(crate) data: Option<PathBuf>,
    /// Range of private or loopback addresses that messages may go to, for instance 10.1.0.0/16; can be repeated
    #[arg(long = "allow-cidr", value_name = "CIDR", value_parser = address_range)]
    pub(crate) allow_cidr: Vec<IpNet>,
    /// Settings file (TOML)
    #[arg(long)]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ListenArgs {
    /// Address to listen on; port 0 selects a free port
    #[arg(long = "listen", default_value = "127.0.0.1:9000")]
    pub(crate) address: SocketAddr,
    /// File with the webhook's secret (`whsec_…`); else the variable HOOKLINE_SECRET
    #[arg(long)]
    pub(crate) secret_file: Option<PathBuf>,
    /// File with the public_key_pem of a webhook policy: messages must be JWTs signed with its key
    #[arg(long)]
    pub(crate) public_key: Option<PathBuf>,
    /// Address of the service: only callbacks below it are called; without it, only callbacks on this machine
    #[arg(long, env = "HOOKLINE_URL", value_parser = service_url)]
    pub(crate) url: Option<Url>,
    /// Status to answer
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u16).range(200..=599))]
    pub(crate) status: u16,
    /// Number of messages to answer with 500 first
    #[arg(long, default_value_t = 0)]
    pub(crate) fail_first: u64,
    /// URL of an application that gets the messages whose signature is not wrong; its answer is passed back
    #[arg(long, value_name = "URL", conflicts_with = "status")]
    pub(crate) forward_to: Option<Url>,
    /// Show and forward only messages of this event; the others are answered with 200
    #[arg(long)]
    pub(crate) event: Option<String>,
    /// Print each message as one line of JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PublishArgs {
    /// Name of the event, for instance request.create
    #[arg(required_unless_present = "lines", conflicts_with = "lines")]
    pub(crate) event: Option<String>,
    /// Id of the object that the event is about
    #[arg(long, default_value_t = 1)]
    pub(crate) object_id: u64,
    /// The payload, a JSON object; @FILE reads it from a file, `-` from standard input
    #[arg(long, allow_hyphen_values = true)]
    pub(crate) payload: Option<String>,
    /// Id of the event: publishing the same id again makes no second message [default: a new UUID]
    #[arg(long)]
    pub(crate) id: Option<String>,
    /// Id of the person who caused the event
    #[arg(long)]
    pub(crate) person_id: Option<u64>,
    /// Name of that person
    #[arg(long)]
    pub(crate) person_name: Option<String>,
    /// Id or name of the webhook that an `automation_rule` event is for
    #[arg(long)]
    pub(crate) webhook: Option<String>,
    /// File with one event per line (JSON); `-` reads standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) lines: Option<String>,
    /// Address of the service
    #[arg(long, env = "HOOKLINE_URL", default_value = "http://127.0.0.1:8080", value_parser = service_url)]
    pub(crate) url: Url,
    /// File with the token; else the variable HOOKLINE_TOKEN
    #[arg(long)]
    pub(crate) token_file: Option<PathBuf>,
    /// Print the answer as JSON
    #[arg(long)]
    pub(crate) json: bool,
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
            "hookline serve --allow-cidr 127.0.0.1",
            "hookline publish request.create --url nowhere",
            "hookline listen --url ftp://a",
            "hookline publish",
            "hookline publish request.create --lines x",
            "hookline listen --status 42",
            "hookline token revoke not-an-id",
            "hookline backup",
            "hookline restore",
            "hookline key",
            "hookline top --metrics nowhere",
            "hookline top --interval 0",
        ] {
            assert!(Arguments::try_parse_from(line.split(' ')).is_err(), "{line}");
        }
        assert!(Arguments::try_parse_from(["hookline", "serve", "--allow-cidr", "127.0.0.0/8"]).is_ok());
    }
}
