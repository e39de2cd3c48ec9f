//! The command line (section 11).

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use ipnet::IpNet;
use reqwest::Url;

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

/// The data folder of a command that works beside the service.
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
    /// Change an account: only what is given changes
    Update {
        /// Its id
        id: String,
        #[command(flatten)]
        fields: AccountArgs,
        /// Enable a disabled account
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
        /// Confirm the deletion
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
    /// Time zone of the times in answers to it, for instance Europe/Amsterdam
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
        /// Name of the person who uses it
        #[arg(long)]
        person: String,
        /// Id of that person
        #[arg(long, default_value_t = 1)]
        person_id: u64,
        /// administrator, auditor or publisher
        #[arg(long)]
        role: String,
        /// When it expires, for instance 90d or 12h from now; without this, never
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
    /// Change the master key: wrap all data keys with a new one
    Rotate {
        #[command(flatten)]
        folder: FolderArgs,
    },
}

/// The address of a service: without a slash at its end, and without the `/v1` that the paths of the API begin with.
pub(crate) fn service_url(text: &str) -> Result<Url, String> {
    let form = "an http or https URL such as https://hooks.example.com";
    let mut url = Url::parse(text.trim()).map_err(|error| format!("not {form}: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(format!("not {form}"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(format!("not the address of a service, because of its `?` or `#`: give {form}"));
    }
    let path = url.path().trim_end_matches('/');
    let path = path.strip_suffix("/v1").unwrap_or(path).trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok(url)
}

/// The address of a service's metrics, with or without the `/metrics` that the service prints.
fn metrics_url(text: &str) -> Result<Url, String> {
    let mut url = service_url(text)?;
    let path = url.path().trim_end_matches('/');
    let path = format!("{}/metrics", path.strip_suffix("/metrics").unwrap_or(path));
    url.set_path(&path);
    Ok(url)
}

/// A range of addresses. A single address is refused: it could mean itself or its network.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AddressRange(pub(crate) IpNet);

impl std::str::FromStr for AddressRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Ok(range) = text.parse() {
            return Ok(Self(range));
        }
        match text.parse::<std::net::IpAddr>() {
            Ok(address) => {
                Err(format!("not a range of addresses: write {} for this one address", IpNet::from(address)))
            }
            Err(_) => Err("not a range of addresses such as 10.1.0.0/16 or fd00::/8".to_owned()),
        }
    }
}

fn address_range(text: &str) -> Result<IpNet, String> {
    text.parse().map(|AddressRange(range)| range)
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

    #[test]
    fn the_address_of_a_service_may_end_in_v1() {
        for (given, meant) in [
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080/"),
            ("http://host/v1", "http://host/"),
            (" https://host/v1/ ", "https://host/"),
            ("https://host/x/a/wdc/v1", "https://host/x/a/wdc"),
            ("https://host/x/v12", "https://host/x/v12"),
        ] {
            assert_eq!(service_url(given).unwrap().as_str(), meant, "{given}");
        }
        for bad in ["nowhere", "ftp://a", "/v1", "https://host/?x", "https://host/#x", "mailto:a@b"] {
            assert!(service_url(bad).unwrap_err().contains("https://hooks.example.com"), "{bad}");
        }
    }

    #[test]
    fn the_address_of_metrics_may_end_in_metrics() {
        for given in ["http://127.0.0.1:9464", "http://127.0.0.1:9464/", "http://127.0.0.1:9464/metrics"] {
            assert_eq!(metrics_url(given).unwrap().as_str(), "http://127.0.0.1:9464/metrics", "{given}");
        }
    }

    #[test]
    fn a_single_address_is_not_a_range() {
        assert!(address_range(" 10.1.0.0/16").is_ok());
        assert!(address_range("127.0.0.1").unwrap_err().contains("127.0.0.1/32"));
        assert!(address_range("::1").unwrap_err().contains("::1/128"));
        assert!(address_range("10.1/16").unwrap_err().contains("such as 10.1.0.0/16"));
    }
}
