//! What the scheduler knows of an endpoint host of an account.

use std::collections::{BTreeMap, VecDeque};

use crate::queue::host_limiter::HostLimiter;
use crate::queue::lane::Lane;

/// What is known of an account's endpoint host.
#[derive(Debug)]
pub(super) struct HostState {
    pub(super) limiter: HostLimiter,
    /// Webhooks with ready messages, in the order of their turns.
    pub(super) ready: VecDeque<Lane>,
    /// Lanes with something in memory, in flight or in the table, and the number of their last turn. While the circuit is
    /// not closed, lanes that are empty stay, so that a webhook that was tried does not come first again.
    pub(super) lanes: BTreeMap<Lane, u64>,
    pub(super) turn: u64,
    /// The host stands in its account's turns.
    pub(super) listed: bool,
    /// When its circuit last closed, in epoch milliseconds.
    pub(super) closed_at: i64,
    /// Its entry in the wakes.
    pub(super) wake: Option<i64>,
    pub(super) slow_deliveries: usize,
}

impl HostState {
    pub(super) fn new(max: usize) -> Self {
        Self {
            limiter: HostLimiter::new(max),
            ready: VecDeque::new(),
            lanes: BTreeMap::new(),
            turn: 0,
            listed: false,
            closed_at: 0,
            wake: None,
            slow_deliveries: 0,
        }
    }
}
