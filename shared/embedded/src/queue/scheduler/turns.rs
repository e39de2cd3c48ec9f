//! Whose turn it is: the account that holds fewest slots, and of equals the one whose last turn was longest ago.

use std::collections::{BTreeSet, HashMap};

/// The accounts that have something to start, in the order of their turns.
#[derive(Debug, Default)]
pub(super) struct Turns {
    order: BTreeSet<(usize, u64, i64)>,
    listed: HashMap<i64, (usize, u64)>,
    /// Number of the last turn that was taken.
    last: u64,
}

impl Turns {
    /// The account whose turn it is, and how many slots it holds.
    pub(super) fn first(&self) -> Option<(i64, usize)> {
        self.order.first().map(|(held, _, account)| (*account, *held))
    }

    /// The number of a turn that is taken now.
    pub(super) fn take(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// Lists an account that holds so many slots and took its last turn then; removes it if it has nothing to start.
    pub(super) fn set(&mut self, account: i64, has_work: bool, held: usize, last_turn: u64) {
        if let Some((held, turn)) = self.listed.remove(&account) {
            self.order.remove(&(held, turn, account));
        }
        if has_work {
            self.order.insert((held, last_turn, account));
            self.listed.insert(account, (held, last_turn));
        }
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }
}
