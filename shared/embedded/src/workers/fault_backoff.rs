//! The wait after a failure of our own infrastructure: 1 s, 2 s, 4 s and so on up to a minute; a success resets it.
//!
//! Units of work that fail at the same time have the same cause, so only a failure after the last wait has ended makes
//! the next wait longer.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The longest wait.
const MAX_WAIT: Duration = Duration::from_mins(1);

/// The backoff of one process.
#[derive(Debug, Default)]
pub(super) struct FaultBackoff(Mutex<BackoffState>);

#[derive(Debug, Default)]
struct BackoffState {
    /// How often the wait has doubled.
    doubled: u32,
    /// From when on a failure doubles the wait, in epoch milliseconds; `None` after a success.
    longer_from: Option<i64>,
}

impl FaultBackoff {
    /// A unit of work succeeded.
    pub(super) fn succeeded(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = BackoffState::default();
    }

    /// A unit of work failed at `now` (epoch milliseconds). Returns its wait in milliseconds.
    pub(super) fn failed(&self, now: i64) -> i64 {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_longer = state.longer_from.is_some_and(|from| from <= now);
        state.doubled += u32::from(is_longer);
        let wait = Duration::from_secs(1).saturating_mul(1 << state.doubled.min(6)).min(MAX_WAIT);
        let wait = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
        if is_longer || state.longer_from.is_none() {
            state.longer_from = Some(now.saturating_add(wait));
        }
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_grows_with_time_and_not_with_the_number_of_failures() {
        let wait = FaultBackoff::default();
        let mut now = 0;
        for expected in [1, 2, 4, 8, 16, 32, 60, 60, 60] {
            for late in 0..500 {
                assert_eq!(wait.failed(now + late), expected * 1000, "at {now}");
            }
            now += expected * 1000;
        }
        wait.succeeded();
        assert_eq!(wait.failed(now), 1000);
    }
}
