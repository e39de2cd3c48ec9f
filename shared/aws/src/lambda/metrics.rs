//! Metrics in CloudWatch's embedded metric format: one line in the log per batch.

use std::io::Write as _;
use std::sync::{Mutex, PoisonError};

use hookline_core::values::{Clock as _, System};
use jiff::Timestamp;
use serde_json::json;

/// The namespace of all metrics.
const NAMESPACE: &str = "Hookline";
/// The limit of CloudWatch for values in one line.
const MAX_VALUES: usize = 100;

/// What is counted while a batch is handled.
pub(super) struct BatchMetrics {
    deployment: String,
    queue: &'static str,
    messages: usize,
    counts: Mutex<BatchCounts>,
}

#[derive(Default)]
struct BatchCounts {
    faults: u32,
    handed_back: u32,
    buried: u32,
    lags: Vec<i64>,
}

impl BatchMetrics {
    /// Starts counting for a batch of this many messages.
    pub(super) fn new(deployment: &str, queue: &'static str, messages: usize) -> Self {
        Self { deployment: deployment.to_owned(), queue, messages, counts: Mutex::default() }
    }

    /// Records how long after the moment that it could start the work on a message starts.
    pub(super) fn lag(&self, possible: Timestamp, now: Timestamp) {
        let lag = (now.as_millisecond() - possible.as_millisecond()).max(0);
        self.count(|counts| counts.lags.push(lag));
    }

    /// Counts a message that failed by a fault of our own.
    pub(super) fn fault(&self) {
        self.count(|counts| counts.faults += 1);
    }

    /// Counts a message that must wait.
    pub(super) fn handed_back(&self) {
        self.count(|counts| counts.handed_back += 1);
    }

    /// Counts a message that cannot be decoded.
    pub(super) fn unreadable(&self) {
        self.count(|counts| counts.buried += 1);
    }

    fn count(&self, change: impl FnOnce(&mut BatchCounts)) {
        change(&mut self.counts.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Writes the line to standard output, where Lambda reads it.
    pub(super) fn emit(self) {
        let line = self.line(System.now());
        let mut out = std::io::stdout().lock();
        // Without standard output there is no other place to report this failure.
        let _ = writeln!(out, "{line}");
    }

    fn line(self, now: Timestamp) -> serde_json::Value {
        let counts = self.counts.into_inner().unwrap_or_else(PoisonError::into_inner);
        let BatchCounts { faults, handed_back, buried, mut lags } = counts;
        lags.truncate(MAX_VALUES);
        let mut metrics = vec![
            json!({"Name": "Messages", "Unit": "Count"}),
            json!({"Name": "Faults", "Unit": "Count"}),
            json!({"Name": "HandedBack", "Unit": "Count"}),
            json!({"Name": "Buried", "Unit": "Count"}),
        ];
        if !lags.is_empty() {
            metrics.push(json!({"Name": "Lag", "Unit": "Milliseconds"}));
        }
        let mut line = json!({
            "_aws": {
                "Timestamp": now.as_millisecond(),
                "CloudWatchMetrics": [{"Namespace": NAMESPACE, "Dimensions": [["Deployment", "Queue"]], "Metrics": metrics}],
            },
            "Deployment": self.deployment,
            "Queue": self.queue,
            "Messages": self.messages,
            "Faults": faults,
            "HandedBack": handed_back,
            "Buried": buried,
        });
        if !lags.is_empty() {
            line["Lag"] = json!(lags);
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_that_is_named_has_a_value() {
        let at = |millis| Timestamp::from_millisecond(millis).unwrap();
        let metrics = BatchMetrics::new("hookline", "deliveries", 2);
        metrics.lag(at(1000), at(1250));
        metrics.lag(at(1000), at(900));
        metrics.fault();
        let line = metrics.line(at(5));
        assert_eq!(line["Lag"], json!([250, 0]));
        assert_eq!((&line["Faults"], &line["Messages"]), (&json!(1), &json!(2)));
        for dimension in line["_aws"]["CloudWatchMetrics"][0]["Dimensions"][0].as_array().unwrap() {
            assert!(line.get(dimension.as_str().unwrap()).is_some(), "{dimension}");
        }
        for metric in line["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array().unwrap() {
            assert!(line.get(metric["Name"].as_str().unwrap()).is_some(), "{metric}");
        }
        let quiet = BatchMetrics::new("hookline", "events", 1).line(at(5));
        assert!(quiet.get("Lag").is_none() && !quiet["_aws"].to_string().contains("Lag"));
    }
}
