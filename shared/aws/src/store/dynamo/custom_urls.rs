//! What a process knows of the custom URLs of accounts, as old as five seconds: every event needs it, and it hardly ever
//! changes.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hookline_core::account::AccountId;
use jiff::Timestamp;

/// How long it is believed.
const BELIEVED: Duration = Duration::from_secs(5);
/// How many accounts are remembered.
const REMEMBERED: usize = 1000;

/// What an account has, which may be none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store) struct CustomUrl(pub(in crate::store) Option<String>);

/// The custom URLs by account.
#[derive(Debug, Default)]
pub(in crate::store) struct CustomUrls {
    known: Mutex<HashMap<AccountId, (Timestamp, CustomUrl)>>,
}

impl CustomUrls {
    /// What is known of an account, unless that is too old.
    pub(in crate::store) fn get(&self, account: &AccountId, now: Timestamp) -> Option<CustomUrl> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, url) = known.get(account)?;
        (*since <= now && now < *since + BELIEVED).then(|| url.clone())
    }

    /// Remembers what was read.
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
