//! Counts of deliveries.

use serde_json::{Value, json};

use super::kinds::{closed, id};

pub(super) fn hourly_counts() -> Value {
    let count = json!({"type": "integer", "minimum": 0});
    let seconds = |what: &str| {
        let description = format!("{what} of the requests' durations in seconds; null if there was no request.");
        json!({"type": ["number", "null"], "minimum": 0, "description": description})
    };
    let mut webhook = id();
    webhook["description"] = json!("Absent where the whole account is counted.");
    closed(
        &["hour", "succeeded", "failed", "dropped", "cancelled", "skipped", "filtered", "median", "p95"],
        json!({
            "hour": {"type": "string", "format": "date-time", "description": "When the hour begins."},
            "webhook_id": webhook,
            "succeeded": count, "failed": count, "dropped": count, "cancelled": count, "skipped": count, "filtered": count,
            "median": seconds("The median"),
            "p95": seconds("The 95th percentile"),
        }),
    )
}
