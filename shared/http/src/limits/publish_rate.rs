//! The publish rate of an account (section 2, *Limits*): off unless the deployment sets one.
//!
//! Each account has a token bucket that holds the events of one second and refills at the rate. A request is accepted
//! while the bucket is not empty, and takes one token per event. The bucket may go below zero, and later requests wait until
//! it has refilled. So no batch is too large, and the average rate holds.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use hookline_core::ids::AccountId;
use jiff::Timestamp;

/// The largest number of buckets. Beyond it, full buckets are dropped.
const MAX_ACCOUNTS: usize = 10_000;

/// The token buckets of all accounts that published recently.
#[derive(Debug)]
pub(crate) struct PublishRate {
    per_second: u32,
    buckets: Mutex<HashMap<AccountId, TokenBucket>>,
}

#[derive(Debug, Clone, Copy)]
struct TokenBucket {
    left: f64,
    at: Timestamp,
}

impl PublishRate {
    /// Allows `per_second` events per account and second; 0 means no limit.
    pub(crate) fn new(per_second: u32) -> Self {
        Self { per_second, buckets: Mutex::default() }
    }

    /// The limit, in events per second.
    pub(crate) fn per_second(&self) -> u32 {
        self.per_second
    }

    /// Takes tokens for a request with this many events. `Err` holds the seconds until the next request is accepted.
    pub(crate) fn take(&self, account: &AccountId, events: usize, now: Timestamp) -> Result<(), u64> {
        if self.per_second == 0 {
            return Ok(());
        }
        let rate = f64::from(self.per_second);
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let filled = |bucket: &TokenBucket| {
            // A clock that went backwards refills nothing.
            let seconds = now.duration_since(bucket.at).as_secs_f64().max(0.0);
            (bucket.left + seconds * rate).min(rate)
        };
        let left = buckets.get(account).map_or(rate, filled);
        if left < 1.0 {
            let seconds = ((1.0 - left) / rate).ceil();
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small positive number")]
            return Err(seconds as u64);
        }
        if buckets.len() >= MAX_ACCOUNTS && !buckets.contains_key(account) {
            buckets.retain(|_, bucket| filled(bucket) < rate);
        }
        let events = f64::from(u32::try_from(events).unwrap_or(u32::MAX));
        buckets.insert(account.clone(), TokenBucket { left: left - events, at: now });
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
        // The bucket holds at most one second's worth, however long the account was idle.
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
        for n in 0..MAX_ACCOUNTS * 2 {
            let now = Timestamp::from_millisecond(i64::try_from(n).unwrap()).unwrap();
            rate.take(&AccountId::parse(&format!("a{n}")).unwrap(), 1, now).unwrap();
        }
        assert!(rate.buckets.lock().unwrap().len() <= MAX_ACCOUNTS);
    }
}
