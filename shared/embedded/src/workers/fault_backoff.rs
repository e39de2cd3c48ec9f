//! How long work waits that failed by our own fault: 1 s, 2 s, 4 s … up to a minute, from the start again after a success.
//!
//! Every lane has a wait of its own: a webhook whose secrets cannot be opened does not slow down others, and their
//! successes do not shorten its wait. Messages of a lane that fail together fail for one reason, so only a fault after the
//! wait of the last one makes it longer. Each lane logs one line a minute, and all lanes together a limited number.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::queue::lane::Lane;

/// The longest wait.
const MAX_WAIT: Duration = Duration::from_mins(1);
/// The time between two log lines about a lane, in milliseconds.
const LOG_INTERVAL: i64 = 60_000;
/// How many lines all lanes together log in one interval.
const MAX_LINES: u32 = 100;
/// How many lanes are remembered. Beyond that the one whose wait ended first is forgotten.
const MAX_LANES: usize = 10_000;

/// The waits of one process.
#[derive(Debug, Default)]
pub(super) struct FaultBackoff(Mutex<BackoffState>);

#[derive(Debug, Default)]
struct BackoffState {
    lanes: HashMap<Lane, LaneBackoff>,
    /// When the interval began in which `lines` were logged.
    interval_began: i64,
    lines: u32,
}

#[derive(Debug)]
struct LaneBackoff {
    /// How often the wait doubles.
    doubled: u32,
    /// From when on a fault makes it longer, in epoch milliseconds.
    longer_from: i64,
    logged_at: Option<i64>,
    /// Faults that were not logged since.
    unlogged: u64,
}

/// What follows from a fault.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FaultWait {
    /// How long the work waits.
    pub(super) wait_ms: i64,
    /// The fault is to be logged, and so many before it were not.
    pub(super) log: Option<u64>,
}

impl FaultBackoff {
    /// Work of the lane succeeded.
    pub(super) fn succeeded(&self, lane: Lane) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !state.lanes.is_empty() {
            state.lanes.remove(&lane);
        }
    }

    /// Work of the lane failed at `now`, in epoch milliseconds.
    pub(super) fn failed(&self, lane: Lane, now: i64) -> FaultWait {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let state = &mut *state;
        if now >= state.interval_began + LOG_INTERVAL || now < state.interval_began {
            (state.interval_began, state.lines) = (now, 0);
        }
        if state.lanes.len() >= MAX_LANES && !state.lanes.contains_key(&lane) {
            let first = state.lanes.iter().min_by_key(|(_, known)| known.longer_from).map(|(lane, _)| *lane);
            first.and_then(|lane| state.lanes.remove(&lane));
        }
        let new = LaneBackoff { doubled: 0, longer_from: i64::MAX, logged_at: None, unlogged: 0 };
        let known = state.lanes.entry(lane).or_insert(new);
        let is_longer = known.longer_from <= now;
        known.doubled += u32::from(is_longer);
        let wait = Duration::from_secs(1).saturating_mul(1 << known.doubled.min(6)).min(MAX_WAIT);
        let wait_ms = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
        if is_longer || known.longer_from == i64::MAX {
            known.longer_from = now.saturating_add(wait_ms);
        }
        let is_quiet = known.logged_at.is_none_or(|at| now >= at + LOG_INTERVAL);
        let log = (is_quiet && state.lines < MAX_LINES).then(|| {
            state.lines += 1;
            known.logged_at = Some(now);
            std::mem::take(&mut known.unlogged)
        });
        known.unlogged += u64::from(log.is_none());
        FaultWait { wait_ms, log }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lane(account: i64) -> Lane {
        Lane::Events { account }
    }

    #[test]
    fn the_wait_grows_with_time_and_not_with_the_work() {
        let backoff = FaultBackoff::default();
        let mut now = 0;
        for expected in [1, 2, 4, 8, 16, 32, 60, 60, 60] {
            for late in 0..500 {
                assert_eq!(backoff.failed(lane(1), now + late).wait_ms, expected * 1000, "at {now}");
            }
            now += expected * 1000;
        }
        backoff.succeeded(lane(1));
        assert_eq!(backoff.failed(lane(1), now).wait_ms, 1000);
    }

    #[test]
    fn the_success_of_one_lane_does_not_shorten_the_wait_of_another() {
        let backoff = FaultBackoff::default();
        backoff.failed(lane(1), 0);
        backoff.succeeded(lane(2));
        assert_eq!(backoff.failed(lane(1), 1000).wait_ms, 2000);
        assert_eq!(backoff.failed(lane(2), 1000).wait_ms, 1000);
    }

    #[test]
    fn a_lane_logs_one_line_a_minute_and_counts_the_others() {
        let backoff = FaultBackoff::default();
        assert_eq!(backoff.failed(lane(1), 0).log, Some(0));
        for now in 1..5000 {
            assert_eq!(backoff.failed(lane(1), now).log, None);
        }
        assert_eq!(backoff.failed(lane(2), 5000).log, Some(0), "another lane has lines of its own");
        assert_eq!(backoff.failed(lane(1), LOG_INTERVAL).log, Some(4999));
    }

    #[test]
    fn all_lanes_together_log_and_remember_a_limited_number() {
        let backoff = FaultBackoff::default();
        let logged = (0..20_000).filter(|account| backoff.failed(lane(*account), 0).log.is_some()).count();
        assert_eq!(logged, 100);
        assert_eq!(backoff.0.lock().unwrap().lanes.len(), MAX_LANES);
    }
}
