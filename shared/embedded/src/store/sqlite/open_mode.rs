//! Who has the file open, and so how it is locked and written.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OpenMode {
    /// The service, and the command line beside it: locks lie on the file, and a thread of its own writes.
    Service,
    /// One process with nobody beside it, which does one thing at a time: locks are in memory, and whoever asks writes.
    /// What is written, in which transactions, and when it is answered is the same.
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
