//! What is due and what is in flight, in one process. The tables hold the queues; the scheduler holds their next rows.
//!
//! A write to a queue offers its row here as well, so most messages are worked on straight from memory, and their rows are
//! written and deleted without being read. A row that finds no room stays in its table: its lane is *noted* with a due
//! time, and its rows are loaded once that time has come and there is room again. New work never passes older work of its
//! lane: while rows of a lane wait in the table, newer ones join them there.
//!
//! Slots are shared out in three steps. The next free slot goes to the account that holds fewest, and one account gets at
//! most three quarters of all. Within the account the endpoint hosts take turns, and hosts that do not keep up get at most
//! three quarters of the account's share. Within the host the webhooks take turns, oldest due first in each. While the
//! circuit of a host is half open, the webhook that was tried longest ago comes first, so that one failing path does not
//! speak for the whole host.
//!
//! All methods but [`Scheduler::give_turns`] are short and never wait.

mod account_state;
mod host_state;
mod limits;
mod load;
mod loading;
mod start_action;
mod state;
mod turns;
mod turns_of_accounts;

#[cfg(test)]
mod tests;

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

pub use self::limits::ConcurrencyLimits;
pub(crate) use self::load::SchedulerLoad;
pub(crate) use self::start_action::StartAction;
use self::state::SchedulerState;
use super::host_limiter::HostCircuit;
use super::item::{LoadedRows, QueueItem};
use super::lane::{AccountHost, Lane};

/// So many messages and events of an account are no backlog: they are in flight, or about to be.
const BACKLOG: usize = 256;
/// A publisher gives one turn for so many messages and events of its account beyond that.
const MESSAGES_PER_TURN: usize = 32;

/// See the module.
pub(crate) struct Scheduler {
    state: Mutex<SchedulerState>,
    /// Something may be started.
    pub(crate) work: Notify,
    /// The next due time is earlier than before.
    pub(crate) clock: Notify,
    /// Nothing is in flight any more.
    pub(crate) quiet: Notify,
}

impl Scheduler {
    pub(crate) fn new(limits: ConcurrencyLimits) -> Self {
        let state = Mutex::new(SchedulerState::new(limits));
        Self { state, work: Notify::new(), clock: Notify::new(), quiet: Notify::new() }
    }

    fn state(&self) -> MutexGuard<'_, SchedulerState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a message that is due and whose row is being written. `false` if it must wait in the table: the caller then
    /// calls [`note`](Self::note) once the row is written.
    #[must_use]
    pub(crate) fn offer(&self, item: QueueItem) -> bool {
        self.state().offer(item)
    }

    /// A row of the lane, in the table, is due then.
    pub(crate) fn note(&self, lane: Lane, due: i64) {
        let is_earlier = self.state().note(lane, due);
        if is_earlier {
            self.clock.notify_one();
        }
    }

    /// Lets other tasks go first, the more of them the more messages of the account are in memory. A publisher does so before
    /// it answers and gets the next event: publishers that only wait for their answers would otherwise take the processor
    /// from the deliveries of their own events. Where the processor is free, this takes no time.
    pub(crate) async fn give_turns(&self, account: i64) {
        let turns = self.state().held(account).saturating_sub(BACKLOG) / MESSAGES_PER_TURN;
        for _ in 0..turns {
            tokio::task::yield_now().await;
        }
    }

    /// Lets the workers look for something to start.
    pub(crate) fn pump(&self) {
        self.work.notify_one();
    }

    /// Everything that can be started now.
    pub(crate) fn start(&self, now: i64) -> Vec<StartAction> {
        self.state().start(now)
    }

    /// When the next row is due, if one is known.
    pub(crate) fn next_due(&self) -> Option<i64> {
        self.state().next_due()
    }

    /// Rows were loaded, or loading failed (`None`): then it is repeated a second later.
    pub(crate) fn loaded(&self, lane: Lane, rows: Option<LoadedRows>, now: i64) {
        let is_earlier = self.state().loaded(lane, rows, now);
        if is_earlier {
            self.clock.notify_one();
        }
        self.pump();
    }

    /// A message is no longer in flight; its row is deleted, or due at another time.
    pub(crate) fn finished(&self, lane: Lane, number: i64) {
        let mut state = self.state();
        state.finished(lane, number);
        let is_quiet = state.is_quiet();
        drop(state);
        if is_quiet {
            self.quiet.notify_one();
        }
        self.pump();
    }

    /// A host accepted a message.
    pub(crate) fn succeeded(&self, host: AccountHost) {
        self.state().succeeded(host);
    }

    /// A host does not keep up.
    pub(crate) fn congested(&self, host: AccountHost) {
        self.state().congested(host);
    }

    /// Opens or closes the circuit of a host.
    pub(crate) fn set_circuit(&self, host: AccountHost, circuit: HostCircuit, now: i64) {
        self.state().set_circuit(host, circuit, now);
        self.clock.notify_one();
        self.pump();
    }

    /// True if another webhook of the account has something due at the host: in memory, in flight, or in the table.
    pub(crate) fn others_due(&self, host: AccountHost, webhook: i64, now: i64) -> bool {
        self.state().others_due(host, webhook, now)
    }

    /// Since when a message that is due at `due` could be sent. `None` while its host is throttled or held, and for what
    /// is sent all the same.
    pub(crate) fn possible_since(&self, lane: Lane, due: i64) -> Option<i64> {
        self.state().possible_since(lane, due)
    }

    /// What there is to do.
    pub(crate) fn summary(&self, now: i64) -> SchedulerLoad {
        self.state().summary(now)
    }

    /// Starts nothing more. `true` if nothing is in flight.
    pub(crate) fn stop(&self) -> bool {
        let mut state = self.state();
        state.stop();
        state.is_quiet()
    }
}
