//! How much may be in flight at once.

/// How much may be in flight at once.
#[derive(Debug, Clone, Copy)]
pub struct ConcurrencyLimits {
    /// Deliveries, in all.
    pub total: usize,
    /// Deliveries of one account to one endpoint host.
    pub per_host: usize,
}

impl Default for ConcurrencyLimits {
    fn default() -> Self {
        Self { total: 512, per_host: 64 }
    }
}

/// Three quarters, but at least one.
pub(super) fn most_of(slots: usize) -> usize {
    (slots - slots / 4).max(1)
}
