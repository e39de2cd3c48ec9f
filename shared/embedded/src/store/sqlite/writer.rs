//! The one thread that writes, and its group commit.
//!
//! Jobs wait in a queue, in order. The thread opens a transaction, runs what waits, commits once (one sync), and answers.
//! - [`Writer::ask`] without a unit: answered after the commit. A job that fails takes nobody with it (a savepoint).
//! - [`Writer::ask`] inside a [`UnitOfWork`]: answered as soon as it has run.
//! - [`Writer::log`]: not answered at all. Its failure breaks its unit.
//!
//! While only the latter two wait, nobody waits for the disk: the transaction stays open for a few milliseconds to take
//! more of them. When a commit fails, everybody whose answer is due gets the fault and every unit in it is broken; the
//! thread goes on with the next transaction, so it recovers by itself once there is space again.
//!
//! A file that is held alone ([`OpenMode::Alone`]) has no such thread: whoever asks makes the transaction.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use hookline_core::ports::{Answer, Fault};
use rusqlite::Connection;
use tokio::sync::oneshot;

use super::checkpoint::Checkpointer;
use super::errors::fault;
use super::open_mode::OpenMode;
use super::write_job::{AnsweredWrite, UnansweredWrite, WriteJob};
use crate::queue::unit_of_work::UnitOfWork;

/// How long a transaction that nobody waits for stays open.
const LINGER: Duration = Duration::from_millis(4);
/// How many jobs one transaction takes at most.
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
    /// The thread sleeps until somebody calls: with nothing to do, or with a transaction that can wait.
    resting: WriterSleep,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum WriterSleep {
    #[default]
    Awake,
    /// Nothing to do.
    Idle,
    /// A transaction is open, and nobody waits for it.
    Lingering,
}

#[derive(Default)]
struct WriterShared {
    queue: Mutex<WriteQueue>,
    wake: Condvar,
}

/// What writes need.
struct WriterConnection {
    connection: Connection,
    checkpointer: Checkpointer,
}

/// Who makes the transactions; nobody once the writer is closed.
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
    /// Starts the thread, if there is one.
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

    /// Writes, and answers: inside a unit as soon as it has run, else after the commit.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        unit: Option<Arc<UnitOfWork>>,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Answer<T> {
        let early = unit.is_some();
        self.put(unit, early, work, |_| ()).await
    }

    /// Writes, tells `done` after the commit, and answers.
    pub(crate) async fn ask_then<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
        done: impl FnOnce(&T) + Send + 'static,
    ) -> Answer<T> {
        self.put(None, false, work, done).await
    }

    /// Reads what was written so far, committed or not.
    pub(crate) async fn peek<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Answer<T> {
        self.put(None, true, work, |_| ()).await
    }

    async fn put<T: Send + 'static>(
        &self,
        unit: Option<Arc<UnitOfWork>>,
        early: bool,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
        done: impl FnOnce(&T) + Send + 'static,
    ) -> Answer<T> {
        let (answer, answered) = oneshot::channel();
        let job = Box::new(AnsweredWrite { work: Some(work), value: None, done, answer });
        self.push(QueuedWrite { job, unit, early }, true);
        answered.await.unwrap_or_else(|_| Err(Fault::unavailable("store", "it is closed")))
    }

    /// Writes without an answer; a failure breaks the unit.
    pub(crate) fn log(
        &self,
        unit: Arc<UnitOfWork>,
        work: impl FnOnce(&Connection) -> rusqlite::Result<()> + Send + 'static,
    ) {
        self.log_or(unit, work, |_| ());
    }

    /// Writes without an answer; a failure breaks the unit and is told.
    pub(crate) fn log_or(
        &self,
        unit: Arc<UnitOfWork>,
        work: impl FnOnce(&Connection) -> rusqlite::Result<()> + Send + 'static,
        undone: impl FnOnce(Fault) + Send + 'static,
    ) {
        let job = Box::new(UnansweredWrite { work: Some(work), undone });
        self.push(QueuedWrite { job, unit: Some(unit), early: false }, false);
    }

    fn push(&self, entry: QueuedWrite, urgent: bool) {
        let mut queue = self.shared.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.closed {
            drop(queue);
            entry.job.settle(Err(Fault::unavailable("store", "it is closed")));
            return;
        }
        queue.entries.push(entry);
        if let WriterThread::Caller(connection) = &self.hand {
            drop(queue);
            let mut connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
            return connection.as_mut().into_iter().for_each(|connection| connection.write(&self.shared));
        }
        let call = match queue.resting {
            WriterSleep::Awake => false,
            WriterSleep::Idle => true,
            WriterSleep::Lingering => urgent || queue.entries.len() >= MAX_JOBS,
        };
        if call {
            queue.resting = WriterSleep::Awake;
            drop(queue);
            self.shared.wake.notify_one();
        }
    }

    /// Writes what waits, and ends the thread.
    pub(crate) fn close(&self) {
        self.shared.queue.lock().unwrap_or_else(PoisonError::into_inner).closed = true;
        match &self.hand {
            WriterThread::Thread(thread) => {
                self.shared.wake.notify_one();
                let thread = thread.lock().unwrap_or_else(PoisonError::into_inner).take();
                if let Some(thread) = thread
                    && thread.join().is_err()
                {
                    tracing::error!("the writer of the store panicked");
                }
            }
            WriterThread::Caller(connection) => {
                let connection = connection.lock().unwrap_or_else(PoisonError::into_inner).take();
                connection.into_iter().for_each(WriterConnection::leave);
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
    /// Writes what waits, on behalf of the one who just asked.
    fn write(&mut self, shared: &WriterShared) {
        let entries = std::mem::take(&mut shared.queue.lock().unwrap_or_else(PoisonError::into_inner).entries);
        self.transact(shared, entries, Duration::ZERO);
    }

    fn transact(&mut self, shared: &WriterShared, entries: Vec<QueuedWrite>, linger: Duration) {
        transact(&self.connection, shared, entries, linger);
        self.checkpointer.after_commit(&self.connection);
    }

    /// Folds the log into the file.
    fn leave(mut self) {
        self.checkpointer.stop();
        match self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())) {
            Ok(()) => {}
            Err(error) => tracing::warn!(%error, "the log of the store was not folded in; the next start does it"),
        }
    }
}

fn write_until_closed(mut connection: WriterConnection, shared: &WriterShared) {
    while let Some(entries) = wait_for_work(shared) {
        connection.transact(shared, entries, LINGER);
    }
    connection.leave();
}

/// Sleeps until there are jobs; `None` once closed and empty.
fn wait_for_work(shared: &WriterShared) -> Option<Vec<QueuedWrite>> {
    let mut queue = shared.queue.lock().unwrap_or_else(PoisonError::into_inner);
    loop {
        if !queue.entries.is_empty() {
            return Some(std::mem::take(&mut queue.entries));
        }
        if queue.closed {
            return None;
        }
        queue.resting = WriterSleep::Idle;
        queue = shared.wake.wait(queue).unwrap_or_else(PoisonError::into_inner);
        queue.resting = WriterSleep::Awake;
    }
}

/// Waits for more jobs while the transaction can wait; `None` when it should be committed.
fn linger(shared: &WriterShared, until: Instant) -> Option<Vec<QueuedWrite>> {
    let mut queue = shared.queue.lock().unwrap_or_else(PoisonError::into_inner);
    let left = until.saturating_duration_since(Instant::now());
    if queue.entries.is_empty() && !queue.closed && !left.is_zero() {
        queue.resting = WriterSleep::Lingering;
        queue = shared
            .wake
            .wait_timeout_while(queue, left, |queue| queue.resting == WriterSleep::Lingering && !queue.closed)
            .unwrap_or_else(PoisonError::into_inner)
            .0;
        queue.resting = WriterSleep::Awake;
    }
    (!queue.entries.is_empty()).then(|| std::mem::take(&mut queue.entries))
}

/// Jobs that ran in the open transaction and wait for its end.
struct FinishedWrite {
    entry: Option<Box<dyn WriteJob>>,
    unit: Option<Arc<UnitOfWork>>,
}

/// One transaction: runs, lingers that long if nobody waits, commits, answers.
fn transact(connection: &Connection, shared: &WriterShared, entries: Vec<QueuedWrite>, linger_for: Duration) {
    if let Err(error) = execute(connection, "BEGIN IMMEDIATE") {
        let fault = fault(&error);
        tracing::error!(error = %fault, "the store took no write");
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
    let mut somebody_waits = false;
    // Why SQLite rolled everything back by itself, if it did.
    let mut grave: Option<Fault> = None;
    let mut batch = Some(entries);
    while let Some(entries) = batch.take() {
        for entry in entries {
            somebody_waits |= !entry.early && entry.unit.is_none();
            run(connection, entry, &mut ran, &mut grave);
        }
        if !somebody_waits && ran.len() < MAX_JOBS && !connection.is_autocommit() {
            batch = linger(shared, began + linger_for);
        }
    }
    // After a grave error there is nothing to commit and nothing happened.
    let outcome = match grave {
        Some(fault) => Err(fault),
        None => execute(connection, "COMMIT").map_err(|error| fault(&error)),
    };
    if let Err(fault) = &outcome {
        tracing::error!(error = %fault, "a transaction of the store failed");
        if !connection.is_autocommit()
            && let Err(error) = execute(connection, "ROLLBACK")
        {
            tracing::error!(%error, "and could not be rolled back");
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

/// Runs one job inside a savepoint of its own; none after a grave error.
fn run(connection: &Connection, entry: QueuedWrite, ran: &mut Vec<FinishedWrite>, grave: &mut Option<Fault>) {
    let QueuedWrite { mut job, unit, early } = entry;
    let fit = match (&grave, &unit) {
        (Some(fault), _) => Err(fault.clone()),
        (None, Some(unit)) => unit.check(),
        (None, None) => Ok(()),
    };
    let result = fit.and_then(|()| attempt(connection, job.as_mut()));
    if let Err(fault) = result {
        if grave.is_none() && connection.is_autocommit() {
            *grave = Some(fault.clone());
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

fn attempt(connection: &Connection, job: &mut dyn WriteJob) -> Answer<()> {
    execute(connection, "SAVEPOINT job").map_err(|error| fault(&error))?;
    let result = catch_unwind(AssertUnwindSafe(|| job.run(connection)));
    let result = match result {
        Ok(Ok(())) => execute(connection, "RELEASE job").map_err(|error| fault(&error)),
        Ok(Err(error)) => Err(fault(&error)),
        Err(_) => Err(Fault::unavailable("store", "a write panicked")),
    };
    if let Err(failure) = &result {
        tracing::warn!(error = %failure, "a write to the store failed");
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
