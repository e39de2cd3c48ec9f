//! Counts of deliveries per hour (section 12).

use std::time::Duration;

use hookline_core::model::HourlyCounts;
use hookline_core::values::TimeZone;
use serde::Serialize;

/// The counts of an hour as JSON.
#[derive(Serialize)]
pub(crate) struct HourlyCountsView {
    hour: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    webhook_id: Option<u64>,
    succeeded: u64,
    failed: u64,
    dropped: u64,
    cancelled: u64,
    skipped: u64,
    filtered: u64,
    /// Seconds.
    median: Option<f64>,
    /// Seconds.
    p95: Option<f64>,
}

/// Counts as JSON.
pub(crate) fn view(counts: &[HourlyCounts], zone: &TimeZone) -> Vec<HourlyCountsView> {
    let line = |line: &HourlyCounts| {
        let HourlyCounts { hour, webhook, counts } = line;
        HourlyCountsView {
            hour: zone.format(hour.begins_at()),
            webhook_id: webhook.map(|webhook| webhook.0),
            succeeded: counts.succeeded,
            failed: counts.failed,
            dropped: counts.dropped,
            cancelled: counts.cancelled,
            skipped: counts.skipped,
            filtered: counts.filtered,
            median: counts.duration_of(0.5).map(seconds),
            p95: counts.duration_of(0.95).map(seconds),
        }
    };
    counts.iter().map(line).collect()
}

/// Seconds in whole milliseconds.
fn seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1000.0).round() / 1000.0
}
