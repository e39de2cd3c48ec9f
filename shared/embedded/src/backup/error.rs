//! Why a backup or a restore did not happen, and what one that happened did.

use std::io;
use std::path::{Path, PathBuf};

use crate::vault::KeyFileError;

/// Why a backup or a restore did not happen.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A file cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// SQLite refused.
    #[error("{path}: {source}")]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// There is nothing to copy.
    #[error("{path} holds no database")]
    NoDatabase {
        /// The folder.
        path: PathBuf,
    },
    /// The file to write exists.
    #[error("{path} exists already")]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The file is no backup, or is damaged.
    #[error("{path} is no backup: {reason}")]
    NoBackup {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A service works on the folder.
    #[error("a service works on the data folder {path}; stop it first")]
    Running {
        /// The folder.
        path: PathBuf,
    },
    /// The folder holds something.
    #[error("the data folder {path} is not empty")]
    NotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// The key file in the folder does not go with the backup.
    #[error("the backup was made with another key: {0}")]
    Key(#[from] KeyFileError),
}

/// A backup that was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackupSummary {
    /// How many attachments are in it.
    pub attachments: usize,
    /// How many attachments' files were not found.
    pub missing: usize,
}

/// A backup that was restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RestoreSummary {
    /// The folder has no key file yet: it must be put there before the service is started.
    pub needs_key: bool,
}

pub(super) fn io_at(path: &Path) -> impl Fn(io::Error) -> BackupError {
    move |source| BackupError::Io { path: path.to_owned(), source }
}

pub(super) fn sqlite_at(path: &Path) -> impl Fn(rusqlite::Error) -> BackupError {
    move |source| BackupError::Sqlite { path: path.to_owned(), source }
}
