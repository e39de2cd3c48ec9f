//! The scheduler: what is due and what is in work, in one process. The tables are the truth; the scheduler holds their next rows.
//!
//! Whoever puts something on a queue offers it here too, so most messages go from hand to hand and their rows are written
//! and deleted without being read. What finds no room stays in its table; its lane is *noted* with a due time, and its
//! rows are loaded when that time has come and the lane has room again.
//!
//! Nobody waits behind somebody else's dead endpoint: lanes take turns, fresh ones three times as often as the others,
//! retries never fill more than three quarters of what may be in flight, and every host has a [`HostLimiter`] of its own. What
//! waits for a host whose circuit is closed stays in the table.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::host_limiter::{HostCircuit, HostLimiter};
use super::item::LoadedRows;
use super::item::QueueItem;
use super::lane::{CLASSES, LATER, Lane};
use super::lane_state::LaneState;

/// How many messages a lane holds in memory.
const LANE_ROOM: usize = 1024;
/// How many messages all lanes together hold in memory.
const ROOM: usize = 8_192;
/// A lane with fewer ready messages than this loads more.
const LOW: usize = 64;
/// How many rows are loaded at once.
const BATCH: usize = 256;
/// How many rows of a lane are loaded for one probe: the first ones may be cancelled ones.
const PROBES: usize = 4;
/// How many events are fanned out at once.
const EVENTS_IN_WORK: usize = 32;
/// Of four turns, so many are for fresh lanes.
const FRESH_TURNS: u32 = 3;

/// How much may be in flight at once.
#[derive(Debug, Clone, Copy)]
pub struct ConcurrencyLimits {
    /// Deliveries, in all.
    pub total: usize,
    /// Deliveries to one endpoint host.
    pub per_host: usize,
}

impl Default for ConcurrencyLimits {
    fn default() -> Self {
        Self { total: 512, per_host: 64 }
    }
}

/// See the module. All methods are short and never wait.
pub(crate) struct Scheduler {
    state: Mutex<SchedulerState>,
    limits: ConcurrencyLimits,
    /// Something can be started.
    pub(crate) work: Notify,
    /// A due time came nearer.
    pub(crate) clock: Notify,
    /// Nothing is in work any more.
    pub(crate) quiet: Notify,
}

#[derive(Default)]
struct SchedulerState {
    lanes: HashMap<Lane, LaneState>,
    /// Lanes with ready messages, in the order of their turns: fresh ones, and the others.
    rings: [VecDeque<Lane>; 2],
    turn: u32,
    /// Due times in the future.
    schedule: BTreeSet<(i64, Lane)>,
    held: usize,
    deliveries: usize,
    /// Of them, those of the class [`LATER`].
    later: usize,
    events: usize,
    /// Only hosts of which something is known.
    limiters: HashMap<i64, HostLimiter>,
    stopped: bool,
}

/// What the workers should do now.
pub(crate) enum StartAction {
    /// Work on this message.
    QueueItem(Box<QueueItem>),
    /// Load rows of a lane.
    Load {
        /// Which.
        lane: Lane,
        /// At most so many.
        most: usize,
        /// Of a host that gets one at a time: those whose run is over are wanted as well, however many wait before.
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

    /// Takes a message that is due and whose row is being written. `false` if it finds no room: then the caller notes it
    /// once its row is written.
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

    /// A row of the lane is due then.
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

    /// Lets the workers look for something to start.
    pub(crate) fn pump(&self) {
        self.work.notify_one();
    }

    /// Everything that can be started now.
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

    /// When the next row is due, if one is known.
    pub(crate) fn next_due(&self) -> Option<i64> {
        self.state().schedule.first().map(|(due, _)| *due)
    }

    /// Rows were loaded, or could not be (`None`): then they are tried again a second later.
    pub(crate) fn loaded(&self, lane: Lane, loaded: Option<LoadedRows>, now: i64) {
        let mut state = self.state();
        let open_until = state.circuit(lane).open_until(now);
        let next = match loaded {
            // The circuit closed meanwhile.
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

    /// A message is no longer in work; its row is gone, or due at another time.
    pub(crate) fn finished(&self, lane: Lane, number: i64) {
        let mut state = self.state();
        state.release(lane, self.limits);
        state.held = state.held.saturating_sub(1);
        if let Some(waiting) = state.lanes.get_mut(&lane) {
            waiting.taken.remove(&number);
            if waiting.loading {
                waiting.finished.insert(number);
            }
            // Rows that waited for room are looked after by the clock's side of `start`.
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

    /// A host took a message.
    pub(crate) fn succeeded(&self, group: i64) {
        let most = self.limits.per_host;
        if let Some(limiter) = self.state().limiters.get_mut(&group) {
            limiter.succeeded(most);
        }
    }

    /// A host does not keep up.
    pub(crate) fn congested(&self, group: i64) {
        self.state().limiter(group, self.limits).congested();
    }

    /// Closes or opens the circuit of a host.
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

    /// Starts nothing more. `true` if nothing is in work.
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

    /// The next message that may be started, and counts it as started.
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

    /// The circuit that the lane's messages go through.
    fn circuit(&self, lane: Lane) -> HostCircuit {
        let group = lane.group().filter(|_| !lane.is_urgent());
        group.and_then(|group| self.limiters.get(&group)).map_or(HostCircuit::Closed, HostLimiter::circuit)
    }

    /// Forgets what is ready in a lane: it is found in the table again. What is expired needs no open circuit.
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

    /// Looks after the rows of a lane at that time, if it has any that wait.
    fn put_off(&mut self, lane: Lane, until: i64) {
        let Some(waiting) = self.lanes.get_mut(&lane) else { return };
        let Some(due) = waiting.next_due else { return };
        self.schedule.remove(&(due, lane));
        waiting.next_due = Some(until);
        self.schedule.insert((until, lane));
    }

    /// Begins to load rows of a lane that has some due and room for them.
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
        // The rows that are in memory already are seen again.
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
