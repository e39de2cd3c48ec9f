//! What a process remembers of the events that it accepted, so that people can try filters on real ones (section 14).

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use crate::ids::{AccountId, EventId};

/// How many events of an account are remembered.
pub const MAX_SAMPLED: usize = 100;
/// An account's events are noted at most this often.
const INTERVAL: Duration = Duration::from_secs(1);
/// How many accounts are remembered.
const MAX_ACCOUNTS: usize = 1000;

/// The ids of the newest events of each account, at most one a second.
#[derive(Debug, Default)]
pub struct EventSample {
    accounts: Mutex<HashMap<AccountId, AccountSample>>,
}

#[derive(Debug)]
struct AccountSample {
    noted_at: Timestamp,
    /// The newest last.
    ids: VecDeque<EventId>,
}

impl EventSample {
    /// Notes an accepted event, unless another one of its account was noted within the last second.
    pub fn note(&self, account: &AccountId, id: &EventId, now: Timestamp) {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sample) = accounts.get_mut(account) {
            if sample.noted_at <= now && now < sample.noted_at + INTERVAL {
                return;
            }
            sample.noted_at = now;
            if !sample.ids.contains(id) {
                sample.ids.push_back(id.clone());
            }
            if sample.ids.len() > MAX_SAMPLED {
                sample.ids.pop_front();
            }
            return;
        }
        if accounts.len() >= MAX_ACCOUNTS {
            let oldest = accounts.iter().min_by_key(|(_, sample)| sample.noted_at).map(|(account, _)| account.clone());
            oldest.map(|oldest| accounts.remove(&oldest));
        }
        accounts.insert(account.clone(), AccountSample { noted_at: now, ids: VecDeque::from([id.clone()]) });
    }

    /// The noted events of an account, the newest first.
    #[must_use]
    pub fn ids(&self, account: &AccountId) -> Vec<EventId> {
        let accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        accounts.get(account).map(|sample| sample.ids.iter().rev().cloned().collect()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(text: &str) -> AccountId {
        AccountId::parse(text).unwrap()
    }

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_millisecond(milliseconds).unwrap()
    }

    fn ids(sample: &EventSample, of: &str) -> Vec<String> {
        sample.ids(&account(of)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn one_event_a_second_is_noted_per_account() {
        let sample = EventSample::default();
        let note = |of: &str, id: &str, at: Timestamp| sample.note(&account(of), &EventId::parse(id).unwrap(), at);
        for (of, id, milliseconds) in
            [("a", "1", 0), ("a", "2", 999), ("b", "3", 999), ("a", "4", 1000), ("a", "1", 2500), ("a", "5", 2600)]
        {
            note(of, id, at(milliseconds));
        }
        assert_eq!(
            (ids(&sample, "a"), ids(&sample, "b")),
            (vec!["4".to_owned(), "1".to_owned()], vec!["3".to_owned()])
        );
        note("a", "6", at(0));
        assert_eq!(ids(&sample, "a")[0], "6", "a clock that was set back stops nothing");
        assert!(ids(&sample, "c").is_empty());
    }

    #[test]
    fn the_oldest_go_first() {
        let sample = EventSample::default();
        for number in 0..=MAX_SAMPLED {
            let second = i64::try_from(number).unwrap();
            sample.note(&account("a"), &EventId::parse(&number.to_string()).unwrap(), at(second * 1000));
        }
        let kept = ids(&sample, "a");
        assert_eq!((kept.len(), kept[0].as_str(), kept[99].as_str()), (MAX_SAMPLED, "100", "1"));
        for number in 0..MAX_ACCOUNTS {
            sample.note(&account(&format!("other-{number}")), &EventId::parse("x").unwrap(), at(200_000));
        }
        assert!(ids(&sample, "a").is_empty(), "the account without an event for the longest time is forgotten");
        assert_eq!(ids(&sample, "other-0"), ["x"]);
    }
}
