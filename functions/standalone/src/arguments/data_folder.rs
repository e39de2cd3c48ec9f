//! Commands that work on the data folder.

use std::path::PathBuf;

use clap::{Args, Subcommand};

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
