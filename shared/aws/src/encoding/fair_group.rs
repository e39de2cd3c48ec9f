//! The message groups that make SQS queues fair, and the name of an endpoint host in messages.
//!
//! SQS counts a group as noisy that has more than a tenth of what is in flight, and then gives the messages of quiet groups
//! out first. With a group for each host, an account with many hosts would stay below that and hold up all others. With a
//! group for each account, one slow host would hold up all others of its account. So an account has [`GROUPS`] groups, and
//! its hosts are spread over them: it is noisy, in each group, from a share of `GROUPS` tenths on.

use hookline_core::ids::AccountId;
use sha2::{Digest as _, Sha256};

use super::hex::hex;

/// The groups of an account.
const GROUPS: u64 = 4;

/// The message group of work for an endpoint host of an account.
pub(crate) fn group(account: &AccountId, host: u64) -> String {
    host_key(account, host % GROUPS)
}

/// An endpoint host of an account, as messages name it.
pub fn host_key(account: &AccountId, host: u64) -> String {
    let hash = Sha256::digest(format!("{account} {host}"));
    hex(&hash[..8])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn an_account_has_a_few_groups_however_many_hosts() {
        let (a, b) = (AccountId::parse("a").unwrap(), AccountId::parse("b").unwrap());
        let groups = |account| (0..100).map(|host| group(account, host)).collect::<BTreeSet<_>>();
        assert_eq!((groups(&a).len(), groups(&b).len()), (4, 4));
        assert!(groups(&a).is_disjoint(&groups(&b)));
        assert_eq!(group(&a, 1).len(), 16);
    }

    #[test]
    fn a_host_of_an_account_has_a_name_of_its_own() {
        let (a, b) = (AccountId::parse("a").unwrap(), AccountId::parse("b").unwrap());
        assert_eq!(host_key(&a, 1), host_key(&a, 1));
        assert!(host_key(&a, 1) != host_key(&b, 1) && host_key(&a, 1) != host_key(&a, 5));
    }
}
