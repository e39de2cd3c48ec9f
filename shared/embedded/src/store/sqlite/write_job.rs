//! The writes that the writer runs, and how their results are reported.

use hookline_core::errors::{PortError, PortResult};
use rusqlite::Connection;
use tokio::sync::oneshot;

/// A write.
pub(crate) trait WriteJob: Send {
    /// Runs it.
    fn run(&mut self, connection: &Connection) -> rusqlite::Result<()>;
    /// Reports the result.
    fn settle(self: Box<Self>, outcome: PortResult<()>);
}

/// A write whose caller waits for the result.
pub(crate) struct AnsweredWrite<T, F, D> {
    pub(crate) work: Option<F>,
    pub(crate) value: Option<T>,
    /// Called with the result before the caller gets it, even if the caller no longer waits.
    pub(crate) done: D,
    pub(crate) answer: oneshot::Sender<PortResult<T>>,
}

impl<T, F, D> WriteJob for AnsweredWrite<T, F, D>
where
    T: Send,
    F: FnOnce(&Connection) -> rusqlite::Result<T> + Send,
    D: FnOnce(&T) + Send,
{
    fn run(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        if let Some(work) = self.work.take() {
            self.value = Some(work(connection)?);
        }
        Ok(())
    }

    fn settle(self: Box<Self>, outcome: PortResult<()>) {
        let Self { value, done, answer, .. } = *self;
        let value = outcome.and_then(|()| value.ok_or_else(|| PortError::unavailable("store", "a write did not run")));
        if let Ok(value) = &value {
            done(value);
        }
        // The caller may no longer wait; the write stands all the same.
        let _ = answer.send(value);
    }
}

/// A write without an answer; `undone` is called if it did not happen.
pub(crate) struct UnansweredWrite<F, U> {
    pub(crate) work: Option<F>,
    pub(crate) undone: U,
}

impl<F, U> WriteJob for UnansweredWrite<F, U>
where
    F: FnOnce(&Connection) -> rusqlite::Result<()> + Send,
    U: FnOnce(PortError) + Send,
{
    fn run(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        self.work.take().map_or(Ok(()), |work| work(connection))
    }

    fn settle(self: Box<Self>, outcome: PortResult<()>) {
        if let Err(fault) = outcome {
            (self.undone)(fault);
        }
    }
}
