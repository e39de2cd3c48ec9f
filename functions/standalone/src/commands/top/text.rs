//! The figures as text and as JSON.

use std::collections::BTreeMap;

use hookline_core::values::{Clock as _, System};
use reqwest::Url;
use serde_json::{Value, json};

use super::failing_webhooks::WebhookReport;
use super::figures::{Figures, OUTCOMES, Percentiles};
use crate::output::one_line;

/// All figures, a line per subject. Texts of others are escaped.
pub(super) fn block(url: &Url, figures: &Figures, webhooks: &WebhookReport) -> Vec<String> {
    let uptime = System.now().as_duration().as_secs_f64() - figures.started;
    let place = format!("{}:{}", url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or_default());
    let mut lines = vec![
        one_line(&format!("hookline {} at {place}, up {}", figures.version, seconds(uptime.max(0.0)))).into_owned(),
        String::new(),
        row("events", &[("accepted", per_second(figures.accepted)), ("refused", per_second(figures.refused))]),
        row("deliveries", &outcomes(figures)),
        row("failures", &rates(&figures.faults)),
        row("lag", &percentiles(figures.lag)),
        row("request", &percentiles(figures.request)),
        row("end to end", &percentiles(figures.end_to_end)),
        row(
            "queue",
            &[
                ("waiting", figures.waiting.to_string()),
                ("oldest due", seconds(figures.oldest_due)),
                ("in flight", figures.in_flight.to_string()),
            ],
        ),
        row("hosts", &[("throttled", figures.hosts_throttled.to_string())]),
        row(
            "webhooks",
            &[("enabled", figures.webhooks_enabled.to_string()), ("disabled", figures.webhooks_disabled.to_string())],
        ),
        row(
            "API",
            &[
                ("requests", per_second(figures.api_requests)),
                ("5xx", per_second(figures.api_faults)),
                ("p95", measured(figures.api.p95)),
            ],
        ),
        row(
            "process",
            &[
                ("processor", format!("{:.0} %", figures.processor * 100.0)),
                ("memory", bytes(figures.memory)),
                ("database", bytes(figures.store)),
                ("disk left", bytes(figures.free)),
            ],
        ),
        String::new(),
    ];
    lines.extend(failing(webhooks));
    lines
}

/// The main figures in one line.
pub(super) fn line(figures: &Figures) -> String {
    let mut cells = vec![("accepted", per_second(figures.accepted))];
    cells.extend(outcomes(figures).into_iter().filter(|(outcome, _)| *outcome != "skipped"));
    cells.extend([
        ("lag p95", measured(figures.lag.p95)),
        ("waiting", figures.waiting.to_string()),
        ("oldest due", seconds(figures.oldest_due)),
        ("in flight", figures.in_flight.to_string()),
        ("hosts throttled", figures.hosts_throttled.to_string()),
    ]);
    cells.iter().map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>().join(", ")
}

/// Everything, with durations in seconds.
pub(super) fn json(time: &str, figures: &Figures, webhooks: &WebhookReport) -> Value {
    let percentiles = |found: Percentiles| json!({"median": found.median, "p95": found.p95});
    let failing = match webhooks {
        WebhookReport::Failing(since, failing) => {
            let webhooks = failing.iter().map(|webhook| {
                let name = &webhook.name;
                json!({
                    "id": webhook.id, "name": name, "succeeded": webhook.succeeded, "failed": webhook.failed,
                    "dropped": webhook.dropped,
                })
            });
            json!({"since": since, "webhooks": webhooks.collect::<Vec<_>>()})
        }
        WebhookReport::Refused(reason) => json!({"error": reason}),
        WebhookReport::NoToken | WebhookReport::Asking => Value::Null,
    };
    json!({
        "time": time,
        "version": figures.version,
        "events": {"accepted": figures.accepted, "refused": figures.refused},
        "deliveries": figures.outcomes,
        "failures": figures.faults,
        "lag": percentiles(figures.lag),
        "request": percentiles(figures.request),
        "end_to_end": percentiles(figures.end_to_end),
        "messages_waiting": figures.waiting,
        "oldest_due": figures.oldest_due,
        "in_flight": figures.in_flight,
        "hosts_throttled": figures.hosts_throttled,
        "webhooks": {"enabled": figures.webhooks_enabled, "disabled": figures.webhooks_disabled},
        "api": {"requests": figures.api_requests, "faults": figures.api_faults, "p95": figures.api.p95},
        "processor": figures.processor,
        "memory_bytes": figures.memory,
        "store_bytes": figures.store,
        "store_free_bytes": figures.free,
        "failing_webhooks": failing,
    })
}

fn failing(webhooks: &WebhookReport) -> Vec<String> {
    let (since, failing) = match webhooks {
        WebhookReport::NoToken => {
            return vec!["With a token, the webhooks with most failures are shown here.".to_owned()];
        }
        WebhookReport::Asking => return Vec::new(),
        WebhookReport::Refused(reason) => return vec![one_line(reason).into_owned()],
        WebhookReport::Failing(since, failing) => (since, failing),
    };
    if failing.is_empty() {
        return vec![format!("No webhook of the account has failed since {since}.")];
    }
    let mut lines = vec![
        format!("Webhooks of the account with most failures since {since}:"),
        format!("{:>8} {:>8} {:>10}  {:>8}  name", "failed", "dropped", "succeeded", "id"),
    ];
    lines.extend(failing.iter().map(|webhook| {
        format!(
            "{:>8} {:>8} {:>10}  {:>8}  {}",
            webhook.failed,
            webhook.dropped,
            webhook.succeeded,
            webhook.id,
            one_line(&webhook.name)
        )
    }));
    lines
}

fn row(subject: &str, cells: &[(&str, String)]) -> String {
    let mut row = format!("{subject:<12}");
    for (name, value) in cells {
        row += &format!("{:<20}", format!("{name} {value}"));
    }
    row.trim_end().to_owned()
}

fn outcomes(figures: &Figures) -> Vec<(&str, String)> {
    let rate = |outcome| figures.outcomes.get(outcome).copied().unwrap_or_default();
    OUTCOMES.into_iter().map(|outcome| (outcome, per_second(rate(outcome)))).collect()
}

fn rates(rates: &BTreeMap<String, f64>) -> Vec<(&str, String)> {
    rates.iter().map(|(name, rate)| (name.as_str(), per_second(*rate))).collect()
}

fn percentiles(found: Percentiles) -> [(&'static str, String); 2] {
    [("median", measured(found.median)), ("p95", measured(found.p95))]
}

fn per_second(rate: f64) -> String {
    format!("{rate:.1}/s")
}

fn measured(duration: Option<f64>) -> String {
    duration.map_or_else(|| "-".to_owned(), seconds)
}

/// A duration with the unit that fits.
fn seconds(duration: f64) -> String {
    match duration {
        short if short < 0.995 => format!("{:.0} ms", short * 1000.0),
        short if short < 99.5 => format!("{short:.0} s"),
        medium if medium < 5970.0 => format!("{:.0} min", medium / 60.0),
        long if long < 172_800.0 => format!("{:.0} h", long / 3600.0),
        days => format!("{:.0} d", days / 86_400.0),
    }
}

/// A size with the unit that fits.
fn bytes(size: f64) -> String {
    match size {
        small if small < 1_048_576.0 => format!("{:.0} KiB", small / 1024.0),
        medium if medium < 1_073_741_824.0 => format!("{:.0} MiB", medium / 1_048_576.0),
        large => format!("{:.1} GiB", large / 1_073_741_824.0),
    }
}

#[cfg(test)]
mod tests {
    use super::super::failing_webhooks::FailingWebhook;
    use super::super::samples::tests::reading;
    use super::*;

    #[test]
    fn units_fit() {
        for (duration, expected) in [
            (0.0, "0 ms"),
            (0.0123, "12 ms"),
            (0.9, "900 ms"),
            (15.0, "15 s"),
            (120.0, "2 min"),
            (7200.0, "2 h"),
            (864_000.0, "10 d"),
        ] {
            assert_eq!(seconds(duration), expected);
        }
        for (size, expected) in [(2048.0, "2 KiB"), (45e6, "43 MiB"), (5e9, "4.7 GiB")] {
            assert_eq!(bytes(size), expected);
        }
        assert_eq!(measured(None), "-");
    }

    #[test]
    fn texts_of_others_are_escaped() {
        let figures = Figures::between(&reading(0, ""), &reading(1, "hookline_build_info{version=\"\u{1b}[2J\"} 1\n"));
        let name = "\u{1b}]0;owned\u{7}\n\u{202e}x".to_owned();
        let webhook = FailingWebhook { id: 7, name, failed: 2, ..FailingWebhook::default() };
        let url = Url::parse("http://127.0.0.1:9464/metrics").unwrap();
        for report in [
            WebhookReport::Failing("2026-11-28T20:00:00Z".to_owned(), vec![webhook]),
            WebhookReport::Refused("\u{1b}[2J\n".to_owned()),
        ] {
            let lines = block(&url, &figures, &report);
            assert!(lines.iter().all(|line| !line.contains(|character: char| character.is_control())), "{lines:?}");
            assert!(lines.iter().any(|line| line.contains("\\u001b")));
            assert!(!lines.iter().any(|line| line.contains('\u{202e}')));
        }
        assert!(!line(&figures).contains('\n'));
    }
}
