//! The scheduler: which messages are due and which are in progress, in this process. The tables are the truth, and the
//! scheduler holds their next rows.
//!
//! A message that is put on a queue is also offered to the scheduler. Most rows are therefore written and deleted
//! without being read. If there is no room, the row waits in its table, and the scheduler notes the lane with its due
//! time. It loads the rows when they are due and the lane has room.
//!
//! An endpoint that does not answer must not delay the others. Lanes take turns, and lanes of first attempts get three
//! of four turns. Retries fill at most three quarters of the places in flight. Every host has its own [`HostLimiter`],
//! and messages for a host whose circuit is open wait in the table.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::host_limiter::{HostCircuit, HostLimiter};
use super::item::LoadedRows;
use super::item::QueueItem;
use super::lane::{CLASSES, LATER, Lane};
use super::lane_state::LaneState;

/// How many messages one lane holds in memory at most.
const LANE_ROOM: usize = 1024;
/// How many messages all lanes together hold in memory at most.
const ROOM: usize = 8_192;
/// A lane with fewer ready messages loads more.
const LOW: usize = 64;
/// How many rows are loaded at once.
const BATCH: usize = 256;
/// How many rows of a lane are loaded for one probe: the first ones may be cancelled.
const PROBES: usize = 4;
/// How many events are fanned out at once.
const EVENTS_IN_WORK: usize = 32;
/// Lanes of first attempts get this many of four turns.
const FRESH_TURNS: u32 = 3;

/// How many deliveries may be in flight at once.
#[derive(Debug, Clone, Copy)]
pub struct ConcurrencyLimits {
    /// In all.
    pub total: usize,
    /// To one endpoint host.
    pub per_host: usize,
}

impl Default for ConcurrencyLimits {
    fn default() -> Self {
        Self { total: 512, per_host: 64 }
    }
}

/// See the module. No method blocks for long.
pub(crate) struct Scheduler {
    state: Mutex<SchedulerState>,
    limits: ConcurrencyLimits,
    /// Notified when something may have become startable.
    pub(crate) work: Notify,
    /// Notified when the next due time has come closer.
    pub(crate) clock: Notify,
    /// Notified when nothing is in progress.
    pub(crate) quiet: Notify,
}

#[derive(Default)]
struct SchedulerState {
    lanes: HashMap<Lane, LaneState>,
    /// Lanes with ready messages, in the order of their turns: those of first attempts, and the others.
    rings: [VecDeque<Lane>; 2],
    turn: u32,
    /// Future due times.
    schedule: BTreeSet<(i64, Lane)>,
    held: usize,
    deliveries: usize,
    /// How many of them are of class [`LATER`].
    later: usize,
    events: usize,
    /// Only hosts whose limiter differs from that of a host without history.
    limiters: HashMap<i64, HostLimiter>,
    stopped: bool,
}

/// What the workers are to do next.
pub(crate) enum StartAction {
    /// Process this message.
    QueueItem(Box<QueueItem>),
    /// Load rows of a lane.
    Load {
        /// The lane.
        lane: Lane,
        /// How many rows at most.
        most: usize,
        /// The host's circuit is half-open. Expired rows are then loaded too, however many others come before them.
        half_open: bool,
    },
}

impl Scheduler {
    pub(crate) fn new(limits: ConcurrencyLimits) -> Self {
        Self { state: Mutex::default(), limits, work: Notify::new(), clock: Notify::new(), quiet: Notify::new() }
    }

    fn state(&self) -> MutexGuard<'_, SchedulerState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a message that is due and whose row is being written. `false` if there is no room; the caller then calls
    /// [`Scheduler::note`] once the row is written.
    #[must_use]
    pub(crate) fn offer(&self, item: QueueItem) -> bool {
        let mut state = self.state();
        if state.stopped || state.held >= ROOM || state.circuit(item.lane) != HostCircuit::Closed {
            return false;
        }
        let waiting = state.lanes.entry(item.lane).or_default();
        if waiting.ready.len() >= LANE_ROOM {
            return false;
        }
        state.add(item);
        true
    }

    /// The lane has a row in the table that is due at `due`.
    pub(crate) fn note(&self, lane: Lane, due: i64) {
        let mut state = self.state();
        let waiting = state.lanes.entry(lane).or_default();
        if waiting.next_due.is_some_and(|known| known <= due) {
            return;
        }
        let known = waiting.next_due.replace(due);
        if let Some(known) = known {
            state.schedule.remove(&(known, lane));
        }
        let is_first = state.schedule.first().is_none_or(|(first, _)| due < *first);
        state.schedule.insert((due, lane));
        drop(state);
        if is_first {
            self.clock.notify_one();
        }
    }

    /// Wakes the dispatcher.
    pub(crate) fn pump(&self) {
        self.work.notify_one();
    }

    /// Everything that can start now.
    pub(crate) fn start(&self, now: i64) -> Vec<StartAction> {
        let mut state = self.state();
        if state.stopped {
            return Vec::new();
        }
        let mut starts = Vec::new();
        while let Some(item) = state.next(self.limits, now) {
            let lane = item.lane;
            starts.push(StartAction::QueueItem(Box::new(item)));
            starts.extend(state.load_if_low(lane, now));
        }
        while let Some((due, lane)) = state.schedule.first().copied().filter(|(due, _)| *due <= now) {
            state.schedule.remove(&(due, lane));
            starts.extend(state.load_if_low(lane, now));
        }
        starts
    }

    /// The next due time, if there is one.
    pub(crate) fn next_due(&self) -> Option<i64> {
        self.state().schedule.first().map(|(due, _)| *due)
    }

    /// Rows were loaded. `None` means that loading failed; it is repeated a second later.
    pub(crate) fn loaded(&self, lane: Lane, loaded: Option<LoadedRows>, now: i64) {
        let mut state = self.state();
        let open_until = state.circuit(lane).open_until(now);
        let next = match loaded {
            // The circuit opened in the meantime.
            Some(loaded) if open_until.is_some() && !loaded.items.is_empty() => open_until,
            Some(loaded) => {
                for item in loaded.items {
                    let known = state
                        .lanes
                        .get(&lane)
                        .is_some_and(|lane| lane.taken.contains(&item.number) || lane.finished.contains(&item.number));
                    if !known {
                        state.add(item);
                    }
                }
                loaded.next
            }
            None => Some(now + 1000),
        };
        if let Some(waiting) = state.lanes.get_mut(&lane) {
            waiting.loading = false;
            waiting.finished.clear();
        }
        drop(state);
        match next {
            Some(due) => self.note(lane, due),
            None => self.state().forget(lane),
        }
        self.pump();
    }

    /// A message is no longer in progress; its row is deleted, or due at another time.
    pub(crate) fn finished(&self, lane: Lane, number: i64) {
        let mut state = self.state();
        state.release(lane, self.limits);
        state.held = state.held.saturating_sub(1);
        if let Some(waiting) = state.lanes.get_mut(&lane) {
            waiting.taken.remove(&number);
            if waiting.loading {
                waiting.finished.insert(number);
            }
            // `start` loads these rows when it looks at the schedule.
            let overdue = waiting.next_due.filter(|_| waiting.ready.len() < LOW && !waiting.loading);
            if let Some(due) = overdue {
                state.schedule.insert((due, lane));
            }
        }
        state.forget(lane);
        let is_quiet = state.deliveries == 0 && state.events == 0;
        drop(state);
        if is_quiet {
            self.quiet.notify_one();
        }
        self.pump();
    }

    /// A request to a host succeeded.
    pub(crate) fn succeeded(&self, group: i64) {
        let most = self.limits.per_host;
        if let Some(limiter) = self.state().limiters.get_mut(&group) {
            limiter.succeeded(most);
        }
    }

    /// A host timed out or answered 429.
    pub(crate) fn congested(&self, group: i64) {
        self.state().limiter(group, self.limits).congested();
    }

    /// Opens or closes the circuit of a host.
    pub(crate) fn set_circuit(&self, group: i64, circuit: HostCircuit, now: i64) {
        let mut state = self.state();
        state.limiter(group, self.limits).set_circuit(circuit);
        let open_until = circuit.open_until(now);
        for lane in CLASSES.map(|class| Lane::Deliveries { group, class }).into_iter().filter(|lane| !lane.is_urgent())
        {
            if open_until.is_some() {
                state.set_aside(lane);
            }
            state.put_off(lane, open_until.unwrap_or(now));
        }
        drop(state);
        self.clock.notify_one();
        self.pump();
    }

    /// Starts nothing more. `true` if nothing is in progress.
    pub(crate) fn stop(&self) -> bool {
        let mut state = self.state();
        state.stopped = true;
        state.deliveries == 0 && state.events == 0
    }
}

impl SchedulerState {
    fn add(&mut self, item: QueueItem) {
        let lane = item.lane;
        let waiting = self.lanes.entry(lane).or_default();
        waiting.taken.insert(item.number);
        waiting.ready.push_back(item);
        self.held += 1;
        if !waiting.listed {
            waiting.listed = true;
            self.ring(lane).push_back(lane);
        }
    }

    fn ring(&mut self, lane: Lane) -> &mut VecDeque<Lane> {
        &mut self.rings[usize::from(!lane.is_fresh())]
    }

    /// Takes the next message that may start, and counts it as started.
    fn next(&mut self, limits: ConcurrencyLimits, now: i64) -> Option<QueueItem> {
        self.turn = self.turn.wrapping_add(1);
        let first = usize::from(self.turn % (FRESH_TURNS + 1) == FRESH_TURNS);
        [first, 1 - first].into_iter().find_map(|ring| self.next_of(ring, limits, now))
    }

    fn next_of(&mut self, ring: usize, limits: ConcurrencyLimits, now: i64) -> Option<QueueItem> {
        for _ in 0..self.rings[ring].len() {
            let lane = self.rings[ring].pop_front()?;
            if !self.may_start(lane, limits, now) {
                self.rings[ring].push_back(lane);
                continue;
            }
            let Some(waiting) = self.lanes.get_mut(&lane) else { continue };
            let item = waiting.ready.pop_front();
            waiting.listed = !waiting.ready.is_empty();
            if waiting.listed {
                self.rings[ring].push_back(lane);
            }
            if let Some(item) = item {
                self.started(lane, limits);
                return Some(item);
            }
        }
        None
    }

    fn may_start(&mut self, lane: Lane, limits: ConcurrencyLimits, now: i64) -> bool {
        let Some(group) = lane.group() else { return self.events < EVENTS_IN_WORK };
        if self.deliveries >= limits.total || is_later(lane) && self.later >= limits.total - limits.total / 4 {
            return false;
        }
        let first = self.lanes.get(&lane).and_then(|waiting| waiting.ready.front());
        lane.is_urgent() || first.is_none_or(|item| item.expired) || self.limiter(group, limits).admits(now)
    }

    fn started(&mut self, lane: Lane, limits: ConcurrencyLimits) {
        match lane.group() {
            Some(group) => {
                self.deliveries += 1;
                self.later += usize::from(is_later(lane));
                self.limiter(group, limits).started();
            }
            None => self.events += 1,
        }
    }

    fn release(&mut self, lane: Lane, limits: ConcurrencyLimits) {
        let Some(group) = lane.group() else {
            self.events = self.events.saturating_sub(1);
            return;
        };
        self.deliveries = self.deliveries.saturating_sub(1);
        self.later = self.later.saturating_sub(usize::from(is_later(lane)));
        if let Some(limiter) = self.limiters.get_mut(&group) {
            limiter.finished();
            if limiter.is_forgotten(limits.per_host) {
                self.limiters.remove(&group);
            }
        }
    }

    fn limiter(&mut self, group: i64, limits: ConcurrencyLimits) -> &mut HostLimiter {
        self.limiters.entry(group).or_insert_with(|| HostLimiter::new(limits.per_host))
    }

    /// The circuit that applies to the lane.
    fn circuit(&self, lane: Lane) -> HostCircuit {
        let group = lane.group().filter(|_| !lane.is_urgent());
        group.and_then(|group| self.limiters.get(&group)).map_or(HostCircuit::Closed, HostLimiter::circuit)
    }

    /// Drops the ready messages of a lane from memory; their rows are loaded again later. Expired messages stay,
    /// because they do not need a closed circuit.
    fn set_aside(&mut self, lane: Lane) {
        let Some(waiting) = self.lanes.get_mut(&lane) else { return };
        let (kept, aside): (VecDeque<QueueItem>, VecDeque<QueueItem>) =
            std::mem::take(&mut waiting.ready).into_iter().partition(|item| item.expired);
        waiting.ready = kept;
        if let Some(first) = aside.front() {
            waiting.next_due = Some(waiting.next_due.map_or(first.due, |due| due.min(first.due)));
        }
        for item in &aside {
            waiting.taken.remove(&item.number);
        }
        self.held = self.held.saturating_sub(aside.len());
    }

    /// Moves the lane's next look at its rows to `until`, if it has rows that wait.
    fn put_off(&mut self, lane: Lane, until: i64) {
        let Some(waiting) = self.lanes.get_mut(&lane) else { return };
        let Some(due) = waiting.next_due else { return };
        self.schedule.remove(&(due, lane));
        waiting.next_due = Some(until);
        self.schedule.insert((until, lane));
    }

    /// Starts loading rows of a lane that has due rows and room for them.
    fn load_if_low(&mut self, lane: Lane, now: i64) -> Option<StartAction> {
        let circuit = self.circuit(lane);
        let half_open = circuit.is_half_open(now);
        let waiting = self.lanes.get_mut(&lane)?;
        let due = waiting.next_due.filter(|due| *due <= now)?;
        if let Some(until) = circuit.open_until(now) {
            self.put_off(lane, until);
            return None;
        }
        if waiting.loading || waiting.ready.len() >= if half_open { 1 } else { LOW } {
            return None;
        }
        waiting.loading = true;
        waiting.next_due = None;
        self.schedule.remove(&(due, lane));
        // The load reads the rows that are in memory again.
        Some(StartAction::Load { lane, most: waiting.taken.len() + if half_open { PROBES } else { BATCH }, half_open })
    }

    fn forget(&mut self, lane: Lane) {
        if self.lanes.get(&lane).is_some_and(|waiting| waiting.is_empty() && !waiting.listed) {
            self.lanes.remove(&lane);
        }
    }
}

fn is_later(lane: Lane) -> bool {
    matches!(lane, Lane::Deliveries { class: LATER, .. })
}

#[cfg(test)]
mod tests;
