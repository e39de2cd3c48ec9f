//! What the scheduler has to do, for the metrics.

/// What the scheduler has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SchedulerLoad {
    /// Deliveries in flight.
    pub(crate) in_flight: usize,
    /// Hosts that are throttled.
    pub(crate) throttled_hosts: usize,
    /// The earliest due time, in epoch milliseconds, of what could be started.
    pub(crate) oldest_due: Option<i64>,
}
