//! A place for stores: an empty one, and one that is emptied for every run, because that is far cheaper than opening a
//! new one.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hookline_core::settings::CoreSettings;
use hookline_core::values::System;
use hookline_embedded::{Kept, KeyFileVault, Store};
use rusqlite::{Connection, OpenFlags};

use crate::world::kept;

/// A folder, in memory where there is such a thing: the store syncs every write.
pub(crate) struct Scratch {
    folder: tempfile::TempDir,
    pub(crate) runtime: tokio::runtime::Runtime,
    holding: Holding,
    /// What makes the store empty again.
    undo: Vec<String>,
    /// The open store of the last run, unless that broke off.
    used: RefCell<Option<Used>>,
    stores: RefCell<u32>,
}

/// How stores are opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holding {
    /// As the service does it: a separate thread writes, and the file has locks.
    Service,
    /// The caller's thread writes, and locks are in memory. A run is the same in both, and is cheaper here.
    Alone,
}

impl Holding {
    fn open(self, path: &Path) -> Store {
        let kept = Kept::of(&kept(CoreSettings::default()));
        let store = match self {
            Self::Service => Store::open(path, kept),
            Self::Alone => Store::open_alone(path, kept),
        };
        store.expect("the store opens")
    }

    /// A connection beside an open store.
    fn connect(self, path: &Path) -> Connection {
        let connection = match self {
            Self::Service => Connection::open(path),
            Self::Alone => Connection::open_with_flags_and_vfs(path, OpenFlags::default(), "unix-excl"),
        };
        connection.expect("the store opens")
    }
}

/// A store that was used, and a connection that empties it.
struct Used {
    store: Store,
    path: PathBuf,
    eraser: Connection,
}

/// The store of a run.
pub(crate) struct Lent {
    pub(crate) store: Store,
    path: PathBuf,
    holding: Holding,
    eraser: Connection,
}

impl Scratch {
    pub(crate) fn new(holding: Holding) -> Self {
        let memory = Path::new("/dev/shm");
        let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        let folder = folder.expect("a folder for the stores");
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let empty = folder.path().join("empty");
        runtime.block_on(async {
            let store = holding.open(&empty);
            KeyFileVault::open(&store, &folder.path().join("key"), Arc::new(System)).await.expect("the vault opens");
            store.close().await;
        });
        let undo = undo(&holding.connect(&empty)).expect("the empty store is read");
        Self { folder, runtime, holding, undo, used: RefCell::default(), stores: RefCell::default() }
    }

    /// An empty store.
    pub(crate) fn lend(&self) -> Lent {
        let Some(Used { store, path, eraser }) = self.used.take() else { return self.first() };
        self.empty(&eraser).expect("the store is emptied");
        Lent { store: store.restarted().expect("the store can be read"), path, holding: self.holding, eraser }
    }

    /// Takes a store back. A store that is not returned is never used again.
    pub(crate) fn give_back(&self, lent: Lent) {
        let Lent { store, path, eraser, .. } = lent;
        self.used.replace(Some(Used { store, path, eraser }));
    }

    fn first(&self) -> Lent {
        let number = self.stores.replace_with(|last| *last + 1);
        let path = self.folder.path().join(format!("run-{number}"));
        let empty = self.folder.path().join("empty");
        std::fs::copy(&empty, &path).expect("a copy of the empty store");
        let store = self.holding.open(&path);
        let eraser = self.holding.connect(&path);
        eraser.set_prepared_statement_cache_capacity(128);
        eraser.pragma_update(None, "foreign_keys", "off").expect("a setting");
        eraser.pragma_update(None, "synchronous", "off").expect("a setting");
        eraser.execute("ATTACH ?1 AS empty", [empty.to_str()]).expect("the empty store opens");
        Lent { store, path, holding: self.holding, eraser }
    }

    fn empty(&self, eraser: &Connection) -> rusqlite::Result<()> {
        let transaction = eraser.unchecked_transaction()?;
        for sql in &self.undo {
            transaction.prepare_cached(sql)?.execute([])?;
        }
        transaction.commit()
    }

    pub(crate) async fn vault(&self, store: &Store) -> KeyFileVault {
        KeyFileVault::open(store, &self.folder.path().join("key"), Arc::new(System)).await.expect("the vault opens")
    }
}

impl Lent {
    /// A connection that reads all tables.
    pub(crate) fn connection(&self) -> &Connection {
        &self.eraser
    }

    /// The process starts again: it remembers nothing. Now and then the file too is closed and opened.
    pub(crate) async fn restart(&mut self, reopen: bool) {
        if reopen {
            self.store.close().await;
            self.store = self.holding.open(&self.path);
        } else {
            self.store = self.store.restarted().expect("the store can be read");
        }
    }
}

/// Statements that give every table the rows of the empty store.
fn undo(empty: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut statements = Vec::new();
    // The counters of `AUTOINCREMENT` come last: rows that are put back move them.
    let mut tables =
        empty.prepare("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name LIKE 'sqlite_%'")?;
    let mut tables = tables.query([])?;
    while let Some(row) = tables.next()? {
        let table: String = row.get(0)?;
        statements.push(format!("DELETE FROM main.{table}"));
        let rows: i64 = empty.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0))?;
        if rows > 0 {
            statements.push(format!("INSERT INTO main.{table} SELECT * FROM empty.{table}"));
        }
    }
    Ok(statements)
}
