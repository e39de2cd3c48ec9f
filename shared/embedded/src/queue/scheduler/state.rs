//! What the scheduler knows, behind its lock.

use std::collections::{BTreeSet, HashMap, VecDeque};

use super::account_state::AccountState;
use super::host_state::HostState;
use super::limits::{ConcurrencyLimits, most_of};
use super::load::SchedulerLoad;
use super::start_action::StartAction;
use super::turns::Turns;
use crate::queue::host_limiter::HostCircuit;
use crate::queue::item::QueueItem;
use crate::queue::lane::{AccountHost, Lane};
use crate::queue::lane_state::LaneState;

/// How many messages a lane holds in memory.
const LANE_ROOM: usize = 1024;
/// How many messages all lanes together hold in memory.
pub(super) const ROOM: usize = 8_192;
/// A lane with fewer ready messages than this loads more, as long as its account holds little.
pub(super) const LOW: usize = 64;

/// See the module.
pub(super) struct SchedulerState {
    pub(super) limits: ConcurrencyLimits,
    pub(super) lanes: HashMap<Lane, LaneState>,
    pub(super) accounts: HashMap<i64, AccountState>,
    pub(super) hosts: HashMap<AccountHost, HostState>,
    pub(super) delivery_turns: Turns,
    pub(super) event_turns: Turns,
    /// Due times of lanes whose rows may be loaded then.
    pub(super) schedule: BTreeSet<(i64, Lane)>,
    /// When hosts with an open circuit are looked at again.
    pub(super) wakes: BTreeSet<(i64, AccountHost)>,
    pub(super) held: usize,
    pub(super) deliveries: usize,
    pub(super) fan_outs: usize,
    pub(super) stopped: bool,
}

impl SchedulerState {
    pub(super) fn new(limits: ConcurrencyLimits) -> Self {
        Self {
            limits,
            lanes: HashMap::new(),
            accounts: HashMap::new(),
            hosts: HashMap::new(),
            delivery_turns: Turns::default(),
            event_turns: Turns::default(),
            schedule: BTreeSet::new(),
            wakes: BTreeSet::new(),
            held: 0,
            deliveries: 0,
            fan_outs: 0,
            stopped: false,
        }
    }

    pub(super) fn stop(&mut self) {
        self.stopped = true;
    }

    pub(super) fn is_quiet(&self) -> bool {
        self.deliveries == 0 && self.fan_outs == 0
    }

    pub(super) fn held(&self, account: i64) -> usize {
        self.accounts.get(&account).map_or(0, |account| account.held)
    }

    pub(super) fn next_due(&self) -> Option<i64> {
        let lane = self.schedule.first().map(|(due, _)| *due);
        let host = self.wakes.first().map(|(at, _)| *at);
        lane.into_iter().chain(host).min()
    }

    pub(super) fn offer(&mut self, item: QueueItem) -> bool {
        let lane = item.lane;
        if self.stopped || !self.has_room(lane.account()) || self.circuit(lane) != HostCircuit::Closed {
            return false;
        }
        if let Some(state) = self.lanes.get(&lane) {
            let older_waits = state.loading || state.next_due.is_some_and(|due| due <= item.due);
            if older_waits || state.ready.len() >= LANE_ROOM {
                return false;
            }
        }
        self.add(item);
        true
    }

    /// `true` if the next due time is earlier now.
    pub(super) fn note(&mut self, lane: Lane, due: i64) -> bool {
        let before = self.next_due();
        let state = self.lane(lane);
        if state.next_due.is_some_and(|known| known <= due) {
            return false;
        }
        let known = state.next_due.replace(due);
        if let Some(known) = known {
            self.schedule.remove(&(known, lane));
        }
        match (lane.guarded_host(), self.circuit(lane)) {
            (Some(host), HostCircuit::Open { until, .. }) => self.wake(host, until.max(due)),
            (Some(_) | None, _) => _ = self.schedule.insert((due, lane)),
        }
        self.next_due() != before
    }

    pub(super) fn start(&mut self, now: i64) -> Vec<StartAction> {
        let mut actions = Vec::new();
        if self.stopped {
            return actions;
        }
        self.wake_hosts(now, &mut actions);
        while let Some(item) = self.next_fan_out().or_else(|| self.next_delivery(now)) {
            let lane = item.lane;
            actions.push(StartAction::Item(Box::new(item)));
            actions.extend(self.load_if_low(lane, now));
        }
        while let Some((due, lane)) = self.schedule.first().copied().filter(|(due, _)| *due <= now) {
            self.schedule.remove(&(due, lane));
            actions.extend(self.load_if_low(lane, now));
        }
        actions
    }

    pub(super) fn finished(&mut self, lane: Lane, number: i64) {
        self.release(lane);
        self.held = self.held.saturating_sub(1);
        if let Some(state) = self.lanes.get_mut(&lane) {
            state.taken.remove(&number);
            if state.loading {
                state.finished.insert(number);
            }
            // Rows that waited for room are loaded by the next `start`.
            let waiting = state.next_due.filter(|_| state.ready.len() < LOW && !state.loading);
            match (waiting, lane.guarded_host(), self.circuit(lane)) {
                // Another webhook may have rows for the probe, if this message was none.
                (_, Some(host), HostCircuit::Open { until, .. }) => self.wake(host, until),
                (Some(due), _, _) => _ = self.schedule.insert((due, lane)),
                (None, _, _) => {}
            }
        }
        self.unpark(lane.account());
        self.forget(lane);
    }

    pub(super) fn succeeded(&mut self, host: AccountHost) {
        let max = self.limits.per_host;
        if let Some(state) = self.hosts.get_mut(&host) {
            state.limiter.succeeded(max);
        }
    }

    pub(super) fn congested(&mut self, host: AccountHost) {
        self.host(host).limiter.congested();
    }

    pub(super) fn set_circuit(&mut self, host: AccountHost, circuit: HostCircuit, now: i64) {
        let max = self.limits.per_host;
        let state = self.host(host);
        state.limiter.set_circuit(circuit, max);
        if circuit == HostCircuit::Closed {
            state.closed_at = now;
        }
        let lanes: Vec<Lane> = state.lanes.keys().copied().collect();
        if let HostCircuit::Open { until, .. } = circuit {
            for lane in lanes {
                if until > now {
                    self.set_aside(lane);
                }
                if let Some(due) = self.lanes.get(&lane).and_then(|state| state.next_due) {
                    self.schedule.remove(&(due, lane));
                }
            }
            let state = self.host(host);
            if until > now {
                state.ready.clear();
            }
            self.wake(host, until);
            self.unpark(host.account);
        } else {
            self.unwake(host);
            for lane in lanes {
                match self.lanes.get(&lane) {
                    Some(LaneState { next_due: Some(due), .. }) => _ = self.schedule.insert((*due, lane)),
                    Some(_) => {}
                    None => _ = self.host(host).lanes.remove(&lane),
                }
            }
        }
        self.list_host(host, now);
        self.forget_host(host);
    }

    pub(super) fn possible_since(&self, lane: Lane, due: i64) -> Option<i64> {
        let host = self.hosts.get(&lane.guarded_host()?);
        match host.map(|host| (host.limiter.circuit(), host.closed_at)) {
            Some((HostCircuit::Open { .. }, _)) => None,
            Some((HostCircuit::Closed, closed_at)) => Some(due.max(closed_at)),
            None => Some(due),
        }
    }

    pub(super) fn summary(&self, now: i64) -> SchedulerLoad {
        let throttled =
            |host: &&HostState| matches!(host.limiter.circuit(), HostCircuit::Open { half_open_after: true, .. });
        let due =
            self.lanes.iter().filter(|(lane, _)| self.circuit(**lane) == HostCircuit::Closed).filter_map(
                |(_, state)| state.ready.front().map(|item| item.due).into_iter().chain(state.next_due).min(),
            );
        SchedulerLoad {
            in_flight: self.deliveries,
            throttled_hosts: self.hosts.values().filter(throttled).count(),
            oldest_due: due.min().filter(|due| *due <= now),
        }
    }

    pub(super) fn others_due(&self, host: AccountHost, webhook: i64, now: i64) -> bool {
        let Some(state) = self.hosts.get(&host) else { return false };
        state.lanes.keys().any(|lane| match lane {
            Lane::Deliveries { webhook: other, .. } if *other != webhook => self
                .lanes
                .get(lane)
                .is_some_and(|lane| !lane.taken.is_empty() || lane.next_due.is_some_and(|due| due <= now)),
            Lane::Deliveries { .. } | Lane::Events { .. } => false,
        })
    }

    pub(super) fn lane(&mut self, lane: Lane) -> &mut LaneState {
        if let (Some(host), false) = (lane.guarded_host(), self.lanes.contains_key(&lane)) {
            self.host(host).lanes.entry(lane).or_default();
        }
        self.lanes.entry(lane).or_default()
    }

    pub(super) fn host(&mut self, host: AccountHost) -> &mut HostState {
        let max = self.limits.per_host;
        self.hosts.entry(host).or_insert_with(|| HostState::new(max))
    }

    pub(super) fn circuit(&self, lane: Lane) -> HostCircuit {
        let host = lane.guarded_host().and_then(|host| self.hosts.get(&host));
        host.map_or(HostCircuit::Closed, |host| host.limiter.circuit())
    }

    /// An account may fill three quarters of the room, and every account has a little of its own.
    pub(super) fn has_room(&self, account: i64) -> bool {
        let held = self.held(account);
        held < LOW || self.held < ROOM && held < most_of(ROOM)
    }

    pub(super) fn add(&mut self, item: QueueItem) {
        let lane = item.lane;
        self.held += 1;
        self.accounts.entry(lane.account()).or_default().held += 1;
        let state = self.lane(lane);
        state.taken.insert(item.number);
        if lane.guarded_host().is_none() && !matches!(lane, Lane::Events { .. }) || item.expired {
            self.accounts.entry(lane.account()).or_default().unguarded.push_back(item);
            self.set_delivery_turn(lane.account());
            return;
        }
        let state = self.lane(lane);
        state.ready.push_back(item);
        let is_first = !std::mem::replace(&mut state.listed, true);
        match lane.guarded_host() {
            Some(host) => {
                if is_first {
                    self.host(host).ready.push_back(lane);
                }
                // Nothing that is ready waits for a time: a circuit that is open has nothing ready.
                self.list_host(host, i64::MAX);
            }
            None => self.set_fan_out_turn(lane.account()),
        }
    }

    pub(super) fn forget(&mut self, lane: Lane) {
        let Some(state) = self.lanes.get(&lane) else { return };
        if !state.is_empty() || state.listed {
            return;
        }
        self.lanes.remove(&lane);
        if let Some(host) = lane.guarded_host() {
            if let Some(state) = self.hosts.get_mut(&host)
                && state.limiter.circuit() == HostCircuit::Closed
            {
                state.lanes.remove(&lane);
            }
            self.forget_host(host);
        }
        self.forget_account(lane.account());
    }

    pub(super) fn forget_host(&mut self, host: AccountHost) {
        let max = self.limits.per_host;
        let Some(state) = self.hosts.get(&host) else { return };
        if state.limiter.is_idle(max) && state.lanes.is_empty() && !state.listed && state.ready.is_empty() {
            self.unwake(host);
            self.hosts.remove(&host);
        }
    }

    pub(super) fn forget_account(&mut self, account: i64) {
        let Some(state) = self.accounts.get(&account) else { return };
        let AccountState { held, deliveries, fan_outs, unguarded, hosts, parked, .. } = state;
        let is_idle = *held == 0 && *deliveries == 0 && *fan_outs == 0 && parked.is_empty();
        if is_idle && unguarded.is_empty() && hosts.iter().all(VecDeque::is_empty) {
            self.accounts.remove(&account);
            self.delivery_turns.set(account, false, 0, 0);
            self.event_turns.set(account, false, 0, 0);
        }
    }
}

#[cfg(test)]
impl SchedulerState {
    /// Nothing is known of any lane, host or account.
    pub(super) fn assert_empty(&self) {
        assert!(self.lanes.is_empty() && self.hosts.is_empty() && self.accounts.is_empty(), "{:?}", self.lanes);
        assert!(self.schedule.is_empty() && self.wakes.is_empty() && self.held == 0 && self.is_quiet());
        assert!(self.delivery_turns.is_empty() && self.event_turns.is_empty());
    }
}
