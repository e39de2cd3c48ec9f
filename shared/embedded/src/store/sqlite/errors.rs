//! What SQLite's errors mean for a caller.

use std::path::PathBuf;

use hookline_core::ports::Fault;
use rusqlite::ErrorCode;

/// The fault that an error of the store is. Texts of SQLite name tables and files, never values.
pub(crate) fn fault(error: &rusqlite::Error) -> Fault {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => Fault::StorageFull,
        _ => Fault::unavailable("store", error),
    }
}

/// A stored value that cannot be what we wrote.
pub(crate) fn corrupt(what: &'static str) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Null, what.into())
}

/// Why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// SQLite or the file system refused.
    #[error("the database {path} cannot be opened: {source}")]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// The file was written by a newer version of Hookline.
    #[error("the database {path} has schema {found}; this version knows schemas up to {known}")]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// The newest schema known here.
        known: i64,
    },
    /// The promise of durable commits cannot be kept on this file.
    #[error("the database {path} does not keep the setting {setting}")]
    NotDurable {
        /// The file.
        path: PathBuf,
        /// Which setting.
        setting: &'static str,
    },
    /// The writer's thread could not be started.
    #[error("the writer of the database could not be started: {0}")]
    Thread(std::io::Error),
}
