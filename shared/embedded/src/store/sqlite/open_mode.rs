//! How the file is locked, and which thread writes.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OpenMode {
    /// For the service and the command line beside it: locks are on the file, and a writer thread runs the
    /// transactions.
    Service,
    /// For one process that has the file to itself and does one thing at a time: locks are in memory, and each caller
    /// runs its transaction. The transactions and the time of their answers are the same.
    Alone,
}

impl OpenMode {
    /// Opens a connection to the file.
    pub(crate) fn open(self, path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
        match self {
            Self::Service => Connection::open_with_flags(path, flags),
            Self::Alone => Connection::open_with_flags_and_vfs(path, flags, "unix-excl"),
        }
    }
}
