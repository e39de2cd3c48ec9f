//! When rows of the tables are loaded: what is due of a lane that holds little, and probes of a host whose circuit is half
//! open.

use super::start_action::StartAction;
use super::state::{LOW, ROOM, SchedulerState};
use crate::queue::host_limiter::HostCircuit;
use crate::queue::item::{LoadedRows, QueueItem};
use crate::queue::lane::{AccountHost, Lane};

/// How many rows of a lane are loaded at once.
pub(super) const BATCH: usize = 256;
/// How many rows are loaded at once for an account that holds much: it has many lanes.
const SMALL_BATCH: usize = 16;
/// How many rows of a lane are loaded for one probe: the first ones may be cancelled ones.
pub(super) const PROBES: usize = 4;
/// How long a load that failed is put off, in milliseconds.
const RETRY_LOAD_AFTER: i64 = 1000;

impl SchedulerState {
    /// Handles hosts whose wait has ended.
    pub(super) fn wake_hosts(&mut self, now: i64, actions: &mut Vec<StartAction>) {
        while let Some((at, host)) = self.wakes.first().copied().filter(|(at, _)| *at <= now) {
            self.wakes.remove(&(at, host));
            let Some(state) = self.hosts.get_mut(&host) else { continue };
            state.wake = None;
            match state.limiter.circuit() {
                HostCircuit::Open { until, .. } if until > now => self.wake(host, until),
                HostCircuit::Open { half_open_after: true, .. } => actions.extend(self.load_probe(host, now)),
                HostCircuit::Open { half_open_after: false, .. } => {
                    self.set_circuit(host, HostCircuit::Closed, now);
                }
                HostCircuit::Closed => {}
            }
        }
    }

    /// Loads rows of the webhook that was tried longest ago, for a host whose circuit is half open.
    fn load_probe(&mut self, host: AccountHost, now: i64) -> Option<StartAction> {
        let state = self.hosts.get_mut(&host)?;
        if !state.ready.is_empty() || !state.limiter.admits(now) {
            return None;
        }
        let mut next = None;
        let mut first: Option<(u64, Lane)> = None;
        for (lane, turn) in &state.lanes {
            let Some(waiting) = self.lanes.get(lane) else { continue };
            if waiting.loading {
                return None;
            }
            match waiting.next_due {
                Some(due) if due <= now => first = first.into_iter().chain([(*turn, *lane)]).min(),
                Some(due) => next = next.into_iter().chain([due]).min(),
                None => {}
            }
        }
        let Some((_, lane)) = first else {
            if let Some(at) = next {
                self.wake(host, at);
            }
            return None;
        };
        state.turn += 1;
        state.lanes.insert(lane, state.turn);
        Some(self.load(lane, PROBES, true))
    }

    /// Begins to load rows of a lane that has some due and room for them.
    pub(super) fn load_if_low(&mut self, lane: Lane, now: i64) -> Option<StartAction> {
        let has_room = self.has_room(lane.account());
        let has_much = self.accounts.get(&lane.account()).is_some_and(|account| account.held >= ROOM / 8);
        if self.circuit(lane) != HostCircuit::Closed {
            if let Some(host) = lane.guarded_host() {
                self.wake(host, now);
            }
            return None;
        }
        let state = self.lanes.get_mut(&lane)?;
        let (low, batch) = if has_much { (1, SMALL_BATCH) } else { (LOW, BATCH) };
        let is_due = state.next_due.is_some_and(|due| due <= now);
        if !is_due || state.loading || state.ready.len() >= low {
            return None;
        }
        if !has_room {
            if !std::mem::replace(&mut state.parked, true) {
                self.accounts.entry(lane.account()).or_default().parked.push_back(lane);
            }
            return None;
        }
        Some(self.load(lane, batch, false))
    }

    fn load(&mut self, lane: Lane, max: usize, half_open: bool) -> StartAction {
        let state = self.lane(lane);
        state.loading = true;
        // The rows that are in memory already are seen again.
        let max = max + state.taken.len();
        if let Some(due) = state.next_due.take() {
            self.schedule.remove(&(due, lane));
        }
        StartAction::Load { lane, max, half_open }
    }

    /// `true` if the next due time is earlier now.
    pub(super) fn loaded(&mut self, lane: Lane, rows: Option<LoadedRows>, now: i64) -> bool {
        let open_until = self.circuit(lane).open_until(now);
        let next = match rows {
            // The circuit opened meanwhile.
            Some(rows) if open_until.is_some() => {
                let (ended, others): (Vec<QueueItem>, Vec<QueueItem>) =
                    rows.items.into_iter().partition(|item| item.expired);
                let first = others.first().map(|item| item.due);
                self.add_unknown(lane, ended);
                first.into_iter().chain(rows.next).min()
            }
            Some(rows) => {
                self.add_unknown(lane, rows.items);
                rows.next
            }
            None => Some(now + RETRY_LOAD_AFTER),
        };
        if let Some(state) = self.lanes.get_mut(&lane) {
            state.loading = false;
            state.finished.clear();
        }
        self.unpark(lane.account());
        if let Some(due) = next {
            return self.note(lane, due);
        }
        self.forget(lane);
        false
    }

    /// Adds what was loaded, but for rows that are in memory or were finished while they were loaded.
    fn add_unknown(&mut self, lane: Lane, items: Vec<QueueItem>) {
        for item in items {
            let known = self
                .lanes
                .get(&lane)
                .is_some_and(|state| state.taken.contains(&item.number) || state.finished.contains(&item.number));
            if !known {
                self.add(item);
            }
        }
    }

    /// Schedules a lane that found no room, now that there may be some. An account without room holds messages; each of
    /// them that is finished makes room for one lane.
    pub(super) fn unpark(&mut self, account: i64) {
        if !self.has_room(account) {
            return;
        }
        let Some(lane) = self.accounts.get_mut(&account).and_then(|state| state.parked.pop_front()) else { return };
        let Some(state) = self.lanes.get_mut(&lane) else { return };
        state.parked = false;
        if let Some(due) = state.next_due {
            self.schedule.insert((due, lane));
        }
    }

    /// Forgets what is ready in a lane: it is found in the table again. Messages whose run has ended stay.
    pub(super) fn set_aside(&mut self, lane: Lane) {
        let Some(state) = self.lanes.get_mut(&lane) else { return };
        state.listed = false;
        let aside = std::mem::take(&mut state.ready);
        let Some(first) = aside.front() else { return };
        state.next_due = Some(state.next_due.map_or(first.due, |due| due.min(first.due)));
        for item in &aside {
            state.taken.remove(&item.number);
        }
        self.held = self.held.saturating_sub(aside.len());
        if let Some(account) = self.accounts.get_mut(&lane.account()) {
            account.held = account.held.saturating_sub(aside.len());
        }
    }

    pub(super) fn wake(&mut self, host: AccountHost, at: i64) {
        let state = self.host(host);
        if state.wake.is_some_and(|known| known <= at) {
            return;
        }
        let known = state.wake.replace(at);
        if let Some(known) = known {
            self.wakes.remove(&(known, host));
        }
        self.wakes.insert((at, host));
    }

    pub(super) fn unwake(&mut self, host: AccountHost) {
        if let Some(known) = self.hosts.get_mut(&host).and_then(|state| state.wake.take()) {
            self.wakes.remove(&(known, host));
        }
    }
}
