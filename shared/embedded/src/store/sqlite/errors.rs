//! What the errors of SQLite mean for a caller.

use std::path::PathBuf;

use hookline_core::errors::PortError;
use rusqlite::ErrorCode;

/// The error for a failed access. Texts of SQLite name tables and files, never values.
pub(crate) fn fault(error: &rusqlite::Error) -> PortError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => PortError::StorageFull,
        _ => PortError::unavailable("store", error),
    }
}

/// A stored value that this service cannot have written.
pub(crate) fn corrupt(what: &'static str) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Null, format!("invalid {what}").into())
}

/// Why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum StoreOpenError {
    /// SQLite or the file system reported an error.
    #[error("the database {path} cannot be opened: {source}")]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: rusqlite::Error,
    },
    /// The file was written by a newer version of Hookline.
    #[error("the database {path} has schema {found}; this version knows schemas up to {known}")]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// The newest schema that this version knows.
        known: i64,
    },
    /// This file does not guarantee durable commits.
    #[error("the database {path} does not accept the setting {setting}")]
    NotDurable {
        /// The file.
        path: PathBuf,
        /// The setting that it does not keep.
        setting: &'static str,
    },
    /// The writer thread could not be started.
    #[error("starting the writer thread failed: {0}")]
    Thread(std::io::Error),
}
