//! What the scheduler knows, behind its lock.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use super::limits::ConcurrencyLimits;
use super::load::SchedulerLoad;
use super::start_action::StartAction;
use super::turns::Turns;
use crate::queue::host_limiter::{HostCircuit, HostLimiter};
use crate::queue::item::{LoadedRows, QueueItem};
use crate::queue::lane::{AccountHost, Lane};
use crate::queue::lane_state::LaneState;

/// How many messages a lane holds in memory.
const LANE_ROOM: usize = 1024;
/// How many messages all lanes together hold in memory.
const ROOM: usize = 8_192;
/// A lane with fewer ready messages than this loads more, as long as its account holds little.
pub(super) const LOW: usize = 64;
/// How many rows of a lane are loaded at once.
pub(super) const BATCH: usize = 256;
/// How many rows are loaded at once for an account that holds much: it has many lanes.
const SMALL_BATCH: usize = 16;
/// How many rows of a lane are loaded for one probe: the first ones may be cancelled ones.
pub(super) const PROBES: usize = 4;
/// How many events are fanned out at once.
const MAX_FAN_OUTS: usize = 32;
/// How long a load that failed is put off, in milliseconds.
const RETRY_LOAD_AFTER: i64 = 1000;
/// Of so many turns of an account's hosts, one goes to a host that does not keep up, if others are waiting.
const SLOW_TURN: u32 = 4;

/// See the module.
pub(super) struct SchedulerState {
    limits: ConcurrencyLimits,
    lanes: HashMap<Lane, LaneState>,
    accounts: HashMap<i64, AccountState>,
    hosts: HashMap<AccountHost, HostState>,
    delivery_turns: Turns,
    event_turns: Turns,
    /// Due times of lanes whose rows may be loaded then.
    schedule: BTreeSet<(i64, Lane)>,
    /// When hosts with an open circuit are looked at again.
    wakes: BTreeSet<(i64, AccountHost)>,
    held: usize,
    deliveries: usize,
    fan_outs: usize,
    stopped: bool,
}

/// What an account has in memory and in flight.
#[derive(Debug, Default)]
struct AccountState {
    /// Messages in memory or in flight.
    held: usize,
    deliveries: usize,
    /// Of them, those to hosts that did not keep up when they started.
    slow_deliveries: usize,
    fan_outs: usize,
    last_delivery_turn: u64,
    last_fan_out_turn: u64,
    /// Ready, and sent whatever their host's circuit: tests, and messages whose run has ended.
    unguarded: VecDeque<QueueItem>,
    /// Hosts with something that may start: those that keep up, and the others.
    hosts: [VecDeque<AccountHost>; 2],
    turn: u32,
    /// Lanes with due rows in the table that found no room.
    parked: VecDeque<Lane>,
}

/// What is known of an account's endpoint host.
#[derive(Debug)]
struct HostState {
    limiter: HostLimiter,
    /// Webhooks with ready messages, in the order of their turns.
    ready: VecDeque<Lane>,
    /// Lanes with something in memory, in flight or in the table, and the number of their last turn. While the circuit is
    /// not closed, lanes that are empty stay, so that a webhook that was tried does not come first again.
    lanes: BTreeMap<Lane, u64>,
    turn: u64,
    /// The host stands in its account's turns.
    listed: bool,
    /// When its circuit last closed, in epoch milliseconds.
    closed_at: i64,
    /// Its entry in the wakes.
    wake: Option<i64>,
    slow_deliveries: usize,
}

impl HostState {
    fn new(max: usize) -> Self {
        Self {
            limiter: HostLimiter::new(max),
            ready: VecDeque::new(),
            lanes: BTreeMap::new(),
            turn: 0,
            listed: false,
            closed_at: 0,
            wake: None,
            slow_deliveries: 0,
        }
    }
}

/// Three quarters, but at least one.
fn most_of(slots: usize) -> usize {
    (slots - slots / 4).max(1)
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

    fn lane(&mut self, lane: Lane) -> &mut LaneState {
        if let (Some(host), false) = (lane.guarded_host(), self.lanes.contains_key(&lane)) {
            self.host(host).lanes.entry(lane).or_default();
        }
        self.lanes.entry(lane).or_default()
    }

    fn host(&mut self, host: AccountHost) -> &mut HostState {
        let max = self.limits.per_host;
        self.hosts.entry(host).or_insert_with(|| HostState::new(max))
    }

    fn circuit(&self, lane: Lane) -> HostCircuit {
        let host = lane.guarded_host().and_then(|host| self.hosts.get(&host));
        host.map_or(HostCircuit::Closed, |host| host.limiter.circuit())
    }

    /// An account may fill three quarters of the room, and every account has a little of its own.
    fn has_room(&self, account: i64) -> bool {
        let held = self.accounts.get(&account).map_or(0, |account| account.held);
        held < LOW || self.held < ROOM && held < most_of(ROOM)
    }

    fn add(&mut self, item: QueueItem) {
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

    /// Puts a host into the turns of its account if something of it may start.
    fn list_host(&mut self, host: AccountHost, now: i64) {
        let max = self.limits.per_host;
        let Some(state) = self.hosts.get_mut(&host) else { return };
        if !state.listed && !state.ready.is_empty() && state.limiter.admits(now) {
            state.listed = true;
            let ring = usize::from(state.limiter.is_slow(max));
            self.accounts.entry(host.account).or_default().hosts[ring].push_back(host);
        }
        self.set_delivery_turn(host.account);
    }

    fn max_slow(&self) -> usize {
        most_of(most_of(self.limits.total))
    }

    fn set_delivery_turn(&mut self, account: i64) {
        let max_slow = self.max_slow();
        let Some(state) = self.accounts.get(&account) else {
            return self.delivery_turns.set(account, false, 0, 0);
        };
        let has_work = !state.unguarded.is_empty()
            || !state.hosts[0].is_empty()
            || !state.hosts[1].is_empty() && state.slow_deliveries < max_slow;
        self.delivery_turns.set(account, has_work, state.deliveries, state.last_delivery_turn);
    }

    fn set_fan_out_turn(&mut self, account: i64) {
        let has_work = self.lanes.get(&Lane::Events { account }).is_some_and(|lane| !lane.ready.is_empty());
        let (fan_outs, last) =
            self.accounts.get(&account).map_or((0, 0), |state| (state.fan_outs, state.last_fan_out_turn));
        self.event_turns.set(account, has_work, fan_outs, last);
    }

    fn next_fan_out(&mut self) -> Option<QueueItem> {
        let (account, fan_outs) = self.event_turns.first()?;
        if self.fan_outs >= MAX_FAN_OUTS || fan_outs >= most_of(MAX_FAN_OUTS) {
            return None;
        }
        let lane = self.lanes.get_mut(&Lane::Events { account })?;
        let item = lane.ready.pop_front();
        lane.listed = !lane.ready.is_empty();
        let turn = self.event_turns.take();
        if let (Some(_), Some(state)) = (&item, self.accounts.get_mut(&account)) {
            self.fan_outs += 1;
            state.fan_outs += 1;
            state.last_fan_out_turn = turn;
        }
        self.set_fan_out_turn(account);
        item
    }

    fn next_delivery(&mut self, now: i64) -> Option<QueueItem> {
        loop {
            let (account, deliveries) = self.delivery_turns.first()?;
            // All others hold as many, or more.
            if self.deliveries >= self.limits.total || deliveries >= most_of(self.limits.total) {
                return None;
            }
            let item = self.next_of(account, now);
            let turn = self.delivery_turns.take();
            if let (Some(_), Some(state)) = (&item, self.accounts.get_mut(&account)) {
                self.deliveries += 1;
                state.deliveries += 1;
                state.last_delivery_turn = turn;
            }
            self.set_delivery_turn(account);
            if item.is_some() {
                return item;
            }
        }
    }

    /// The next message of an account. An account that has none left loses its turn.
    fn next_of(&mut self, account: i64, now: i64) -> Option<QueueItem> {
        let (max, max_slow) = (self.limits.per_host, self.max_slow());
        loop {
            let state = self.accounts.get_mut(&account)?;
            if let Some(item) = state.unguarded.pop_front() {
                if let Lane::Deliveries { host, .. } = item.lane {
                    self.host(host).limiter.started();
                }
                return Some(item);
            }
            state.turn = state.turn.wrapping_add(1);
            let slow_first = state.turn.is_multiple_of(SLOW_TURN);
            let slow_allowed = state.slow_deliveries < max_slow;
            let [keeping_up, slow] = &mut state.hosts;
            let next_slow = |slow: &mut VecDeque<AccountHost>| slow_allowed.then(|| slow.pop_front()).flatten();
            let host = if slow_first {
                next_slow(slow).or_else(|| keeping_up.pop_front())
            } else {
                keeping_up.pop_front().or_else(|| next_slow(slow))
            }?;
            let is_slow = self.hosts.get(&host).is_some_and(|host| host.limiter.is_slow(max));
            if is_slow && !slow_allowed {
                // It became slow while it waited for its turn.
                slow.push_back(host);
                continue;
            }
            if let Some(item) = self.next_of_host(host, now) {
                return Some(item);
            }
        }
    }

    /// The next message of a host, which was just taken out of the turns of its account.
    fn next_of_host(&mut self, host: AccountHost, now: i64) -> Option<QueueItem> {
        let max = self.limits.per_host;
        let state = self.hosts.get_mut(&host)?;
        state.listed = false;
        if !state.limiter.admits(now) {
            return None;
        }
        let lane = state.ready.pop_front()?;
        state.turn += 1;
        state.lanes.insert(lane, state.turn);
        let waiting = self.lanes.get_mut(&lane)?;
        let item = waiting.ready.pop_front();
        waiting.listed = !waiting.ready.is_empty();
        if waiting.listed {
            state.ready.push_back(lane);
        }
        if item.is_some() {
            let is_slow = state.limiter.is_slow(max);
            state.limiter.started();
            state.slow_deliveries += usize::from(is_slow);
            if let Some(account) = self.accounts.get_mut(&host.account) {
                account.slow_deliveries += usize::from(is_slow);
            }
        }
        self.list_host(host, now);
        item
    }

    /// A message of the lane is no longer in flight.
    fn release(&mut self, lane: Lane) {
        let max = self.limits.per_host;
        let Some(account) = self.accounts.get_mut(&lane.account()) else { return };
        account.held = account.held.saturating_sub(1);
        match lane {
            Lane::Events { account: number } => {
                self.fan_outs = self.fan_outs.saturating_sub(1);
                account.fan_outs = account.fan_outs.saturating_sub(1);
                self.set_fan_out_turn(number);
            }
            Lane::Deliveries { host, .. } => {
                self.deliveries = self.deliveries.saturating_sub(1);
                account.deliveries = account.deliveries.saturating_sub(1);
                if let Some(state) = self.hosts.get_mut(&host) {
                    state.limiter.finished(max);
                    if state.slow_deliveries > 0 {
                        state.slow_deliveries -= 1;
                        account.slow_deliveries = account.slow_deliveries.saturating_sub(1);
                    }
                }
                // An open circuit has nothing ready.
                self.list_host(host, i64::MAX);
                self.forget_host(host);
            }
        }
        self.forget_account(lane.account());
    }

    /// Forgets what is ready in a lane: it is found in the table again. Messages whose run has ended stay.
    fn set_aside(&mut self, lane: Lane) {
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

    fn wake(&mut self, host: AccountHost, at: i64) {
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

    fn unwake(&mut self, host: AccountHost) {
        if let Some(known) = self.hosts.get_mut(&host).and_then(|state| state.wake.take()) {
            self.wakes.remove(&(known, host));
        }
    }

    /// Looks after hosts whose wait is over.
    fn wake_hosts(&mut self, now: i64, actions: &mut Vec<StartAction>) {
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
    fn load_if_low(&mut self, lane: Lane, now: i64) -> Option<StartAction> {
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

    /// Schedules a lane that found no room, now that there may be some. An account without room holds messages; each of
    /// them that is finished makes room for one lane.
    fn unpark(&mut self, account: i64) {
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

    fn forget(&mut self, lane: Lane) {
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

    fn forget_host(&mut self, host: AccountHost) {
        let max = self.limits.per_host;
        let Some(state) = self.hosts.get(&host) else { return };
        if state.limiter.is_idle(max) && state.lanes.is_empty() && !state.listed && state.ready.is_empty() {
            self.unwake(host);
            self.hosts.remove(&host);
        }
    }

    fn forget_account(&mut self, account: i64) {
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
