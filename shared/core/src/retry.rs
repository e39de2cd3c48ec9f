//! What comes after an attempt (section 8, *Retries*). Pure: time and chance are passed in.

use std::time::Duration;

use jiff::Timestamp;

use crate::delivery::Failure;
use crate::message::Kind;

/// Attempts of one run.
pub const MAX_ATTEMPTS: u8 = 10;

/// The wait after each failed attempt but the last.
pub const WAITS: [Duration; 9] = [
    Duration::from_secs(15),
    Duration::from_secs(30),
    Duration::from_mins(1),
    Duration::from_mins(2),
    Duration::from_mins(4),
    Duration::from_mins(8),
    Duration::from_mins(15),
    Duration::from_mins(30),
    Duration::from_hours(1),
];

/// What an attempt led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The endpoint took the message. The end.
    Succeeded,
    /// It failed; the next attempt is due then.
    Retry {
        /// When.
        at: Timestamp,
    },
    /// It failed, and that was the last attempt.
    Dropped,
    /// A test failed: nothing follows.
    TestFailed,
}

/// What the rules need to know of an attempt.
#[derive(Debug, Clone, Copy)]
pub struct History {
    /// Why the message was sent.
    pub kind: Kind,
    /// 1 to 10.
    pub attempt: u8,
    /// When the run is over, come what may.
    pub run_ends: Timestamp,
}

/// Decides what comes after an attempt. `scale` scales the waits; `chance` in `0.0..1.0` spreads them by 0–10 %.
#[must_use]
pub fn judge(outcome: Result<(), &Failure>, history: History, now: Timestamp, scale: f64, chance: f64) -> Verdict {
    if outcome.is_ok() {
        return Verdict::Succeeded;
    }
    match history.kind {
        Kind::Test => return Verdict::TestFailed,
        Kind::Event | Kind::Verify => {}
    }
    match WAITS.get(usize::from(history.attempt.max(1)) - 1) {
        Some(wait) if history.attempt < MAX_ATTEMPTS && now < history.run_ends => {
            Verdict::Retry { at: now + wait.mul_f64(scale * (1.0 + chance / 10.0)) }
        }
        Some(_) | None => Verdict::Dropped,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::ErrorClass;

    fn judged(kind: Kind, attempt: u8, now: i64, chance: f64) -> Verdict {
        let failure = Failure::new(ErrorClass::Timeout, "Timeout");
        let history = History { kind, attempt, run_ends: Timestamp::from_second(1_000_000).unwrap() };
        judge(Err(&failure), history, Timestamp::from_second(now).unwrap(), 1.0, chance)
    }

    #[test]
    fn the_waits_are_those_of_the_contract() {
        let waits = [15, 30, 60, 120, 240, 480, 900, 1800, 3600];
        for (attempt, wait) in (1..).zip(waits) {
            for (chance, factor) in [(0.0, 1.0), (0.5, 1.05), (0.999_999, 1.1)] {
                let Verdict::Retry { at } = judged(Kind::Event, attempt, 0, chance) else {
                    panic!("attempt {attempt}")
                };
                let seconds = at.duration_since(Timestamp::UNIX_EPOCH).as_secs_f64();
                assert!((seconds - f64::from(wait) * factor).abs() < 0.01, "attempt {attempt}: {seconds}");
            }
        }
        assert_eq!(judged(Kind::Event, 10, 0, 0.0), Verdict::Dropped);
        assert_eq!(judged(Kind::Event, 11, 0, 0.0), Verdict::Dropped);
    }

    #[test]
    fn a_run_ends_in_time_and_a_test_at_once() {
        assert_eq!(judged(Kind::Event, 3, 1_000_000, 0.0), Verdict::Dropped);
        assert_eq!(judged(Kind::Test, 1, 0, 0.0), Verdict::TestFailed);
        assert!(matches!(judged(Kind::Verify, 1, 0, 0.0), Verdict::Retry { .. }));
        let history = History { kind: Kind::Event, attempt: 1, run_ends: Timestamp::UNIX_EPOCH };
        assert_eq!(judge(Ok(()), history, Timestamp::UNIX_EPOCH, 1.0, 0.0), Verdict::Succeeded);
    }
}
