//! Connections that only read. Each one sees a consistent, committed state.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rusqlite::{Connection, OpenFlags};

use super::open_mode::OpenMode;
use super::schema::keep_plans;

/// How many idle connections are kept. More are opened when more threads read at once.
const KEPT: usize = 4;

/// A pool of read-only connections.
pub(crate) struct ReaderPool {
    path: PathBuf,
    mode: OpenMode,
    idle: Mutex<Vec<Connection>>,
}

impl ReaderPool {
    pub(crate) fn new(path: &Path, mode: OpenMode) -> Self {
        Self { path: path.to_owned(), mode, idle: Mutex::new(Vec::with_capacity(KEPT)) }
    }

    /// Lends a connection. If `work` panics, the connection is closed and not used again.
    pub(crate) fn with<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => self.open()?,
        };
        let result = work(&connection);
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < KEPT {
            idle.push(connection);
        }
        result
    }

    fn open(&self) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = self.mode.open(&self.path, flags)?;
        connection.busy_timeout(std::time::Duration::from_secs(5))?;
        keep_plans(&connection)?;
        connection.pragma_update(None, "cache_size", "-1024")?;
        connection.set_prepared_statement_cache_capacity(64);
        Ok(connection)
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

    use super::*;
    use crate::store::sqlite::schema::open_writer;

    /// How often SQLite prepared a statement again.
    fn prepared_anew(connection: &Connection) -> rusqlite::Result<i32> {
        let of_event = "SELECT webhook FROM subscriptions WHERE account = ?1 AND event = ?2";
        for account in [0, 1, 7] {
            let mut statement = connection.prepare_cached(of_event)?;
            assert!(!statement.exists((account, "request.create"))?);
        }
        connection.prepare_cached(of_event).map(|statement| statement.get_status(StatementStatus::RePrepare))
    }

    #[test]
    fn a_statement_is_prepared_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hookline.db");
        let writer = open_writer(&path, OpenMode::Service).unwrap();
        assert_eq!(prepared_anew(&writer).unwrap(), 0);
        assert_eq!(ReaderPool::new(&path, OpenMode::Service).with(prepared_anew).unwrap(), 0);
    }
}
