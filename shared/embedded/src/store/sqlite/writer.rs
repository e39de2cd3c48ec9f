//! The writer thread and its group commit.
//!
//! Writes wait in a queue, in order. The thread opens a transaction, runs the waiting writes, commits once (one sync),
//! and answers.
//! - [`Writer::ask`] without a unit of work is answered after the commit. Each write has a savepoint, so one that fails
//!   does not affect the others.
//! - [`Writer::ask`] inside a [`UnitOfWork`] is answered as soon as the write has run.
//! - [`Writer::log`] is not answered. A failure breaks its unit.
//!
//! While only writes of the last two kinds wait, no caller waits for the disk, and the transaction stays open for a few
//! milliseconds to take more of them. When a commit fails, every caller that still waits gets the error, and every unit
//! in the transaction is broken. The thread continues with the next transaction, so the store recovers without a
//! restart once there is space again.
//!
//! A file opened with [`OpenMode::Alone`] has no such thread: each caller runs its transaction.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use hookline_core::errors::{PortError, PortResult};
use hookline_core::ports::{Measurement, Metrics};
use rusqlite::Connection;
use tokio::sync::oneshot;

use super::checkpoint::Checkpointer;
use super::errors::fault;
use super::open_mode::OpenMode;
use super::write_job::{AnsweredWrite, UnansweredWrite, WriteJob};
use crate::queue::unit_of_work::UnitOfWork;

/// How long a transaction stays open when no caller waits for it.
const LINGER: Duration = Duration::from_millis(4);
/// What an operator can do about transactions that fail.
const CHECK_DISK: &str = "check the disk: free space, rights and health";
/// How many writes one transaction takes at most.
const MAX_JOBS: usize = 4096;

struct QueuedWrite {
    job: Box<dyn WriteJob>,
    unit: Option<Arc<UnitOfWork>>,
    /// Answered as soon as it has run.
    early: bool,
}

#[derive(Default)]
struct WriteQueue {
    entries: Vec<QueuedWrite>,
    closed: bool,
    /// Why the thread sleeps: nothing to do, or an open transaction that can wait.
    sleep: WriterSleep,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum WriterSleep {
    #[default]
    Awake,
    /// Nothing to do.
    Idle,
    /// A transaction is open, and no caller waits for it.
    Lingering,
}

#[derive(Default)]
struct WriterShared {
    queue: Mutex<WriteQueue>,
    wake: Condvar,
    /// Takes measurements, once the workers run.
    metrics: OnceLock<Arc<dyn Metrics>>,
}

/// The connection that writes, with its checkpointer.
struct WriterConnection {
    connection: Connection,
    checkpointer: Checkpointer,
}

/// What runs the transactions; empty once the writer is closed.
enum WriterThread {
    Thread(Mutex<Option<JoinHandle<()>>>),
    Caller(Mutex<Option<WriterConnection>>),
}

/// See the module.
pub(crate) struct Writer {
    shared: Arc<WriterShared>,
    hand: WriterThread,
}

impl Writer {
    /// Starts the thread, if the mode has one.
    pub(crate) fn start(connection: Connection, path: &Path, mode: OpenMode) -> std::io::Result<Self> {
        let shared = Arc::new(WriterShared::default());
        let connection = WriterConnection { connection, checkpointer: Checkpointer::start(path, mode)? };
        let hand = match mode {
            OpenMode::Service => {
                let theirs = Arc::clone(&shared);
                let thread = std::thread::Builder::new()
                    .name("hookline-writer".to_owned())
                    .spawn(move || write_until_closed(connection, &theirs))?;
                WriterThread::Thread(Mutex::new(Some(thread)))
            }
            OpenMode::Alone => WriterThread::Caller(Mutex::new(Some(connection))),
        };
        Ok(Self { shared, hand })
    }

    /// Writes and answers: inside a unit as soon as the write has run, else after the commit.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        unit: Option<Arc<UnitOfWork>>,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> PortResult<T> {
        let early = unit.is_some();
        self.put(unit, early, work, |_| ()).await
    }

    /// Writes, calls `done` after the commit, and answers.
    pub(crate) async fn ask_then<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
        done: impl FnOnce(&T) + Send + 'static,
    ) -> PortResult<T> {
        self.put(None, false, work, done).await
    }

    /// Reads all writes so far, committed or not.
    pub(crate) async fn peek<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> PortResult<T> {
        self.put(None, true, work, |_| ()).await
    }

    async fn put<T: Send + 'static>(
        &self,
        unit: Option<Arc<UnitOfWork>>,
        early: bool,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
        done: impl FnOnce(&T) + Send + 'static,
    ) -> PortResult<T> {
        let (answer, answered) = oneshot::channel();
        let job = Box::new(AnsweredWrite { work: Some(work), value: None, done, answer });
        self.push(QueuedWrite { job, unit, early }, true);
        answered.await.unwrap_or_else(|_| Err(PortError::unavailable("store", "the store is closed")))
    }

    /// Writes without an answer; a failure breaks the unit.
    pub(crate) fn log(
        &self,
        unit: Arc<UnitOfWork>,
        work: impl FnOnce(&Connection) -> rusqlite::Result<()> + Send + 'static,
    ) {
        self.log_or(unit, work, |_| ());
    }

    /// Writes without an answer; a failure breaks the unit and calls `undone`.
    pub(crate) fn log_or(
        &self,
        unit: Arc<UnitOfWork>,
        work: impl FnOnce(&Connection) -> rusqlite::Result<()> + Send + 'static,
        undone: impl FnOnce(PortError) + Send + 'static,
    ) {
        let job = Box::new(UnansweredWrite { work: Some(work), undone });
        self.push(QueuedWrite { job, unit: Some(unit), early: false }, false);
    }

    fn push(&self, entry: QueuedWrite, urgent: bool) {
        let mut queue = self.shared.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.closed {
            drop(queue);
            entry.job.settle(Err(PortError::unavailable("store", "the store is closed")));
            return;
        }
        queue.entries.push(entry);
        if let WriterThread::Caller(connection) = &self.hand {
            drop(queue);
            let mut connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
            return connection.as_mut().into_iter().for_each(|connection| connection.write(&self.shared));
        }
        let call = match queue.sleep {
            WriterSleep::Awake => false,
            WriterSleep::Idle => true,
            WriterSleep::Lingering => urgent || queue.entries.len() >= MAX_JOBS,
        };
        if call {
            queue.sleep = WriterSleep::Awake;
            drop(queue);
            self.shared.wake.notify_one();
        }
    }

    /// Measures transactions from now on.
    pub(crate) fn measure(&self, metrics: Arc<dyn Metrics>) {
        // A store has workers once, so nothing is replaced.
        let _ = self.shared.metrics.set(metrics);
    }

    /// Runs the waiting writes and stops the thread.
    pub(crate) fn close(&self) {
        self.shared.queue.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
        match &self.hand {
            WriterThread::Thread(thread) => {
                self.shared.wake.notify_one();
                let thread = thread.lock().unwrap_or_else(PoisonError::into_inner).take();
                if let Some(thread) = thread
                    && thread.join().is_err()
                {
                    let action = "report this fault with the lines before it";
                    tracing::error!(action, "writer thread panicked");
                }
            }
            WriterThread::Caller(connection) => {
                let connection = connection.lock().unwrap_or_else(PoisonError::into_inner).take();
                connection.into_iter().for_each(WriterConnection::finish);
            }
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.close();
    }
}

impl WriterConnection {
    /// Runs the waiting writes on the caller's thread.
    fn write(&mut self, shared: &WriterShared) {
        let entries = std::mem::take(&mut shared.queue.lock().unwrap_or_else(PoisonError::into_inner).entries);
        self.transact(shared, entries, Duration::ZERO);
    }

    fn transact(&mut self, shared: &WriterShared, entries: Vec<QueuedWrite>, linger: Duration) {
        let began = Instant::now();
        transact(&self.connection, shared, entries, linger);
        if let Some(metrics) = shared.metrics.get() {
            metrics.record(Measurement::StoreWritten(began.elapsed()));
        }
        self.checkpointer.after_commit(&self.connection);
    }

    /// Copies the log into the file.
    fn finish(mut self) {
        self.checkpointer.stop();
        match self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())) {
            Ok(()) => {}
            Err(error) => tracing::warn!(%error, "final checkpoint failed"),
        }
    }
}

fn write_until_closed(mut connection: WriterConnection, shared: &WriterShared) {
    while let Some(entries) = wait_for_work(shared) {
        connection.transact(shared, entries, LINGER);
    }
    connection.finish();
}

/// Sleeps until there are writes; `None` once the queue is closed and empty.
fn wait_for_work(shared: &WriterShared) -> Option<Vec<QueuedWrite>> {
    let mut queue = shared.queue.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        if !queue.entries.is_empty() {
            return Some(std::mem::take(&mut queue.entries));
        }
        if queue.closed {
            return None;
        }
        queue.sleep = WriterSleep::Idle;
        queue = shared.wake.wait(queue).unwrap_or_else(PoisonError::into_inner);
        queue.sleep = WriterSleep::Awake;
    }
}

/// Waits for more writes while the transaction can wait; `None` when it is time to commit.
fn linger(shared: &WriterShared, until: Instant) -> Option<Vec<QueuedWrite>> {
    let mut queue = shared.queue.lock().unwrap_or_else(PoisonError::into_inner);
    let left = until.saturating_duration_since(Instant::now());
    if queue.entries.is_empty() && !queue.closed && !left.is_zero() {
        queue.sleep = WriterSleep::Lingering;
        queue = shared
            .wake
            .wait_timeout_while(queue, left, |queue| queue.sleep == WriterSleep::Lingering && !queue.closed)
            .unwrap_or_else(PoisonError::into_inner)
            .0;
        queue.sleep = WriterSleep::Awake;
    }
    (!queue.entries.is_empty()).then(|| std::mem::take(&mut queue.entries))
}

/// A write that has run in the open transaction and waits for its end.
struct FinishedWrite {
    entry: Option<Box<dyn WriteJob>>,
    unit: Option<Arc<UnitOfWork>>,
}

/// Runs one transaction: runs the writes, waits up to `linger_for` for more if no caller waits, commits, answers.
fn transact(connection: &Connection, shared: &WriterShared, entries: Vec<QueuedWrite>, linger_for: Duration) {
    if let Err(error) = execute(connection, "BEGIN IMMEDIATE") {
        let fault = fault(&error);
        tracing::error!(error = %fault, action = CHECK_DISK, "beginning a transaction failed");
        for QueuedWrite { job, unit, .. } in entries {
            if let Some(unit) = unit {
                unit.mark_broken();
            }
            job.settle(Err(fault.clone()));
        }
        return;
    }
    let began = Instant::now();
    let mut ran = Vec::with_capacity(entries.len());
    let mut caller_waits = false;
    // The error after which SQLite rolled the transaction back, if there was one.
    let mut rolled_back: Option<PortError> = None;
    let mut batch = Some(entries);
    while let Some(entries) = batch.take() {
        for entry in entries {
            caller_waits |= !entry.early && entry.unit.is_none();
            run(connection, entry, &mut ran, &mut rolled_back);
        }
        if !caller_waits && ran.len() < MAX_JOBS && !connection.is_autocommit() {
            batch = linger(shared, began + linger_for);
        }
    }
    // After such an error there is nothing to commit, and nothing was written.
    let outcome = match rolled_back {
        Some(fault) => Err(fault),
        None => execute(connection, "COMMIT").map_err(|error| fault(&error)),
    };
    if let Err(fault) = &outcome {
        tracing::error!(error = %fault, action = CHECK_DISK, "transaction failed");
        if !connection.is_autocommit()
            && let Err(error) = execute(connection, "ROLLBACK")
        {
            let action = "restart the service if writes go on failing";
            tracing::error!(%error, action, "rollback failed");
        }
        for unit in ran.iter().filter_map(|ran| ran.unit.as_ref()) {
            unit.mark_broken();
        }
    }
    for FinishedWrite { entry, .. } in ran {
        if let Some(job) = entry {
            job.settle(outcome.clone());
        }
    }
}

/// Runs one write inside a savepoint; none after SQLite has rolled the transaction back.
fn run(connection: &Connection, entry: QueuedWrite, ran: &mut Vec<FinishedWrite>, rolled_back: &mut Option<PortError>) {
    let QueuedWrite { mut job, unit, early } = entry;
    let fit = match (&rolled_back, &unit) {
        (Some(fault), _) => Err(fault.clone()),
        (None, Some(unit)) => unit.check(),
        (None, None) => Ok(()),
    };
    let result = fit.and_then(|()| attempt(connection, job.as_mut()));
    if let Err(fault) = result {
        if rolled_back.is_none() && connection.is_autocommit() {
            *rolled_back = Some(fault.clone());
        }
        if let Some(unit) = unit {
            unit.mark_broken();
        }
        job.settle(Err(fault));
    } else if early {
        job.settle(Ok(()));
        ran.push(FinishedWrite { entry: None, unit });
    } else {
        ran.push(FinishedWrite { entry: Some(job), unit });
    }
}

fn attempt(connection: &Connection, job: &mut dyn WriteJob) -> PortResult<()> {
    execute(connection, "SAVEPOINT job").map_err(|error| fault(&error))?;
    let result = catch_unwind(AssertUnwindSafe(|| job.run(connection)));
    let result = match result {
        Ok(Ok(())) => execute(connection, "RELEASE job").map_err(|error| fault(&error)),
        Ok(Err(error)) => Err(fault(&error)),
        Err(_) => Err(PortError::unavailable("store", "a write panicked")),
    };
    if let Err(failure) = &result {
        tracing::warn!(error = %failure, "write failed");
        if !connection.is_autocommit() {
            for undo in ["ROLLBACK TO job", "RELEASE job"] {
                execute(connection, undo).map_err(|error| fault(&error))?;
            }
        }
    }
    result
}

fn execute(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute([]).map(|_| ())
}
