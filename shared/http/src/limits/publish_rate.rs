//! How fast an account may publish (section 2, *Limits*): off unless the deployment sets a rate.
//!
//! An account has a bucket that holds the events of one second and is filled at the rate. A request is let in while there
//! is one left, and takes as many as it brings; what it takes too many is owed, and the next one waits for it. So a batch
//! is never too large, and the average is kept.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use hookline_core::account::AccountId;
use jiff::Timestamp;

/// How many accounts are remembered at most before those with a full bucket are forgotten.
const MOST_ACCOUNTS: usize = 10_000;

/// The buckets of all accounts that published lately.
#[derive(Debug)]
pub(crate) struct PublishRate {
    per_second: u32,
    buckets: Mutex<HashMap<AccountId, Bucket>>,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    left: f64,
    at: Timestamp,
}

impl PublishRate {
    /// So many events per account and second; 0 is as many as there are.
    pub(crate) fn new(per_second: u32) -> Self {
        Self { per_second, buckets: Mutex::default() }
    }

    /// The rate.
    pub(crate) fn per_second(&self) -> u32 {
        self.per_second
    }

    /// Lets a request with so many events in; or says in how many seconds the next one is.
    pub(crate) fn take(&self, account: &AccountId, events: usize, now: Timestamp) -> Result<(), u64> {
        if self.per_second == 0 {
            return Ok(());
        }
        let rate = f64::from(self.per_second);
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let filled = |bucket: &Bucket| {
            // A clock that was put back fills nothing.
            let seconds = now.duration_since(bucket.at).as_secs_f64().max(0.0);
            (bucket.left + seconds * rate).min(rate)
        };
        let left = buckets.get(account).map_or(rate, filled);
        if left < 1.0 {
            let seconds = ((1.0 - left) / rate).ceil();
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small positive number")]
            return Err(seconds as u64);
        }
        if buckets.len() >= MOST_ACCOUNTS && !buckets.contains_key(account) {
            buckets.retain(|_, bucket| filled(bucket) < rate);
        }
        let events = f64::from(u32::try_from(events).unwrap_or(u32::MAX));
        buckets.insert(account.clone(), Bucket { left: left - events, at: now });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_let_in_and_owed() {
        let rate = PublishRate::new(10);
        let account = |text: &str| AccountId::parse(text).unwrap();
        let at = |millis: i64| Timestamp::from_millisecond(millis).unwrap();
        for _ in 0..10 {
            assert_eq!(rate.take(&account("a"), 1, at(0)), Ok(()));
        }
        assert_eq!(rate.take(&account("a"), 1, at(0)), Err(1));
        assert_eq!(rate.take(&account("b"), 1, at(0)), Ok(()));
        assert_eq!(rate.take(&account("a"), 100, at(100)), Ok(()));
        assert_eq!(rate.take(&account("a"), 1, at(100)), Err(10));
        assert_eq!(rate.take(&account("a"), 1, at(9_999)), Err(1));
        assert_eq!(rate.take(&account("a"), 1, at(10_100)), Ok(()));
        // The bucket holds no more than a second's worth, however long nobody came.
        assert_eq!(rate.take(&account("a"), 11, at(1_000_000)), Ok(()));
        assert_eq!(rate.take(&account("a"), 1, at(1_000_000)), Err(1));
        assert_eq!(rate.take(&account("a"), 1, at(0)), Err(1));
    }

    #[test]
    fn without_a_rate_everything_is_let_in() {
        let rate = PublishRate::new(0);
        for _ in 0..1000 {
            assert_eq!(rate.take(&AccountId::parse("a").unwrap(), 100, Timestamp::UNIX_EPOCH), Ok(()));
        }
    }

    #[test]
    fn memory_is_bounded() {
        let rate = PublishRate::new(1);
        for n in 0..MOST_ACCOUNTS * 2 {
            let now = Timestamp::from_millisecond(i64::try_from(n).unwrap()).unwrap();
            rate.take(&AccountId::parse(&format!("a{n}")).unwrap(), 1, now).unwrap();
        }
        assert!(rate.buckets.lock().unwrap().len() <= MOST_ACCOUNTS);
    }
}
