//! Permits of hosts that are reopened, taken for the messages of a batch: one write for all of them.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use tokio::sync::Mutex as AsyncMutex;

/// The permits of a process. Hosts are named as in their messages.
#[derive(Debug, Default)]
pub(in crate::store) struct BatchPermits {
    /// How many messages to each host are in the batch.
    messages: Mutex<HashMap<String, u32>>,
    /// What was taken and not used yet. Locked while permits are taken, so that one message takes them for all.
    pub(in crate::store) unused: AsyncMutex<HashMap<String, UnusedPermits>>,
}

/// Permits that no message has used yet. They are valid in their window.
#[derive(Debug, Clone, Copy)]
pub(in crate::store) struct UnusedPermits {
    pub(in crate::store) permits: u32,
    pub(in crate::store) ends: Timestamp,
}

impl BatchPermits {
    /// A batch with so many messages to each host begins.
    pub(in crate::store) fn begin(&self, messages: HashMap<String, u32>) {
        *self.messages.lock().unwrap_or_else(PoisonError::into_inner) = messages;
    }

    /// How many messages to the host may want a permit.
    pub(in crate::store) fn wanted(&self, host: &str) -> u32 {
        let messages = self.messages.lock().unwrap_or_else(PoisonError::into_inner);
        messages.get(host).copied().unwrap_or_default().max(1)
    }
}
