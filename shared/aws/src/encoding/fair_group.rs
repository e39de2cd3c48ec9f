//! The message groups that make SQS queues fair.

use hookline_core::ids::AccountId;
use sha2::{Digest as _, Sha256};

use super::hex::hex;

/// The message group of work for an endpoint host of an account.
pub fn group(account: &AccountId, host: u64) -> String {
    let hash = Sha256::digest(format!("{account} {host}"));
    hex(&hash[..8])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_an_account_and_a_host() {
        let (a, b) = (AccountId::parse("a").unwrap(), AccountId::parse("b").unwrap());
        assert_eq!(group(&a, 1), group(&a, 1));
        assert!(group(&a, 1) != group(&b, 1) && group(&a, 1) != group(&a, 2));
        assert_eq!(group(&a, 1).len(), 16);
    }
}
