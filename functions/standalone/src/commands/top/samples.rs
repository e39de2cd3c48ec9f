//! The metrics of a service at one moment, read from its metrics listener.

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::Url;
use tokio::time::Instant;

use crate::output::CommandError;

/// How long the service may take to show its metrics.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The longest page that is read.
const MAX_BYTES: usize = 8 << 20;

/// Reads the metrics of one service.
pub(super) struct MetricsClient {
    client: reqwest::Client,
    url: Url,
}

impl MetricsClient {
    /// Of the service at this address. Redirects are not followed.
    pub(super) fn new(url: &Url) -> Result<Self, CommandError> {
        let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
        Ok(Self { client: client.timeout(TIMEOUT).build().map_err(CommandError::of)?, url: url.clone() })
    }

    /// The samples of now.
    pub(super) async fn read(&self) -> Result<Samples, CommandError> {
        let failed = |error: reqwest::Error| {
            CommandError::of(format!(
                "{} does not answer ({}): start the service with HOOKLINE_METRICS_LISTEN, and give the address with --metrics",
                self.url,
                error.without_url()
            ))
        };
        let mut answer = self.client.get(self.url.clone()).send().await.map_err(failed)?;
        let not_metrics = || CommandError::of(format!("{} shows no metrics of Hookline", self.url));
        if answer.status() != 200 {
            return Err(not_metrics());
        }
        let mut page = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(failed)? {
            page.extend_from_slice(&chunk);
            if page.len() > MAX_BYTES {
                return Err(not_metrics());
            }
        }
        let samples = Samples::parse(&String::from_utf8_lossy(&page));
        if samples.family("hookline_build_info").next().is_none() {
            return Err(not_metrics());
        }
        Ok(samples)
    }
}

/// Samples by name and labels, as the page writes them.
pub(super) struct Samples {
    taken: Instant,
    values: BTreeMap<String, f64>,
}

impl Samples {
    /// The samples of a page in the text format. Lines that are none are left out.
    fn parse(page: &str) -> Self {
        let values = page.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
            let (name, value) = line.rsplit_once(' ')?;
            Some((name.to_owned(), value.parse().ok()?))
        });
        Self { taken: Instant::now(), values: values.collect() }
    }

    /// A sample without labels.
    pub(super) fn value(&self, name: &str) -> f64 {
        self.values.get(name).copied().unwrap_or_default()
    }

    /// All samples of a name that has labels: labels and value.
    pub(super) fn family(&self, name: &str) -> impl Iterator<Item = (&str, f64)> {
        let first = format!("{name}{{");
        let length = first.len();
        self.values
            .range(first.clone()..)
            .take_while(move |(sample, _)| sample.starts_with(&first))
            .map(move |(sample, value)| (&sample[length..], *value))
    }

    /// How much a counter grew since an earlier reading, by labels. A service that was started again counts from zero.
    pub(super) fn growth<'a>(&'a self, before: &Self, name: &str) -> Vec<(&'a str, f64)> {
        let earlier: BTreeMap<&str, f64> = before.family(name).collect();
        let grown = |(labels, value): (&'a str, f64)| {
            let earlier = earlier.get(labels).copied().unwrap_or_default();
            (labels, if value < earlier { value } else { value - earlier })
        };
        self.family(name).map(grown).collect()
    }

    /// Seconds since an earlier reading.
    pub(super) fn seconds_since(&self, before: &Self) -> f64 {
        self.taken.duration_since(before.taken).as_secs_f64().max(0.001)
    }
}

/// The value of a label.
pub(super) fn label<'a>(labels: &'a str, name: &str) -> Option<&'a str> {
    let mut labels = labels.trim_end_matches('}').split("\",");
    labels.find_map(|label| label.strip_prefix(name)?.strip_prefix("=\"").map(|value| value.trim_end_matches('"')))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A reading some seconds after the test began.
    pub(in super::super) fn reading(seconds: u64, page: &str) -> Samples {
        let samples = Samples::parse(page);
        Samples { taken: samples.taken + Duration::from_secs(seconds), ..samples }
    }

    #[test]
    fn pages_are_read() {
        let page = "# HELP a b\na 1\nb_total{x=\"1\",y=\"p q\"} 2.5\nb_total{x=\"\",y=\"\"} 3\nb_total_more{x=\"1\"} 9\nodd\nodd x\n";
        let samples = Samples::parse(page);
        assert_eq!((samples.value("a"), samples.value("none")), (1.0, 0.0));
        let family: Vec<_> = samples.family("b_total").collect();
        assert_eq!(family, [("x=\"\",y=\"\"}", 3.0), ("x=\"1\",y=\"p q\"}", 2.5)]);
        let values = |name| family.iter().map(|(labels, _)| label(labels, name)).collect::<Vec<_>>();
        assert_eq!(values("x"), [Some(""), Some("1")]);
        assert_eq!(values("y"), [Some(""), Some("p q")]);
        assert_eq!(values("z"), [None, None]);
    }

    #[test]
    fn counters_of_a_new_process_begin_at_zero() {
        let before = Samples::parse("c{a=\"1\"} 10\nc{a=\"2\"} 10\n");
        let now = Samples::parse("c{a=\"1\"} 12\nc{a=\"2\"} 3\nc{a=\"3\"} 4\n");
        assert_eq!(now.growth(&before, "c"), [("a=\"1\"}", 2.0), ("a=\"2\"}", 3.0), ("a=\"3\"}", 4.0)]);
    }
}
