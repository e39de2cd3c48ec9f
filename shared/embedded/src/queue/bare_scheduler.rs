//! The scheduler by itself, without tasks, store and clock: for tests that play all of these, and look at who waits for
//! whom.

use hookline_core::model::{Attempt, HostHealth};
use jiff::Timestamp;

use super::host_limiter::HostCircuit;
use super::item::{LoadedRows, QueueItem, WorkItem};
use super::lane::{AccountHost, DUE, Lane};
use super::scheduler::{ConcurrencyLimits, Scheduler, StartAction};

/// A row of a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct BareRow {
    /// The messages that keep their order.
    pub lane: BareLane,
    /// Epoch milliseconds.
    pub due: i64,
    /// Its number.
    pub number: i64,
}

/// The messages of one webhook, or the events of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct BareLane {
    /// Number of the account.
    pub account: i64,
    /// Hash of the endpoint host.
    pub host: i64,
    /// Id of the webhook.
    pub webhook: i64,
}

/// The host that stands for the events of an account.
const EVENTS: i64 = i64::MIN;

impl BareLane {
    /// The events of an account.
    #[must_use]
    pub fn events(account: i64) -> Self {
        Self { account, host: EVENTS, webhook: 0 }
    }

    /// These are events.
    #[must_use]
    pub fn is_of_events(self) -> bool {
        self.host == EVENTS
    }

    fn account_host(self) -> AccountHost {
        AccountHost { account: self.account, host: self.host }
    }
}

/// What the workers do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BareAction {
    /// Make the attempt of this row.
    Begin(BareRow),
    /// Load the first rows of a lane that are due, and pass them to [`BareScheduler::loaded`].
    Load {
        /// Which.
        lane: BareLane,
        /// At most so many.
        max: usize,
    },
}

/// See the module.
pub struct BareScheduler {
    scheduler: Scheduler,
    /// What every row holds: nothing depends on it.
    attempt: Attempt,
}

impl BareScheduler {
    /// Of a process that has just started.
    #[must_use]
    pub fn new(limits: ConcurrencyLimits, attempt: Attempt) -> Self {
        Self { scheduler: Scheduler::new(limits), attempt }
    }

    /// A row was written. A row that is due is worked on from memory if there is room.
    pub fn put(&self, row: BareRow, now: i64) {
        if row.due > now || !self.scheduler.offer(self.item(row)) {
            self.note(row.lane, row.due);
        }
    }

    /// The table has rows of a lane, the first of them due then.
    pub fn note(&self, lane: BareLane, due: i64) {
        self.scheduler.note(full(lane), due);
    }

    /// Everything that should be done now.
    #[must_use]
    pub fn start(&self, now: i64) -> Vec<BareAction> {
        let actions = self.scheduler.start(now).into_iter().map(|action| match action {
            StartAction::Item(item) => {
                BareAction::Begin(BareRow { lane: bare(item.lane), due: item.due, number: item.number })
            }
            StartAction::Load { lane, max, half_open: _ } => BareAction::Load { lane: bare(lane), max },
        });
        actions.collect()
    }

    /// Rows were loaded; `next` is when the first one is due that was not.
    pub fn loaded(&self, lane: BareLane, rows: &[BareRow], next: Option<i64>, now: i64) {
        let items = rows.iter().map(|row| self.item(*row)).collect();
        self.scheduler.loaded(full(lane), Some(LoadedRows { items, lost: Vec::new(), next }), now);
    }

    /// An attempt ended and its row is deleted; `kept_up` tells whether the host answered in time.
    pub fn finished(&self, row: BareRow, kept_up: bool) {
        let host = row.lane.account_host();
        if row.lane.is_of_events() {
            // Their fan-out is no request.
        } else if kept_up {
            self.scheduler.succeeded(host);
        } else {
            self.scheduler.congested(host);
        }
        self.scheduler.finished(full(row.lane), row.number);
    }

    /// When something is due next, by what is known.
    #[must_use]
    pub fn next_due(&self) -> Option<i64> {
        self.scheduler.next_due()
    }

    /// The health of a lane's host changed.
    pub fn set_circuit(&self, lane: BareLane, health: &HostHealth, now: Timestamp) {
        self.scheduler.set_circuit(lane.account_host(), HostCircuit::of(health, now), now.as_millisecond());
    }

    /// Other webhooks have messages due at a lane's host.
    #[must_use]
    pub fn others_due(&self, lane: BareLane, now: i64) -> bool {
        self.scheduler.others_due(lane.account_host(), lane.webhook, now)
    }

    fn item(&self, row: BareRow) -> QueueItem {
        QueueItem {
            lane: full(row.lane),
            number: row.number,
            due: row.due,
            work: WorkItem::Attempt(self.attempt.clone()),
            origin: None,
            fresh: false,
            expired: false,
        }
    }
}

fn full(lane: BareLane) -> Lane {
    if lane.is_of_events() {
        return Lane::Events { account: lane.account };
    }
    Lane::Deliveries { host: lane.account_host(), webhook: lane.webhook, class: DUE }
}

fn bare(lane: Lane) -> BareLane {
    match lane {
        Lane::Events { account } => BareLane::events(account),
        Lane::Deliveries { host: AccountHost { account, host }, webhook, .. } => BareLane { account, host, webhook },
    }
}
