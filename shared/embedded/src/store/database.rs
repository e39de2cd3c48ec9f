//! The open database file and the ports on it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use hookline_core::errors::{PortError, PortResult};
use hookline_core::model::{HostHealthCache, PendingCounts};
use rusqlite::Connection;

use crate::queue::scheduler::Scheduler;
use crate::queue::unit_of_work::UnitOfWork;
use crate::store::sqlite::errors::{StoreOpenError, fault};
use crate::store::sqlite::open_mode::OpenMode;
use crate::store::sqlite::readers::ReaderPool;
use crate::store::sqlite::schema;
use crate::store::sqlite::writer::Writer;

/// How long records are kept (section 10).
#[derive(Debug, Clone, Copy)]
pub struct Kept {
    /// Events, from their acceptance.
    pub events: Duration,
    /// Delivery records, from their attempt; never longer than their event.
    pub deliveries: Duration,
}

impl Kept {
    /// As the settings say.
    #[must_use]
    pub fn of(settings: &hookline_core::settings::CoreSettings) -> Self {
        Self { events: settings.events_kept, deliveries: settings.deliveries_kept }
    }
}

/// What the store knows of itself, kept up to date for the metrics.
#[derive(Debug, Default)]
pub(crate) struct StoreGauges {
    /// Rows of the deliveries queue.
    pub(crate) messages: AtomicI64,
    /// Webhooks that are enabled, and that are disabled.
    pub(crate) webhooks: [AtomicI64; 2],
    /// The numbers of webhooks are out of date.
    pub(crate) webhooks_changed: AtomicBool,
}

/// The open file with its writer and its readers.
struct DatabaseFile {
    path: PathBuf,
    writer: Writer,
    readers: Arc<ReaderPool>,
}

/// The open store. Cloning is cheap.
#[derive(Clone)]
pub struct Store {
    inner: Arc<StoreInner>,
}

struct StoreInner {
    file: Arc<DatabaseFile>,
    kept: Kept,
    /// The number of the next row of the deliveries queue. It is counted in memory, so that no number is used twice,
    /// not even after a rollback.
    next_row: AtomicI64,
    /// The cached health of endpoint hosts.
    hosts: HostHealthCache,
    /// Counts that are not written yet.
    counts: PendingCounts,
    /// How full the store is.
    gauges: StoreGauges,
    /// Held while counts are written.
    counts_turn: tokio::sync::Mutex<()>,
    /// The scheduler of the workers, once they run.
    scheduler: OnceLock<Arc<Scheduler>>,
}

impl Store {
    /// Opens the store and creates or migrates the file. Checks that commits are durable.
    pub fn open(path: &Path, kept: Kept) -> Result<Self, StoreOpenError> {
        Self::open_as(OpenMode::Service, path, kept)
    }

    /// Opens the store for a test that writes millions of times and does one thing at a time. No other process may have
    /// the file open: locks are in memory. Each caller runs the transaction that the writer thread would run.
    pub fn open_alone(path: &Path, kept: Kept) -> Result<Self, StoreOpenError> {
        Self::open_as(OpenMode::Alone, path, kept)
    }

    fn open_as(mode: OpenMode, path: &Path, kept: Kept) -> Result<Self, StoreOpenError> {
        let failed = |source| StoreOpenError::Sqlite { path: path.to_owned(), source };
        let connection = schema::open_writer(path, mode)?;
        let readers = Arc::new(ReaderPool::new(path, mode));
        // Opens one reader, so that an unreadable file is reported at the start.
        readers.with(|_| Ok(())).map_err(failed)?;
        let next_row = next_row(&connection).map_err(failed)?;
        let writer = Writer::start(connection, path, mode).map_err(StoreOpenError::Thread)?;
        Ok(Self::new(Arc::new(DatabaseFile { path: path.to_owned(), writer, readers }), kept, next_row))
    }

    fn new(file: Arc<DatabaseFile>, kept: Kept, next_row: i64) -> Self {
        let (next_row, counts_turn) = (AtomicI64::new(next_row), tokio::sync::Mutex::default());
        let (hosts, counts, scheduler) = (HostHealthCache::default(), PendingCounts::default(), OnceLock::new());
        let gauges = StoreGauges::default();
        Self { inner: Arc::new(StoreInner { file, kept, next_row, hosts, counts, gauges, counts_turn, scheduler }) }
    }

    /// The same file without anything kept in memory, as [`Store::open`] returns it after a restart but without the
    /// cost of opening. For tests that restart thousands of times. All earlier users of the store must have stopped.
    pub fn restarted(&self) -> Result<Self, StoreOpenError> {
        let file = Arc::clone(&self.inner.file);
        let failed = |source| StoreOpenError::Sqlite { path: file.path.clone(), source };
        let next_row = file.readers.with(next_row).map_err(failed)?;
        Ok(Self::new(file, self.inner.kept, next_row))
    }

    /// The ports for the HTTP API and the command line: a write is durable when it returns.
    #[must_use]
    pub fn api(&self) -> StorePorts {
        StorePorts { store: self.clone(), durable: true }
    }

    /// The ports for the workers: inside a unit of work a write returns as soon as its place in the log is fixed.
    #[must_use]
    pub fn worker(&self) -> StorePorts {
        StorePorts { store: self.clone(), durable: false }
    }

    /// Waits until all requested writes are on disk, copies the log into the file and stops the writer. Later writes
    /// fail.
    pub async fn close(&self) {
        let inner = Arc::clone(&self.inner);
        // A panic of the writer has been logged; nothing is left to wait for.
        let _ = tokio::task::spawn_blocking(move || inner.file.writer.close()).await;
    }

    /// Checks that the store takes writes, for `/readyz`.
    pub async fn check_write(&self) -> PortResult<()> {
        const WRITE: &str = "INSERT OR REPLACE INTO counters (name, value) VALUES ('readiness', 0)";
        self.writer().ask(None, |connection| connection.execute(WRITE, []).map(drop)).await
    }

    pub(crate) fn path(&self) -> &Path {
        &self.inner.file.path
    }

    /// The folder of the database file.
    pub(crate) fn folder(&self) -> &Path {
        self.inner.file.path.parent().unwrap_or(Path::new("."))
    }

    pub(crate) fn kept(&self) -> Kept {
        self.inner.kept
    }

    pub(crate) fn writer(&self) -> &Writer {
        &self.inner.file.writer
    }

    pub(crate) fn hosts(&self) -> &HostHealthCache {
        &self.inner.hosts
    }

    /// The turn to write counts: two writers would not know what the other has taken.
    pub(crate) async fn counts_turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.inner.counts_turn.lock().await
    }

    pub(crate) fn gauges(&self) -> &StoreGauges {
        &self.inner.gauges
    }

    pub(crate) fn pending_counts(&self) -> &PendingCounts {
        &self.inner.counts
    }

    pub(crate) fn scheduler(&self) -> Option<&Arc<Scheduler>> {
        self.inner.scheduler.get()
    }

    /// Connects the scheduler of the workers; `false` if there is one already.
    pub(crate) fn connect(&self, scheduler: Arc<Scheduler>) -> bool {
        self.inner.scheduler.set(scheduler).is_ok()
    }

    /// The number of a new row of the deliveries queue.
    pub(crate) fn row_number(&self) -> i64 {
        self.inner.gauges.messages.fetch_add(1, Ordering::Relaxed);
        self.inner.next_row.fetch_add(1, Ordering::Relaxed)
    }

    /// A point read on the current thread.
    pub(crate) fn read<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> PortResult<T> {
        self.inner.file.readers.with(work).map_err(|error| fault(&error))
    }

    /// A read that may take milliseconds, on a thread that may block.
    pub(crate) async fn list<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> PortResult<T> {
        let readers = Arc::clone(&self.inner.file.readers);
        tokio::task::spawn_blocking(move || readers.with(work).map_err(|error| fault(&error)))
            .await
            .map_err(|error| PortError::unavailable("store", error))?
    }
}

/// The number of the next row of the deliveries queue.
fn next_row(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("SELECT coalesce(max(num), 0) + 1 FROM attempts", [], |row| row.get(0))
}

/// The ports on the store: durable for the API, ordered for the workers. See [`Store::api`] and [`Store::worker`].
#[derive(Clone)]
pub struct StorePorts {
    pub(crate) store: Store,
    durable: bool,
}

impl StorePorts {
    /// The unit of work of the current task, if these are the workers' ports.
    pub(crate) fn unit_of_work(&self) -> Option<Arc<UnitOfWork>> {
        if self.durable { None } else { UnitOfWork::current() }
    }

    /// A write with a result.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> PortResult<T> {
        self.store.writer().ask(self.unit_of_work(), work).await
    }

    /// A write without a result: inside a unit of work it returns at once.
    pub(crate) async fn tell(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<()> + Send + 'static,
    ) -> PortResult<()> {
        match self.unit_of_work() {
            Some(unit) => {
                unit.check()?;
                self.store.writer().log(unit, work);
                Ok(())
            }
            None => self.store.writer().ask(None, work).await,
        }
    }
}

#[cfg(test)]
mod tests;
