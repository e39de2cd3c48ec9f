//! How much clients may ask of the server.

use std::time::Duration;

use super::slow_client::MinimumRate;

/// Concurrent connections; further ones wait to be accepted.
pub(super) const MAX_CONNECTIONS: usize = 4096;
/// How slowly a client may read its answers: 10 MiB in three quarters of an hour.
pub(super) const MINIMUM_RATE: MinimumRate = MinimumRate { patience: Duration::from_secs(45), slowest: 4096 };

/// How much clients may ask of a server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ServerLimits {
    /// Concurrent connections. One address may have half of them, unless it is a trusted proxy or this machine.
    pub(crate) connections: usize,
    /// How slowly a client may read its answers.
    pub(crate) rate: MinimumRate,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self { connections: MAX_CONNECTIONS, rate: MINIMUM_RATE }
    }
}
