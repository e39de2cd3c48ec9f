//! What a service did between two readings of its metrics.

use std::collections::BTreeMap;

use super::samples::{Samples, label};

/// Rates per second, durations in seconds, and what the gauges show.
pub(super) struct Figures {
    pub(super) version: String,
    /// When the process started, in seconds since the epoch.
    pub(super) started: f64,
    pub(super) processor: f64,
    pub(super) memory: f64,
    pub(super) store: f64,
    pub(super) free: f64,
    pub(super) accepted: f64,
    pub(super) refused: f64,
    /// Deliveries by outcome.
    pub(super) outcomes: BTreeMap<String, f64>,
    /// Failed and dropped deliveries by whose fault it was.
    pub(super) faults: BTreeMap<String, f64>,
    pub(super) lag: Percentiles,
    pub(super) request: Percentiles,
    pub(super) end_to_end: Percentiles,
    pub(super) waiting: f64,
    pub(super) oldest_due: f64,
    pub(super) in_flight: f64,
    pub(super) hosts_throttled: f64,
    pub(super) webhooks_enabled: f64,
    pub(super) webhooks_disabled: f64,
    pub(super) api_requests: f64,
    pub(super) api_faults: f64,
    pub(super) api: Percentiles,
}

/// Of what was measured in the interval; `None` if nothing was.
#[derive(Clone, Copy)]
pub(super) struct Percentiles {
    pub(super) median: Option<f64>,
    pub(super) p95: Option<f64>,
}

/// The outcomes that are shown, also while there are none.
pub(super) const OUTCOMES: [&str; 5] = ["succeeded", "failed", "dropped", "cancelled", "skipped"];

impl Figures {
    /// Of the time between two readings.
    pub(super) fn between(before: &Samples, now: &Samples) -> Self {
        let seconds = now.seconds_since(before);
        let rate = |name: &str, counts: &dyn Fn(&str) -> bool| {
            let grown = now.growth(before, name).into_iter().filter(|(labels, _)| counts(labels));
            grown.fold(0.0, |sum, (_, growth)| sum + growth) / seconds
        };
        let rates = |name: &str, by: &str| {
            let mut rates = BTreeMap::new();
            for (labels, growth) in now.growth(before, name) {
                let value = label(labels, by).filter(|value| !value.is_empty());
                *rates.entry(value.unwrap_or_default().to_owned()).or_default() += growth / seconds;
            }
            rates
        };
        let mut outcomes: BTreeMap<String, f64> = rates("hookline_deliveries_total", "outcome");
        for outcome in OUTCOMES {
            outcomes.entry(outcome.to_owned()).or_default();
        }
        let mut faults: BTreeMap<String, f64> = rates("hookline_deliveries_total", "fault");
        faults.remove("");
        let webhooks = |state: &str| {
            let mut family = now.family("hookline_webhooks");
            family.find(|(labels, _)| label(labels, "state") == Some(state)).map_or(0.0, |(_, count)| count)
        };
        let version = now.family("hookline_build_info").find_map(|(labels, _)| label(labels, "version"));
        let processor = now.value("process_cpu_seconds_total") - before.value("process_cpu_seconds_total");
        Self {
            version: version.unwrap_or_default().to_owned(),
            started: now.value("process_start_time_seconds"),
            processor: processor.max(0.0) / seconds,
            memory: now.value("process_resident_memory_bytes"),
            store: now.value("hookline_store_bytes"),
            free: now.value("hookline_store_free_bytes"),
            accepted: rate("hookline_events_accepted_total", &|_| true),
            refused: rate("hookline_events_refused_total", &|_| true),
            outcomes,
            faults,
            lag: Percentiles::between(before, now, "hookline_delivery_lag_seconds_bucket"),
            request: Percentiles::between(before, now, "hookline_delivery_duration_seconds_bucket"),
            end_to_end: Percentiles::between(before, now, "hookline_end_to_end_seconds_bucket"),
            waiting: now.value("hookline_messages_waiting"),
            oldest_due: now.value("hookline_oldest_due_seconds"),
            in_flight: now.value("hookline_in_flight"),
            hosts_throttled: now.value("hookline_hosts_throttled"),
            webhooks_enabled: webhooks("enabled"),
            webhooks_disabled: webhooks("disabled"),
            api_requests: rate("hookline_http_requests_total", &|_| true),
            api_faults: rate("hookline_http_requests_total", &|labels| {
                label(labels, "status").is_some_and(|status| status.starts_with('5'))
            }),
            api: Percentiles::between(before, now, "hookline_http_request_duration_seconds_bucket"),
        }
    }
}

impl Percentiles {
    fn between(before: &Samples, now: &Samples, histogram: &str) -> Self {
        let mut buckets: Vec<(f64, f64)> = Vec::new();
        for (labels, growth) in now.growth(before, histogram) {
            let Some(bound) = label(labels, "le").and_then(|bound| bound.parse::<f64>().ok()) else { continue };
            match buckets.iter_mut().find(|(known, _)| known.total_cmp(&bound).is_eq()) {
                Some((_, count)) => *count += growth,
                None => buckets.push((bound, growth)),
            }
        }
        buckets.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        Self { median: quantile(&buckets, 0.5), p95: quantile(&buckets, 0.95) }
    }
}

/// A quantile of cumulative buckets, interpolated within its bucket. What is in the last, endless bucket counts as its lower bound.
fn quantile(buckets: &[(f64, f64)], share: f64) -> Option<f64> {
    let all = buckets.last().map(|(_, count)| *count).filter(|count| *count > 0.0)?;
    let rank = share * all;
    let (mut lower, mut below) = (0.0, 0.0);
    for (bound, count) in buckets {
        if *count >= rank && *count > below {
            let upper = if bound.is_finite() { *bound } else { lower };
            return Some(lower + (upper - lower) * (rank - below) / (count - below));
        }
        (lower, below) = (*bound, *count);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::samples::tests::reading;
    use super::*;

    #[test]
    fn quantiles_are_interpolated() {
        let buckets = [(0.1, 10.0), (0.2, 90.0), (1.0, 100.0), (f64::INFINITY, 100.0)];
        for (share, expected) in [(0.5, 0.15), (0.95, 0.6), (0.05, 0.05)] {
            let found = quantile(&buckets, share).unwrap();
            assert!((found - expected).abs() < 1e-9, "{share}: {found}");
        }
        assert_eq!(quantile(&[(0.1, 0.0), (f64::INFINITY, 4.0)], 0.5), Some(0.1));
        assert_eq!(quantile(&[(0.1, 0.0), (f64::INFINITY, 0.0)], 0.5), None);
        assert_eq!(quantile(&[], 0.5), None);
    }

    #[test]
    fn rates_are_those_of_the_interval() {
        let before = "hookline_events_accepted_total{by=\"http\"} 100\n";
        let now = "hookline_build_info{version=\"9\"} 1\nhookline_events_accepted_total{by=\"http\"} 110\n\
                   hookline_deliveries_total{outcome=\"failed\",error_class=\"timeout\",fault=\"endpoint\"} 4\n\
                   hookline_deliveries_total{outcome=\"succeeded\",error_class=\"\",fault=\"\"} 8\n\
                   hookline_http_requests_total{route=\"/events\",method=\"POST\",status=\"503\"} 2\n\
                   hookline_http_requests_total{route=\"/events\",method=\"POST\",status=\"202\"} 6\n\
                   hookline_http_request_duration_seconds_bucket{le=\"0.1\",route=\"/a\"} 1\n\
                   hookline_http_request_duration_seconds_bucket{le=\"0.1\",route=\"/b\"} 1\n\
                   hookline_http_request_duration_seconds_bucket{le=\"+Inf\",route=\"/a\"} 1\n\
                   hookline_http_request_duration_seconds_bucket{le=\"+Inf\",route=\"/b\"} 1\n\
                   hookline_webhooks{state=\"disabled\"} 3\nhookline_in_flight 7\n";
        let figures = Figures::between(&reading(0, before), &reading(2, now));
        let near = |found: f64, expected: f64| {
            assert!(found.is_sign_positive() && (found - expected).abs() < 0.01, "{found} is not {expected}");
        };
        near(figures.accepted, 5.0);
        near(figures.outcomes["succeeded"], 4.0);
        near(figures.outcomes["failed"], 2.0);
        near(figures.outcomes["skipped"], 0.0);
        assert_eq!(figures.faults.keys().collect::<Vec<_>>(), ["endpoint"]);
        near(figures.refused, 0.0);
        near(figures.api_requests, 4.0);
        near(figures.api_faults, 1.0);
        near(figures.api.median.unwrap(), 0.05);
        assert!(figures.lag.median.is_none());
        assert_eq!((figures.version.as_str(), figures.webhooks_disabled, figures.in_flight), ("9", 3.0, 7.0));
    }
}
