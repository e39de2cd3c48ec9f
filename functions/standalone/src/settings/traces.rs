//! Where traces are exported to: the standard variables of OpenTelemetry, and no others (section 12).
//!
//! Traces are on when an endpoint is set. An empty variable counts as absent. A value may be a secret, so no message shows
//! one.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use hookline_core::values::Secret;
use http::{HeaderName, HeaderValue};
use percent_encoding::percent_decode_str;
use reqwest::Url;

/// What `OTEL_EXPORTER_OTLP_` begins, each also with `TRACES_` for traces alone.
const EXPORTER: &str = "OTEL_EXPORTER_OTLP_";
/// The most spans that may wait: some 100 MB.
const MAX_QUEUE: usize = 100_000;

/// How traces are sampled.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct TraceSampler {
    /// The share of the traces that begin here: 1 is all of them.
    pub(crate) ratio: f64,
    /// An event that belongs to a trace is recorded if that trace is.
    pub(crate) follows_parent: bool,
}

/// The settings of traces.
#[derive(Debug, Clone)]
pub(crate) struct TraceSettings {
    /// `OTEL_EXPORTER_OTLP_ENDPOINT` with `/v1/traces`, or `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` as it is.
    pub(crate) endpoint: Url,
    /// `OTEL_EXPORTER_OTLP_HEADERS`: `name=value`, separated by commas, values percent-encoded.
    pub(crate) headers: Vec<(String, Secret<String>)>,
    /// `OTEL_EXPORTER_OTLP_TIMEOUT`, or `OTEL_BSP_EXPORT_TIMEOUT` if that is shorter. Default: 10 seconds.
    pub(crate) timeout: Duration,
    /// `OTEL_EXPORTER_OTLP_COMPRESSION`: `gzip` or `none`, the default.
    pub(crate) gzip: bool,
    /// `OTEL_EXPORTER_OTLP_CERTIFICATE`: a PEM file with certificates that are trusted beside the system's.
    pub(crate) certificate: Option<PathBuf>,
    /// `OTEL_SERVICE_NAME`, or `service.name` among the attributes. Default: `hookline`.
    pub(crate) service_name: String,
    /// `OTEL_RESOURCE_ATTRIBUTES`: `name=value`, separated by commas, values percent-encoded.
    pub(crate) attributes: Vec<(String, String)>,
    /// `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG`. Default: `parentbased_always_on`.
    pub(crate) sampler: TraceSampler,
    /// `OTEL_BSP_SCHEDULE_DELAY`. Default: 5 seconds.
    pub(crate) delay: Duration,
    /// `OTEL_BSP_MAX_QUEUE_SIZE`: spans that may wait; what comes beyond is dropped. Default: 2048.
    pub(crate) queue: usize,
    /// `OTEL_BSP_MAX_EXPORT_BATCH_SIZE`: spans in a request. Default: 512.
    pub(crate) batch: usize,
}

impl TraceSettings {
    /// Reads the settings; `None` if nothing is traced. `Err` has the name and the reason.
    pub(crate) fn read(find: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, String> {
        let source = Variables { find: &|name| find(name).filter(|text| !text.trim().is_empty()) };
        let Some(endpoint) = source.endpoint()? else { return Ok(None) };
        if source.word("OTEL_SDK_DISABLED", &["false", "true"])? == "true"
            || source.word("OTEL_TRACES_EXPORTER", &["otlp", "none"])? == "none"
        {
            return Ok(None);
        }
        source.exporter_word("PROTOCOL", &["http/protobuf"])?;
        for name in ["CLIENT_KEY", "CLIENT_CERTIFICATE"] {
            if let Some((name, _)) = source.exporter(name) {
                return Err(format!("{name} is not supported: authenticate with {EXPORTER}HEADERS"));
            }
        }
        let (timeout_name, timeout) = source.exporter("TIMEOUT").unzip();
        let timeout = milliseconds(timeout_name.as_deref().unwrap_or_default(), timeout, 10_000)?;
        let most = source.milliseconds("OTEL_BSP_EXPORT_TIMEOUT", 30_000)?;
        let queue = source.number("OTEL_BSP_MAX_QUEUE_SIZE", MAX_QUEUE, 2048)?;
        let mut attributes = match (source.find)("OTEL_RESOURCE_ATTRIBUTES") {
            Some(text) => pairs("OTEL_RESOURCE_ATTRIBUTES", &text)?,
            None => Vec::new(),
        };
        let named = attributes.iter().position(|(name, _)| name == "service.name");
        let named = named.map(|at| attributes.remove(at).1);
        Ok(Some(Self {
            endpoint,
            headers: source.headers()?,
            timeout: timeout.min(most),
            gzip: source.exporter_word("COMPRESSION", &["none", "gzip"])? == "gzip",
            certificate: source.exporter("CERTIFICATE").map(|(_, path)| path.into()),
            service_name: (source.find)("OTEL_SERVICE_NAME").or(named).unwrap_or_else(|| "hookline".to_owned()),
            attributes,
            sampler: source.sampler()?,
            delay: source.milliseconds("OTEL_BSP_SCHEDULE_DELAY", 5000)?,
            queue,
            batch: source.number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", queue, queue.min(512))?,
        }))
    }
}

/// The variables of the environment.
struct Variables<'a> {
    find: &'a dyn Fn(&str) -> Option<String>,
}

impl Variables<'_> {
    /// A variable of the exporter, with its name: the one for traces alone wins.
    fn exporter(&self, name: &str) -> Option<(String, String)> {
        [format!("{EXPORTER}TRACES_{name}"), format!("{EXPORTER}{name}")]
            .into_iter()
            .find_map(|name| (self.find)(&name).map(|text| (name, text)))
    }

    fn endpoint(&self) -> Result<Option<Url>, String> {
        let Some((name, text)) = self.exporter("ENDPOINT") else { return Ok(None) };
        let reason = || format!("{name} must be a URL, for instance http://127.0.0.1:4318");
        let mut url = Url::parse(text.trim()).map_err(|_| reason())?;
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
            return Err(reason());
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(format!("{name} must have no user and no password: authenticate with {EXPORTER}HEADERS"));
        }
        if !name.ends_with("TRACES_ENDPOINT") {
            let path = format!("{}/v1/traces", url.path().trim_end_matches('/'));
            url.set_path(&path);
        }
        Ok(Some(url))
    }

    fn headers(&self) -> Result<Vec<(String, Secret<String>)>, String> {
        let Some((name, text)) = self.exporter("HEADERS") else { return Ok(Vec::new()) };
        let pairs = pairs(&name, &text)?;
        let valid =
            |(key, value): &(String, String)| HeaderName::from_str(key).is_ok() && HeaderValue::from_str(value).is_ok();
        if !pairs.iter().all(valid) {
            return Err(format!("{name} has a name or value that no header can have"));
        }
        Ok(pairs.into_iter().map(|(key, value)| (key, Secret::new(value))).collect())
    }

    fn sampler(&self) -> Result<TraceSampler, String> {
        let words = [
            "parentbased_always_on",
            "parentbased_always_off",
            "parentbased_traceidratio",
            "always_on",
            "always_off",
            "traceidratio",
        ];
        let word = self.word("OTEL_TRACES_SAMPLER", &words)?;
        let ratio = match word.trim_start_matches("parentbased_") {
            "always_on" => 1.0,
            "always_off" => 0.0,
            _ => match (self.find)("OTEL_TRACES_SAMPLER_ARG") {
                None => 1.0,
                Some(text) => text
                    .trim()
                    .parse()
                    .ok()
                    .filter(|ratio| (0.0..=1.0).contains(ratio))
                    .ok_or("OTEL_TRACES_SAMPLER_ARG must be a number from 0 to 1, for instance 0.1")?,
            },
        };
        Ok(TraceSampler { ratio, follows_parent: word.starts_with("parentbased_") })
    }

    /// One of some words, in any case; the first is the default.
    fn word(&self, name: &str, words: &[&'static str]) -> Result<&'static str, String> {
        one_of(name, (self.find)(name), words)
    }

    /// The same, of the exporter.
    fn exporter_word(&self, name: &str, words: &[&'static str]) -> Result<&'static str, String> {
        let (name, text) = self.exporter(name).unzip();
        one_of(name.as_deref().unwrap_or_default(), text, words)
    }

    fn milliseconds(&self, name: &str, default: u64) -> Result<Duration, String> {
        milliseconds(name, (self.find)(name), default)
    }

    fn number(&self, name: &str, most: usize, default: usize) -> Result<usize, String> {
        let Some(text) = (self.find)(name) else { return Ok(default) };
        let number = text.trim().parse().ok().filter(|number| (1..=most).contains(number));
        number.ok_or_else(|| format!("{name} must be a whole number from 1 to {most}, for instance {default}"))
    }
}

fn one_of(name: &str, text: Option<String>, words: &[&'static str]) -> Result<&'static str, String> {
    let Some(text) = text else { return Ok(words[0]) };
    let found = words.iter().find(|word| word.eq_ignore_ascii_case(text.trim()));
    found.copied().ok_or_else(|| format!("{name} must be {}", words.join(" or ")))
}

fn milliseconds(name: &str, text: Option<String>, default: u64) -> Result<Duration, String> {
    let Some(text) = text else { return Ok(Duration::from_millis(default)) };
    let number = text.trim().parse().ok().filter(|number| (1..=3_600_000).contains(number));
    let reason = || format!("{name} must be milliseconds, at most an hour, for instance {default}");
    number.map(Duration::from_millis).ok_or_else(reason)
}

/// `name=value` with commas between them; values percent-encoded.
fn pairs(name: &str, text: &str) -> Result<Vec<(String, String)>, String> {
    let pair = |part: &str| {
        let (key, value) = part.split_once('=')?;
        let value = percent_decode_str(value.trim()).decode_utf8().ok()?;
        Some((key.trim().to_owned(), value.into_owned())).filter(|(key, _)| !key.is_empty())
    };
    let parts = text.split(',').filter(|part| !part.trim().is_empty()).map(pair);
    parts.collect::<Option<_>>().ok_or_else(|| format!("{name} must be name=value, with commas between them"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ON: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318");

    fn read(variables: &[(&str, &str)]) -> Result<Option<TraceSettings>, String> {
        TraceSettings::read(|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    fn endpoint(variables: &[(&str, &str)]) -> Option<String> {
        read(variables).unwrap().map(|settings| settings.endpoint.to_string())
    }

    #[test]
    fn traces_are_off_unless_an_endpoint_is_set() {
        assert_eq!(endpoint(&[]), None);
        assert_eq!(endpoint(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "  ")]), None);
        assert_eq!(endpoint(&[("OTEL_TRACES_SAMPLER", "nonsense")]), None, "they are off");
        assert_eq!(endpoint(&[ON]).as_deref(), Some("http://127.0.0.1:4318/v1/traces"));
        assert_eq!(endpoint(&[ON, ("OTEL_TRACES_EXPORTER", "none")]), None);
        assert_eq!(endpoint(&[ON, ("OTEL_SDK_DISABLED", "TRUE")]), None);
        let below = ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://otel.example/otlp/");
        assert_eq!(endpoint(&[below]).as_deref(), Some("https://otel.example/otlp/v1/traces"));
        let exact = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://otel.example/in");
        assert_eq!(endpoint(&[ON, exact]).as_deref(), Some("https://otel.example/in"));
    }

    #[test]
    fn all_standard_variables_are_read() {
        let defaults = read(&[ON]).unwrap().unwrap();
        assert_eq!((defaults.service_name.as_str(), defaults.attributes.len()), ("hookline", 0));
        assert_eq!((defaults.timeout, defaults.delay), (Duration::from_secs(10), Duration::from_secs(5)));
        assert_eq!((defaults.queue, defaults.batch, defaults.gzip), (2048, 512, false));
        assert_eq!(defaults.sampler, TraceSampler { ratio: 1.0, follows_parent: true });

        let settings = read(&[
            ON,
            ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Basic%20abc, x-b=1=2"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "9999"),
            ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "4000"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/protobuf"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
            ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/etc/ca.pem"),
            ("OTEL_RESOURCE_ATTRIBUTES", "service.name=other,deployment.environment=a%2Cb"),
            ("OTEL_TRACES_SAMPLER", "traceidratio"),
            ("OTEL_TRACES_SAMPLER_ARG", "0.25"),
            ("OTEL_BSP_SCHEDULE_DELAY", "100"),
            ("OTEL_BSP_EXPORT_TIMEOUT", "3000"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "64"),
        ])
        .unwrap()
        .unwrap();
        let headers: Vec<_> =
            settings.headers.iter().map(|(key, value)| (key.as_str(), value.expose().as_str())).collect();
        assert_eq!(headers, [("authorization", "Basic abc"), ("x-b", "1=2")]);
        assert_eq!((settings.timeout, settings.delay), (Duration::from_secs(3), Duration::from_millis(100)));
        assert_eq!((settings.queue, settings.batch, settings.gzip), (64, 64, true));
        assert_eq!(settings.certificate, Some("/etc/ca.pem".into()));
        assert_eq!(settings.service_name, "other");
        assert_eq!(settings.attributes, [("deployment.environment".to_owned(), "a,b".to_owned())]);
        assert_eq!(settings.sampler, TraceSampler { ratio: 0.25, follows_parent: false });
        let named = [ON, ("OTEL_RESOURCE_ATTRIBUTES", "service.name=other"), ("OTEL_SERVICE_NAME", "mine")];
        assert_eq!(read(&named).unwrap().unwrap().service_name, "mine");
    }

    #[test]
    fn bad_values_are_refused_with_their_name_and_never_shown() {
        for (name, value) in [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "canary:4318"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "grpc://canary"),
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://ada:canary@127.0.0.1"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "canary"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "a b=canary"),
            ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "a=canary%0d%0a"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "a=%ffcanary"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "0"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "canary"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd"),
            ("OTEL_EXPORTER_OTLP_CLIENT_KEY", "/canary"),
            ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", "/canary"),
            ("OTEL_TRACES_EXPORTER", "zipkin"),
            ("OTEL_SDK_DISABLED", "perhaps"),
            ("OTEL_RESOURCE_ATTRIBUTES", "canary"),
            ("OTEL_RESOURCE_ATTRIBUTES", "=canary"),
            ("OTEL_TRACES_SAMPLER", "jaeger_remote"),
            ("OTEL_BSP_SCHEDULE_DELAY", "-1"),
            ("OTEL_BSP_EXPORT_TIMEOUT", "3600001"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "100001"),
            ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "2049"),
        ] {
            let error = read(&[(name, value), ON]).unwrap_err();
            assert!(error.starts_with(name) && !error.contains("canary"), "{name}={value}: {error}");
        }
        for ratio in ["1.1", "-1", "NaN", "x"] {
            let sampler = [ON, ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", ratio)];
            assert!(read(&sampler).unwrap_err().starts_with("OTEL_TRACES_SAMPLER_ARG"), "{ratio}");
        }
    }
}
