//! Copies the write-ahead log into the database file beside the writer, so that no commit waits for it.
//!
//! A thread copies pages whenever the log has grown (`PASSIVE` checkpoints, which wait for no other connection). Under
//! constant writes it never reaches the end of the log. The writer therefore copies the short rest between two
//! transactions from time to time. The log then starts again at its beginning and does not grow.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use rusqlite::{Connection, OpenFlags};

use super::open_mode::OpenMode;

/// The size of the log, in bytes, at which the thread starts to copy.
const BEGIN: u64 = 4 << 20;
/// The size of the log, in bytes, at which the writer copies the rest.
const FINISH: u64 = 16 << 20;
/// The size is checked after this many transactions.
const ASK_EVERY: u32 = 16;

/// The writer's handle of the thread.
pub(crate) struct Checkpointer {
    call: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
    log: PathBuf,
    transactions: u32,
    /// The thread has copied all that it saw since the writer last checked.
    copied: Arc<AtomicBool>,
}

impl Checkpointer {
    pub(crate) fn start(path: &Path, mode: OpenMode) -> std::io::Result<Self> {
        let (call, called) = sync_channel(1);
        let copied = Arc::new(AtomicBool::new(false));
        let (file, theirs) = (path.to_owned(), Arc::clone(&copied));
        let thread = std::thread::Builder::new()
            .name("hookline-checkpoint".to_owned())
            .spawn(move || copy_when_called(&file, mode, &called, &theirs))?;
        let mut log = path.as_os_str().to_owned();
        log.push("-wal");
        Ok(Self { call: Some(call), thread: Some(thread), log: log.into(), transactions: 0, copied })
    }

    /// Checks the size of the log; the writer calls it between two transactions.
    pub(crate) fn after_commit(&mut self, connection: &Connection) {
        self.transactions += 1;
        if self.transactions < ASK_EVERY {
            return;
        }
        self.transactions = 0;
        let size = std::fs::metadata(&self.log).map_or(0, |log| log.len());
        if size >= FINISH && self.copied.swap(false, Ordering::AcqRel) {
            checkpoint(connection);
        } else if size >= BEGIN
            && let Some(call) = &self.call
        {
            // The channel is full: the thread has been woken already.
            let _ = call.try_send(());
        }
    }

    /// Stops the thread.
    pub(crate) fn stop(&mut self) {
        self.call = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            let action = "report this fault with the lines before it";
            tracing::error!(action, "checkpoint thread panicked");
        }
    }
}

fn copy_when_called(path: &Path, mode: OpenMode, called: &Receiver<()>, copied: &AtomicBool) {
    let mut connection = None;
    while called.recv().is_ok() {
        if connection.is_none() {
            connection = mode
                .open(path, OpenFlags::default())
                .and_then(|connection| {
                    // Otherwise a checkpoint would not wait for the disk before it lets the log start over.
                    connection.pragma_update(None, "synchronous", "full")?;
                    connection.pragma_update(None, "cache_size", "-256")?;
                    Ok(connection)
                })
                .inspect_err(|error| tracing::warn!(%error, "opening the checkpoint connection failed"))
                .ok();
        }
        if let Some(connection) = &connection {
            checkpoint(connection);
            copied.store(true, Ordering::Release);
        }
    }
}

fn checkpoint(connection: &Connection) {
    let result = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
    if let Err(error) = result {
        tracing::warn!(%error, "checkpoint failed");
    }
}
