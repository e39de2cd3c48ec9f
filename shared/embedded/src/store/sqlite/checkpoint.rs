//! Folding the write-ahead log into the file, beside the writer, so that no commit stalls for it.
//!
//! A thread of its own copies pages (`PASSIVE`: it waits for nobody) whenever the log has grown. While everybody writes it
//! never gets to the end of the log, so now and then the writer itself copies the short rest between two transactions;
//! the log then starts again from its beginning and does not grow.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use rusqlite::{Connection, OpenFlags};

use super::open_mode::OpenMode;

/// Size of the log, in bytes, from which on pages are copied.
const BEGIN: u64 = 4 << 20;
/// Size of the log, in bytes, from which on the writer copies the rest.
const FINISH: u64 = 16 << 20;
/// The size is asked for after so many transactions.
const ASK_EVERY: u32 = 16;

/// The writer's end of the thread.
pub(crate) struct Checkpointer {
    call: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
    log: PathBuf,
    transactions: u32,
    /// The thread has copied all that it saw since the writer looked last.
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

    /// Looks after the log; called by the writer between two transactions.
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
            // Full: it has been called already.
            let _ = call.try_send(());
        }
    }

    /// Ends the thread.
    pub(crate) fn stop(&mut self) {
        self.call = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that folds the log of the store panicked");
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
                    // Without this a checkpoint would not wait for the disk before it lets the log start over.
                    connection.pragma_update(None, "synchronous", "full")?;
                    connection.pragma_update(None, "cache_size", "-256")?;
                    Ok(connection)
                })
                .inspect_err(|error| tracing::warn!(%error, "the log of the store cannot be folded in"))
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
        tracing::warn!(%error, "the log of the store was not folded in; it is tried again");
    }
}
