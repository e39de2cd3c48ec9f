//! Log lines about faults of our own. A fault that hits every message of a webhook would fill the log and hide all others:
//! each subject has one line a minute, and each process a limited number.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

/// The time between two lines about a subject.
const INTERVAL: SignedDuration = SignedDuration::from_mins(1);
/// How many subjects have a line in one interval.
const MAX_SUBJECTS: usize = 100;

/// What a message is about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct FaultSubject {
    pub(super) account: String,
    pub(super) webhook: Option<u64>,
    pub(super) message: Option<String>,
    pub(super) event: Option<String>,
}

/// The lines of one process.
#[derive(Debug, Default)]
pub(super) struct FaultLog(Mutex<HashMap<(String, Option<u64>), LoggedFault>>);

#[derive(Debug)]
struct LoggedFault {
    at: Timestamp,
    /// Faults that were not logged since.
    unlogged: u64,
}

impl FaultLog {
    /// A fault happened at `now`. If it is to be logged: how many before it were not.
    pub(super) fn admit(&self, subject: &FaultSubject, now: Timestamp) -> Option<u64> {
        let mut logged = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (subject.account.clone(), subject.webhook);
        let is_over = |fault: &LoggedFault| now.duration_since(fault.at).abs() >= INTERVAL;
        if let Some(fault) = logged.get_mut(&key) {
            if is_over(fault) {
                fault.at = now;
                return Some(std::mem::take(&mut fault.unlogged));
            }
            fault.unlogged += 1;
            return None;
        }
        if logged.len() >= MAX_SUBJECTS {
            logged.retain(|_, fault| !is_over(fault));
        }
        (logged.len() < MAX_SUBJECTS).then(|| {
            logged.insert(key, LoggedFault { at: now, unlogged: 0 });
            0
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(account: &str, webhook: u64) -> FaultSubject {
        FaultSubject { account: account.to_owned(), webhook: Some(webhook), ..FaultSubject::default() }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    #[test]
    fn a_webhook_has_one_line_a_minute_and_the_next_counts_the_others() {
        let log = FaultLog::default();
        assert_eq!(log.admit(&subject("a", 1), at(0)), Some(0));
        for second in 0..59 {
            assert_eq!(log.admit(&subject("a", 1), at(second)), None);
        }
        assert_eq!(log.admit(&subject("a", 2), at(1)), Some(0), "another webhook has a line of its own");
        assert_eq!(log.admit(&subject("b", 1), at(1)), Some(0), "and another account");
        assert_eq!(log.admit(&subject("a", 1), at(60)), Some(59));
        assert_eq!(log.admit(&subject("a", 1), at(61)), None);
    }

    #[test]
    fn all_subjects_together_log_and_are_remembered_in_a_limited_number() {
        let log = FaultLog::default();
        let logged = (0..5_000).filter(|webhook| log.admit(&subject("a", *webhook), at(0)).is_some()).count();
        assert_eq!((logged, log.0.lock().unwrap().len()), (MAX_SUBJECTS, MAX_SUBJECTS));
        assert_eq!(log.admit(&subject("a", 9_999), at(60)), Some(0), "the next minute");
    }
}
