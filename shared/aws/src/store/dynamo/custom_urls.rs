//! A cache of the custom URLs of accounts. Every event needs one, and they rarely change.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hookline_core::ids::AccountId;
use jiff::Timestamp;

/// How long an entry is valid.
const BELIEVED: Duration = Duration::from_secs(5);
/// The number of accounts in the cache.
const REMEMBERED: usize = 1000;

/// The custom URL of an account, if it has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store) struct CustomUrl(pub(in crate::store) Option<String>);

/// Custom URLs by account.
#[derive(Debug, Default)]
pub(in crate::store) struct CustomUrls {
    known: Mutex<HashMap<AccountId, (Timestamp, CustomUrl)>>,
}

impl CustomUrls {
    /// The entry of an account, unless it is too old.
    pub(in crate::store) fn get(&self, account: &AccountId, now: Timestamp) -> Option<CustomUrl> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, url) = known.get(account)?;
        (*since <= now && now < *since + BELIEVED).then(|| url.clone())
    }

    /// Stores what was read.
    pub(in crate::store) fn put(&self, account: &AccountId, url: CustomUrl, now: Timestamp) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(account.clone(), (now, url));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_believed_for_a_moment() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let (urls, account) = (CustomUrls::default(), AccountId::parse("wdc").unwrap());
        assert_eq!(urls.get(&account, at(0)), None);
        let some = CustomUrl(Some("https://example.com".to_owned()));
        urls.put(&account, some.clone(), at(10));
        assert_eq!(urls.get(&account, at(14)), Some(some));
        assert_eq!((urls.get(&account, at(15)), urls.get(&account, at(9))), (None, None));
        urls.put(&account, CustomUrl(None), at(20));
        assert_eq!(urls.get(&account, at(20)), Some(CustomUrl(None)));
    }
}
