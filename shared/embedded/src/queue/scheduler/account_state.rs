//! What the scheduler knows of an account.

use std::collections::VecDeque;

use crate::queue::item::QueueItem;
use crate::queue::lane::{AccountHost, Lane};

/// What an account has in memory and in flight.
#[derive(Debug, Default)]
pub(super) struct AccountState {
    /// Messages in memory or in flight.
    pub(super) held: usize,
    pub(super) deliveries: usize,
    /// Of them, those to hosts that did not keep up when they started.
    pub(super) slow_deliveries: usize,
    pub(super) fan_outs: usize,
    pub(super) last_delivery_turn: u64,
    pub(super) last_fan_out_turn: u64,
    /// Ready, and sent whatever their host's circuit: tests, and messages whose run has ended.
    pub(super) unguarded: VecDeque<QueueItem>,
    /// Hosts with something that may start: those that keep up, and the others.
    pub(super) hosts: [VecDeque<AccountHost>; 2],
    pub(super) turn: u32,
    /// Lanes with due rows in the table that found no room.
    pub(super) parked: VecDeque<Lane>,
}
