//! Errors of backup and restore, and the summaries of successful ones.

use std::io;
use std::path::{Path, PathBuf};

use crate::vault::KeyFileError;

/// Why a backup or a restore failed.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A file cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// SQLite reported an error.
    #[error("{path}: {source}")]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: rusqlite::Error,
    },
    /// The folder holds no database.
    #[error("{path} holds no database")]
    NoDatabase {
        /// The folder.
        path: PathBuf,
    },
    /// The target file already exists.
    #[error("{path} already exists")]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The file is not a backup, or is damaged.
    #[error("{path} is not a backup: {reason}")]
    NoBackup {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A running service has locked the folder.
    #[error("a service is running on the data folder {path}; stop it first")]
    Running {
        /// The folder.
        path: PathBuf,
    },
    /// The folder is not empty.
    #[error("the data folder {path} is not empty")]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// The key file in the folder does not open the backup's secrets.
    #[error("the backup was made with another key: {0}")]
    Key(#[from] KeyFileError),
}

/// What a backup contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackupSummary {
    /// How many attachments were copied.
    pub attachments: usize,
    /// How many attachments had no file.
    pub missing: usize,
}

/// The result of a restore.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoreSummary {
    /// The folder has no key file yet. The operator must put it there before starting the service.
    pub needs_key: bool,
    /// What the backup has and no version of Hookline writes: kind and name, as in `trigger t`. It was not restored.
    pub left_behind: Vec<String>,
}

pub(super) fn io_at(path: &Path) -> impl Fn(io::Error) -> BackupError {
    move |source| BackupError::Io { path: path.to_owned(), source }
}

pub(super) fn sqlite_at(path: &Path) -> impl Fn(rusqlite::Error) -> BackupError {
    move |source| BackupError::Sqlite { path: path.to_owned(), source }
}
