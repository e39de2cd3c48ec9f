//! What a process remembers of the health of endpoint hosts, so that a delivery need not ask the store.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use super::host_health::HostHealth;
use crate::ids::AccountId;
use crate::values::EndpointHost;

/// How long a process relies on what it read.
const VALID_FOR: Duration = Duration::from_secs(5);
/// How many hosts a process remembers.
const MAX_REMEMBERED: usize = 4096;

/// What a process knows of the hosts of each account: as old as five seconds, or as new as its own last change.
#[derive(Debug, Default)]
pub struct HostHealthCache {
    known: Mutex<HashMap<(AccountId, EndpointHost), (Timestamp, HostHealth)>>,
}

impl HostHealthCache {
    /// What is known of a host, unless that is too old.
    #[must_use]
    pub fn get(&self, account: &AccountId, host: &EndpointHost, now: Timestamp) -> Option<HostHealth> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, health) = known.get(&(account.clone(), host.clone()))?;
        (*since <= now && now < *since + VALID_FOR).then(|| health.clone())
    }

    /// Remembers what was read or written a moment ago.
    pub fn put(&self, account: AccountId, host: EndpointHost, health: HostHealth, now: Timestamp) {
        let key = (account, host);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX_REMEMBERED && !known.contains_key(&key) {
            known.retain(|_, (since, _)| now < *since + VALID_FOR);
            if known.len() >= MAX_REMEMBERED {
                known.clear();
            }
        }
        known.insert(key, (now, health));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn account() -> AccountId {
        AccountId::parse("wdc").unwrap()
    }

    fn host_with_a_run() -> HostHealth {
        HostHealth { run: 3, ..HostHealth::default() }
    }

    #[test]
    fn what_is_known_is_believed_for_five_seconds() {
        let cache = HostHealthCache::default();
        let host = EndpointHost::parse("https://example.com:443").unwrap();
        assert_eq!(cache.get(&account(), &host, at(0)), None);
        cache.put(account(), host.clone(), host_with_a_run(), at(10));
        assert_eq!(cache.get(&account(), &host, at(14)), Some(host_with_a_run()));
        assert_eq!(cache.get(&account(), &host, at(15)), None);
        assert_eq!(cache.get(&account(), &host, at(9)), None, "the clock was put back");
        for port in 1..=MAX_REMEMBERED {
            cache.put(
                account(),
                EndpointHost::parse(&format!("http://a:{port}")).unwrap(),
                HostHealth::default(),
                at(12),
            );
        }
        assert!(cache.known.lock().unwrap().len() <= MAX_REMEMBERED);
    }
}
