//! Which message comes next: turns of accounts, of the hosts in an account, and of the webhooks at a host.

use std::collections::VecDeque;

use super::limits::most_of;
use super::state::SchedulerState;
use crate::queue::item::QueueItem;
use crate::queue::lane::{AccountHost, Lane};

/// How many events are fanned out at once.
const MAX_FAN_OUTS: usize = 32;
/// Of so many turns of an account's hosts, one goes to a host that does not keep up, if others are waiting.
const SLOW_TURN: u32 = 4;

impl SchedulerState {
    pub(super) fn next_fan_out(&mut self) -> Option<QueueItem> {
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

    pub(super) fn next_delivery(&mut self, now: i64) -> Option<QueueItem> {
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

    /// Puts a host into the turns of its account if something of it may start.
    pub(super) fn list_host(&mut self, host: AccountHost, now: i64) {
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

    pub(super) fn set_delivery_turn(&mut self, account: i64) {
        let max_slow = self.max_slow();
        let Some(state) = self.accounts.get(&account) else {
            return self.delivery_turns.set(account, false, 0, 0);
        };
        let has_work = !state.unguarded.is_empty()
            || !state.hosts[0].is_empty()
            || !state.hosts[1].is_empty() && state.slow_deliveries < max_slow;
        self.delivery_turns.set(account, has_work, state.deliveries, state.last_delivery_turn);
    }

    pub(super) fn set_fan_out_turn(&mut self, account: i64) {
        let has_work = self.lanes.get(&Lane::Events { account }).is_some_and(|lane| !lane.ready.is_empty());
        let (fan_outs, last) =
            self.accounts.get(&account).map_or((0, 0), |state| (state.fan_outs, state.last_fan_out_turn));
        self.event_turns.set(account, has_work, fan_outs, last);
    }

    /// A message of the lane is no longer in flight.
    pub(super) fn release(&mut self, lane: Lane) {
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
}
