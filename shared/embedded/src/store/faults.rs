//! What SQLite's errors mean for a caller.

use hookline_core::ports::Fault;
use rusqlite::ErrorCode;

/// The fault that an error of the store is. Texts of SQLite name tables and files, never values.
pub(crate) fn fault(error: &rusqlite::Error) -> Fault {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => Fault::Full,
        _ => Fault::unavailable("store", error),
    }
}

/// A stored value that cannot be what we wrote.
pub(crate) fn corrupt(what: &'static str) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Null, what.into())
}
