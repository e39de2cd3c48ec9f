//! Metrics in CloudWatch's embedded metric format (section 12): what an invocation measures is gathered, and written to the
//! log at its end, in one line if possible.
//!
//! The names are those of the binary. CloudWatch bills every value of a dimension as a metric of its own, so at most one
//! label of a metric is a dimension; the other labels are fields of the log lines of calls and attempts.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hookline_core::ports::{Measurement, Metrics};
use hookline_core::values::{Clock as _, System};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// The namespace of all metrics.
const NAMESPACE: &str = "Hookline";
/// The limit of CloudWatch for values of a metric in one line.
const MAX_VALUES: usize = 100;
/// How many values of a metric one invocation writes at most.
const MAX_GATHERED: usize = 10_000;

/// A metric: its name, and the label that is a dimension beside the deployment, if one is. The names say the units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Instrument(&'static str, &'static str);

/// Messages that a function received.
pub(super) const MESSAGES: Instrument = Instrument("Messages", "Queue");
/// Messages that failed by a fault of our own.
pub(super) const FAULTS: Instrument = Instrument("Faults", "Queue");
/// Messages that must wait.
pub(super) const HANDED_BACK: Instrument = Instrument("HandedBack", "Queue");
/// Messages that cannot be decoded.
pub(super) const BURIED: Instrument = Instrument("Buried", "Queue");
const EVENTS_ACCEPTED: Instrument = Instrument("hookline_events_accepted_total", "by");
const EVENTS_REFUSED: Instrument = Instrument("hookline_events_refused_total", "reason");
const PUBLISH_DURATION: Instrument = Instrument("hookline_publish_duration_seconds", "");
const DELIVERIES: Instrument = Instrument("hookline_deliveries_total", "outcome");
const DELIVERY_DURATION: Instrument = Instrument("hookline_delivery_duration_seconds", "");
const DELIVERY_LAG: Instrument = Instrument("hookline_delivery_lag_seconds", "");
const END_TO_END: Instrument = Instrument("hookline_end_to_end_seconds", "");
const CONNECTIONS: Instrument = Instrument("hookline_connections_total", "");
const MAILS: Instrument = Instrument("hookline_mails_total", "result");
const HTTP_REQUESTS: Instrument = Instrument("hookline_http_requests_total", "");
const HTTP_REQUEST_DURATION: Instrument = Instrument("hookline_http_request_duration_seconds", "");
const STORE_WRITE_DURATION: Instrument = Instrument("hookline_store_write_duration_seconds", "");

/// Gathers what one invocation after the other measures.
pub struct EmfMetrics {
    deployment: String,
    gathered: Mutex<BTreeMap<(Instrument, &'static str), Gathered>>,
}

enum Gathered {
    Sum(u64),
    /// Seconds.
    Values(Vec<f64>),
}

impl EmfMetrics {
    pub(super) fn new(deployment: &str) -> Self {
        Self { deployment: deployment.to_owned(), gathered: Mutex::default() }
    }

    /// Counts under this value of the metric's label.
    pub(super) fn add(&self, instrument: Instrument, label: &'static str, count: u64) {
        let mut gathered = self.gathered.lock().unwrap_or_else(PoisonError::into_inner);
        if let Gathered::Sum(sum) = gathered.entry((instrument, label)).or_insert(Gathered::Sum(0)) {
            *sum += count;
        }
    }

    fn observe(&self, instrument: Instrument, took: Duration) {
        let mut gathered = self.gathered.lock().unwrap_or_else(PoisonError::into_inner);
        if let Gathered::Values(values) = gathered.entry((instrument, "")).or_insert(Gathered::Values(Vec::new()))
            && values.len() < MAX_GATHERED
        {
            values.push(two_digits(took));
        }
    }

    /// Writes what was gathered to standard output, where Lambda reads it.
    pub(super) fn emit(&self) {
        let lines = self.lines(System.now());
        let mut out = std::io::stdout().lock();
        for line in lines {
            // Without standard output there is no other place to report this failure.
            let _ = writeln!(out, "{line}");
        }
    }

    /// The lines of what was gathered since the last call. Each metric is in the first line that has room for it.
    pub fn lines(&self, now: Timestamp) -> Vec<Value> {
        let gathered = std::mem::take(&mut *self.gathered.lock().unwrap_or_else(PoisonError::into_inner));
        let mut lines: Vec<MetricsLine> = Vec::new();
        for ((instrument, label), gathered) in gathered {
            let parts = match gathered {
                Gathered::Sum(sum) => vec![json!(sum)],
                Gathered::Values(values) => values.chunks(MAX_VALUES).map(|part| json!(part)).collect(),
            };
            for part in parts {
                let at = lines.iter().position(|line| line.has_room(instrument, label)).unwrap_or(lines.len());
                if at == lines.len() {
                    lines.push(MetricsLine::default());
                }
                lines[at].put(instrument, label, part);
            }
        }
        lines.into_iter().map(|line| line.written(&self.deployment, now)).collect()
    }
}

impl Metrics for EmfMetrics {
    fn record(&self, measurement: Measurement) {
        match measurement {
            Measurement::EventAccepted(by) => self.add(EVENTS_ACCEPTED, by.as_str(), 1),
            Measurement::EventRefused(reason) => self.add(EVENTS_REFUSED, reason.as_str(), 1),
            Measurement::Published(took) => self.observe(PUBLISH_DURATION, took),
            Measurement::DeliveryEnded { outcome, class: _ } => self.add(DELIVERIES, outcome.as_str(), 1),
            Measurement::RequestSent { took, reused: _ } => {
                self.observe(DELIVERY_DURATION, took);
                self.add(CONNECTIONS, "", 1);
            }
            Measurement::AttemptLate(lag) => self.observe(DELIVERY_LAG, lag),
            Measurement::MessageDelivered(took) => self.observe(END_TO_END, took),
            Measurement::Mail { kind: _, result } => self.add(MAILS, result.as_str(), 1),
            // How many jobs are in a state is a gauge, which functions do not have.
            Measurement::RedeliveryJob(_) => {}
            Measurement::Answered { route: _, method: _, status: _, took } => {
                self.add(HTTP_REQUESTS, "", 1);
                self.observe(HTTP_REQUEST_DURATION, took);
            }
            Measurement::StoreWritten(took) => self.observe(STORE_WRITE_DURATION, took),
        }
    }
}

/// Seconds, rounded to two digits: every line of the log has its price.
fn two_digits(took: Duration) -> f64 {
    let micros = took.as_micros();
    let step = 10_u128.pow(micros.checked_ilog10().unwrap_or_default().saturating_sub(1));
    #[expect(clippy::cast_precision_loss, reason = "durations stay far below 2^52 microseconds")]
    let rounded = ((micros + step / 2) / step * step) as f64;
    rounded / 1e6
}

/// A line: metrics, grouped by the label that is their dimension. A label has one value in it.
#[derive(Default)]
struct MetricsLine {
    fields: Map<String, Value>,
    metrics: BTreeMap<&'static str, Vec<Value>>,
}

impl MetricsLine {
    fn has_room(&self, Instrument(name, label): Instrument, value: &str) -> bool {
        !self.fields.contains_key(name) && self.fields.get(label).is_none_or(|there| there == value)
    }

    fn put(&mut self, Instrument(name, label): Instrument, value: &str, part: Value) {
        self.fields.insert(name.to_owned(), part);
        if !label.is_empty() {
            self.fields.insert(label.to_owned(), value.into());
        }
        self.metrics.entry(label).or_default().push(json!({"Name": name}));
    }

    fn written(self, deployment: &str, now: Timestamp) -> Value {
        let Self { mut fields, metrics } = self;
        let group = |(label, metrics): (&str, Vec<Value>)| {
            let labels = [label].into_iter().filter(|label| !label.is_empty());
            let dimensions: Vec<&str> = ["Deployment"].into_iter().chain(labels).collect();
            json!({"Namespace": NAMESPACE, "Dimensions": [dimensions], "Metrics": metrics})
        };
        let groups: Vec<Value> = metrics.into_iter().map(group).collect();
        fields.insert("_aws".to_owned(), json!({"Timestamp": now.as_millisecond(), "CloudWatchMetrics": groups}));
        fields.insert("Deployment".to_owned(), deployment.into());
        Value::Object(fields)
    }
}

#[cfg(test)]
mod tests {
    use hookline_core::model::Outcome;
    use hookline_core::ports::{MailResult, MailTopic, PublishedBy};

    use super::*;

    fn gathered(measurements: impl IntoIterator<Item = Measurement>) -> (EmfMetrics, Vec<Value>) {
        let metrics = EmfMetrics::new("hookline");
        measurements.into_iter().for_each(|measurement| metrics.record(measurement));
        let lines = metrics.lines(Timestamp::from_millisecond(5).unwrap());
        (metrics, lines)
    }

    /// Every metric and dimension that a line names has a value in it.
    fn check(line: &Value) {
        for group in line["_aws"]["CloudWatchMetrics"].as_array().unwrap() {
            for dimension in group["Dimensions"][0].as_array().unwrap() {
                assert!(line[dimension.as_str().unwrap()].is_string(), "{dimension}: {line}");
            }
            for metric in group["Metrics"].as_array().unwrap() {
                let value = &line[metric["Name"].as_str().unwrap()];
                assert!(value.is_u64() || value.as_array().is_some_and(|values| values.len() <= MAX_VALUES), "{line}");
            }
        }
    }

    #[test]
    fn what_a_call_measures_is_one_line() {
        let took = Duration::from_micros(1500);
        let (metrics, lines) = gathered([
            Measurement::EventAccepted(PublishedBy::Http),
            Measurement::EventAccepted(PublishedBy::Http),
            Measurement::Published(took),
            Measurement::Answered { route: "/events", method: "POST", status: 202, took },
        ]);
        let [line] = &lines[..] else { panic!("{lines:?}") };
        check(line);
        assert_eq!(line["hookline_events_accepted_total"], 2);
        assert_eq!((&line["by"], &line["Deployment"]), (&json!("http"), &json!("hookline")));
        assert_eq!(line["hookline_http_request_duration_seconds"], json!([0.0015]));
        let groups = line["_aws"]["CloudWatchMetrics"].as_array().unwrap();
        let dimensions: Vec<&Value> = groups.iter().map(|group| &group["Dimensions"]).collect();
        assert_eq!(dimensions, [&json!([["Deployment"]]), &json!([["Deployment", "by"]])]);
        assert!(metrics.lines(Timestamp::UNIX_EPOCH).is_empty(), "each invocation begins at zero");
    }

    #[test]
    fn a_label_has_one_value_in_a_line() {
        let ended = |outcome| Measurement::DeliveryEnded { outcome, class: None };
        let mail = |result| Measurement::Mail { kind: MailTopic::Failed, result };
        let (_, lines) = gathered([
            ended(Outcome::Succeeded),
            ended(Outcome::Failed),
            ended(Outcome::Failed),
            mail(MailResult::Sent),
            mail(MailResult::Suppressed),
        ]);
        lines.iter().for_each(check);
        let mut seen: Vec<(&Value, &Value)> =
            lines.iter().map(|line| (&line["outcome"], &line["hookline_deliveries_total"])).collect();
        seen.sort_by_key(|(outcome, _)| outcome.to_string());
        assert_eq!(seen, [(&json!("failed"), &json!(2)), (&json!("succeeded"), &json!(1))]);
        let results: Vec<&Value> = lines.iter().map(|line| &line["result"]).collect();
        assert!(results.contains(&&json!("sent")) && results.contains(&&json!("suppressed")), "{lines:?}");
    }

    #[test]
    fn many_values_take_several_lines() {
        let (_, lines) = gathered((0..250).map(|number| Measurement::StoreWritten(Duration::from_millis(number))));
        lines.iter().for_each(check);
        let count = |line: &Value| line["hookline_store_write_duration_seconds"].as_array().map_or(0, Vec::len);
        assert_eq!(lines.iter().map(count).collect::<Vec<_>>(), [100, 100, 50]);
        let (_, lines) = gathered((0..20_000).map(|_| Measurement::StoreWritten(Duration::ZERO)));
        assert_eq!(lines.iter().map(count).sum::<usize>(), MAX_GATHERED);
    }

    #[test]
    fn durations_have_two_digits() {
        for (micros, seconds) in
            [(0, 0.0), (7, 0.000_007), (1449, 0.0014), (1450, 0.0015), (999_999, 1.0), (259_200_000_000, 260_000.0)]
        {
            let found = two_digits(Duration::from_micros(micros));
            assert!((found - seconds).abs() < f64::EPSILON, "{micros}: {found}");
        }
    }

    #[test]
    fn queues_are_counted_apart() {
        let metrics = EmfMetrics::new("hookline");
        metrics.add(MESSAGES, "events", 3);
        metrics.add(FAULTS, "events", 1);
        let [line] = &metrics.lines(Timestamp::UNIX_EPOCH)[..] else { panic!("one line") };
        check(line);
        assert_eq!((&line["Queue"], &line["Messages"], &line["Faults"]), (&json!("events"), &json!(3), &json!(1)));
        assert!(line.get("HandedBack").is_none(), "what is zero is not written");
    }
}
