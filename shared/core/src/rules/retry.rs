//! What comes after an attempt (section 8): for its message, for its webhook and for its endpoint host.
//!
//! [`judge`] is pure: time, chance and what was counted so far are passed in. Only what the endpoint did to a published
//! event counts. A failed test has no consequences; a failed verify message is retried, and nothing else follows from
//! it. A success lifts the throttle of its host, whatever the message was.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::model::{DisabledBy, MessageKind, WebhookHealth};
use crate::values::clock::after_wait;
use crate::values::http_date;

/// Attempts of one run.
pub const MAX_ATTEMPTS: u8 = 10;

/// The wait after each failed attempt but the last.
pub const BACKOFF: [Duration; 9] = [
    Duration::from_secs(15),
    Duration::from_secs(30),
    Duration::from_mins(1),
    Duration::from_mins(2),
    Duration::from_mins(4),
    Duration::from_mins(8),
    Duration::from_mins(15),
    Duration::from_mins(30),
    Duration::from_hours(1),
];

/// The longest wait that an endpoint may ask for with `Retry-After`.
pub const MAX_HOLD: Duration = Duration::from_hours(1);

/// The result of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptResult<'a> {
    /// A 2xx: the endpoint accepted the message.
    Accepted,
    /// Any other status.
    Rejected {
        /// The status.
        status: u16,
        /// The value of `Retry-After`, as it came.
        retry_after: Option<&'a str>,
        /// The value of `webhook-delivery`, as it came.
        directive: Option<&'a str>,
    },
    /// No response.
    NoAnswer,
}

/// What the rules need to know of an attempt.
#[derive(Debug, Clone, Copy)]
pub struct AttemptHistory {
    /// Why the message was sent.
    pub kind: MessageKind,
    /// 1 to 10.
    pub attempt: u8,
    /// When the run ends at the latest.
    pub run_ends: Timestamp,
}

/// The numbers that the rules work with.
#[derive(Debug, Clone, Copy)]
pub struct RetryRules {
    /// Scales all waits; 1 in production.
    pub scale: f64,
    /// Spreads the waits by 0–10 %: in `0.0..1.0`.
    pub chance: f64,
    /// The number of failures without a success that disables a webhook …
    pub disable_after_failures: u32,
    /// … if the first of them is at least this long ago.
    pub disable_after: Duration,
}

/// What an attempt led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// For the message.
    pub message: NextStep,
    /// For the webhook.
    pub webhook: WebhookEffect,
    /// For the endpoint host.
    pub host: HostEffect,
    /// The endpoint asked for a pause until then. It applies to all messages to its host.
    pub hold: Option<Timestamp>,
}

/// What comes next for a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextStep {
    /// The endpoint accepted it. The message has ended.
    Succeeded,
    /// It failed; the next attempt is due then.
    Retry {
        /// When.
        at: Timestamp,
    },
    /// It failed, and there is no further attempt.
    Dropped,
    /// A test failed: nothing follows.
    TestFailed,
}

/// What an attempt means for its webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookEffect {
    /// Nothing.
    Unchanged,
    /// A success: the count of failures is reset.
    Healthy,
    /// A failure that counts.
    Failed,
    /// A failure that counts and reaches the limit.
    Disable(DisabledBy),
}

/// What an attempt means for its endpoint host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostEffect {
    /// Nothing.
    Unchanged,
    /// It works.
    Succeeded,
    /// It answered with an error of this webhook alone: the count of failures is reset, but a throttle stays.
    Answered,
    /// It did not answer, or answered that it is unavailable.
    Failed,
}

/// Decides what comes after an attempt. `webhook` is the webhook's health with this failure counted already, if it is
/// one that counts.
#[must_use]
pub fn judge(
    ending: AttemptResult<'_>,
    history: AttemptHistory,
    webhook: &WebhookHealth,
    now: Timestamp,
    rules: RetryRules,
) -> Verdict {
    let counts = history.kind == MessageKind::Event;
    let (status, hold, directive) = match ending {
        AttemptResult::Accepted => {
            return Verdict {
                message: NextStep::Succeeded,
                webhook: if counts { WebhookEffect::Healthy } else { WebhookEffect::Unchanged },
                host: HostEffect::Succeeded,
                hold: None,
            };
        }
        AttemptResult::Rejected { status, retry_after, directive } => {
            (Some(status), hold(status, retry_after, now, rules.scale), directive)
        }
        AttemptResult::NoAnswer => (None, None, None),
    };
    let asks = |wanted: &str| directive.is_some_and(|directive| directive.trim().eq_ignore_ascii_case(wanted));
    let gone = status == Some(410) || asks("disable");
    let message = match history.kind {
        MessageKind::Test => {
            let nothing = (WebhookEffect::Unchanged, HostEffect::Unchanged);
            return Verdict { message: NextStep::TestFailed, webhook: nothing.0, host: nothing.1, hold: None };
        }
        MessageKind::Event | MessageKind::Verify if gone || asks("abort-message") => NextStep::Dropped,
        MessageKind::Event | MessageKind::Verify => retry(history, hold, now, rules),
    };
    let webhook = match (counts, gone) {
        (false, _) => WebhookEffect::Unchanged,
        (true, true) => WebhookEffect::Disable(DisabledBy::Gone),
        (true, false) if is_hopeless(webhook, now, rules) => WebhookEffect::Disable(DisabledBy::Failures),
        (true, false) => WebhookEffect::Failed,
    };
    let hold = hold.filter(|_| counts);
    let host = match status {
        _ if !counts => HostEffect::Unchanged,
        None | Some(429 | 502..=504) => HostEffect::Failed,
        Some(_) => HostEffect::Answered,
    };
    Verdict { message, webhook, host, hold }
}

/// The next attempt of the run, not before the endpoint wants it.
fn retry(history: AttemptHistory, hold: Option<Timestamp>, now: Timestamp, rules: RetryRules) -> NextStep {
    match BACKOFF.get(usize::from(history.attempt.max(1)) - 1) {
        Some(wait) if history.attempt < MAX_ATTEMPTS && now < history.run_ends => {
            let at = now + wait.mul_f64(rules.scale * (1.0 + rules.chance / 10.0));
            NextStep::Retry { at: hold.map_or(at, |hold| hold.max(at)) }
        }
        Some(_) | None => NextStep::Dropped,
    }
}

/// Until when a 429 or 503 holds its host. An invalid `Retry-After` is ignored.
fn hold(status: u16, retry_after: Option<&str>, now: Timestamp, scale: f64) -> Option<Timestamp> {
    let wait = match status {
        429 | 503 => http_date::parse(retry_after?, now)?,
        _ => return None,
    };
    let wait = wait.min(MAX_HOLD).mul_f64(scale);
    (!wait.is_zero()).then(|| after_wait(now, wait))
}

/// True if a webhook has failed too often for too long.
#[must_use]
fn is_hopeless(health: &WebhookHealth, now: Timestamp, rules: RetryRules) -> bool {
    let for_long = health.first_failure_at.is_some_and(|first| {
        let longest = SignedDuration::try_from(rules.disable_after).unwrap_or(SignedDuration::MAX);
        now.duration_since(first) >= longest
    });
    for_long && health.failures >= rules.disable_after_failures
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400;

    const RULES: RetryRules =
        RetryRules { scale: 1.0, chance: 0.0, disable_after_failures: 20, disable_after: Duration::from_hours(24 * 7) };

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn health(failures: u32, first: i64) -> WebhookHealth {
        WebhookHealth { last_error: Some("Timeout".into()), failures, first_failure_at: Some(at(first)) }
    }

    fn refused(status: u16) -> AttemptResult<'static> {
        AttemptResult::Rejected { status, retry_after: None, directive: None }
    }

    /// Of an attempt at second 10,000 of a run that ends long after, by a webhook that has not failed for long.
    fn judged(ending: AttemptResult<'_>, kind: MessageKind, attempt: u8) -> Verdict {
        let history = AttemptHistory { kind, attempt, run_ends: at(DAY) };
        judge(ending, history, &health(1, 10_000), at(10_000), RULES)
    }

    #[test]
    fn what_an_ending_means() {
        use HostEffect as H;
        use MessageKind::{Event, Test, Verify};
        use WebhookEffect as W;
        let (taken, silent) = (AttemptResult::Accepted, AttemptResult::NoAnswer);
        let later = NextStep::Retry { at: at(10_015) };
        let gone = W::Disable(DisabledBy::Gone);
        for (ending, kind, attempt, message, webhook, host) in [
            (taken, Event, 1, NextStep::Succeeded, W::Healthy, H::Succeeded),
            (taken, Event, 10, NextStep::Succeeded, W::Healthy, H::Succeeded),
            (taken, Test, 1, NextStep::Succeeded, W::Unchanged, H::Succeeded),
            (taken, Verify, 1, NextStep::Succeeded, W::Unchanged, H::Succeeded),
            (silent, Event, 1, later, W::Failed, H::Failed),
            (silent, Event, 10, NextStep::Dropped, W::Failed, H::Failed),
            (silent, Test, 1, NextStep::TestFailed, W::Unchanged, H::Unchanged),
            (silent, Verify, 1, later, W::Unchanged, H::Unchanged),
            (silent, Verify, 10, NextStep::Dropped, W::Unchanged, H::Unchanged),
            (refused(301), Event, 1, later, W::Failed, H::Answered),
            (refused(404), Event, 1, later, W::Failed, H::Answered),
            (refused(404), Event, 10, NextStep::Dropped, W::Failed, H::Answered),
            (refused(429), Event, 1, later, W::Failed, H::Failed),
            (refused(500), Event, 1, later, W::Failed, H::Answered),
            (refused(501), Event, 1, later, W::Failed, H::Answered),
            (refused(502), Event, 1, later, W::Failed, H::Failed),
            (refused(503), Event, 1, later, W::Failed, H::Failed),
            (refused(504), Event, 1, later, W::Failed, H::Failed),
            (refused(505), Event, 1, later, W::Failed, H::Answered),
            (refused(410), Event, 1, NextStep::Dropped, gone, H::Answered),
            (refused(410), Verify, 1, NextStep::Dropped, W::Unchanged, H::Unchanged),
            (refused(410), Test, 1, NextStep::TestFailed, W::Unchanged, H::Unchanged),
        ] {
            let verdict = Verdict { message, webhook, host, hold: None };
            assert_eq!(judged(ending, kind, attempt), verdict, "{ending:?} of {kind:?}, attempt {attempt}");
        }
    }

    #[test]
    fn an_endpoint_ends_a_message_or_disables_its_webhook_with_a_header() {
        let (gone, failed) = (WebhookEffect::Disable(DisabledBy::Gone), WebhookEffect::Failed);
        let later = NextStep::Retry { at: at(10_015) };
        for (directive, message, webhook) in [
            ("disable", NextStep::Dropped, gone),
            (" Disable ", NextStep::Dropped, gone),
            ("abort-message", NextStep::Dropped, failed),
            ("abort", later, failed),
            ("", later, failed),
        ] {
            for (status, host) in [(400, HostEffect::Answered), (503, HostEffect::Failed)] {
                let ending = AttemptResult::Rejected { status, retry_after: None, directive: Some(directive) };
                let verdict = judged(ending, MessageKind::Event, 1);
                assert_eq!(verdict, Verdict { message, webhook, host, hold: None }, "{status} {directive}");
                assert_eq!(judged(ending, MessageKind::Verify, 2).webhook, WebhookEffect::Unchanged);
                assert_eq!(judged(ending, MessageKind::Test, 1).message, NextStep::TestFailed);
            }
        }
    }

    #[test]
    fn the_waits_are_those_of_the_contract() {
        let waits = [15, 30, 60, 120, 240, 480, 900, 1800, 3600];
        let history = |attempt| AttemptHistory { kind: MessageKind::Event, attempt, run_ends: at(DAY) };
        for (attempt, wait) in (1..).zip(waits) {
            for (scale, chance, factor) in [(1.0, 0.0, 1.0), (1.0, 0.5, 1.05), (1.0, 0.999_999, 1.1), (0.1, 0.0, 0.1)] {
                let rules = RetryRules { scale, chance, ..RULES };
                let verdict = judge(AttemptResult::NoAnswer, history(attempt), &WebhookHealth::default(), at(0), rules);
                let NextStep::Retry { at } = verdict.message else { panic!("attempt {attempt}") };
                let seconds = at.duration_since(Timestamp::UNIX_EPOCH).as_secs_f64();
                assert!((seconds - f64::from(wait) * factor).abs() < 0.01, "attempt {attempt}: {seconds}");
            }
        }
        for attempt in [10, 11, u8::MAX] {
            let verdict = judge(AttemptResult::NoAnswer, history(attempt), &WebhookHealth::default(), at(0), RULES);
            assert_eq!(verdict.message, NextStep::Dropped, "attempt {attempt}");
        }
    }

    #[test]
    fn a_run_ends_in_time_unless_the_endpoint_took_the_message() {
        let history = AttemptHistory { kind: MessageKind::Event, attempt: 3, run_ends: at(100) };
        let message = |ending, second| judge(ending, history, &WebhookHealth::default(), at(second), RULES).message;
        assert_eq!(message(AttemptResult::NoAnswer, 99), NextStep::Retry { at: at(159) });
        assert_eq!(message(AttemptResult::NoAnswer, 100), NextStep::Dropped);
        assert_eq!(message(AttemptResult::Accepted, 100), NextStep::Succeeded);
    }

    #[test]
    fn retry_after_of_429_and_503_holds_the_host_and_the_message() {
        for (status, retry_after, hold) in [
            (429, "120", Some(120)),
            (503, "120", Some(120)),
            (503, "1", Some(1)),
            (503, "Thu, 01 Jan 1970 02:51:40 GMT", Some(300)),
            (429, "86400", Some(3600)),
            (429, "99999999999999999999999", Some(3600)),
            (429, "Mon, 01 Jan 2970 00:00:00 GMT", Some(3600)),
            (503, "0", None),
            (503, "-5", None),
            (503, "soon", None),
            (503, "", None),
            (503, "Thu, 01 Jan 1970 00:00:00 GMT", None),
            (500, "120", None),
            (502, "120", None),
            (404, "120", None),
            (301, "120", None),
        ] {
            let ending = AttemptResult::Rejected { status, retry_after: Some(retry_after), directive: None };
            let hold = hold.map(|seconds| at(10_000 + seconds));
            for (kind, attempt, own) in
                [(MessageKind::Event, 1, 15), (MessageKind::Event, 9, 3600), (MessageKind::Verify, 2, 30)]
            {
                let verdict = judged(ending, kind, attempt);
                let next = hold.map_or(at(10_000 + own), |hold| hold.max(at(10_000 + own)));
                let counts = kind == MessageKind::Event;
                assert_eq!(verdict.hold, hold.filter(|_| counts), "{ending:?} of {kind:?}: a verify message never");
                assert_eq!(verdict.message, NextStep::Retry { at: next }, "{ending:?} of {kind:?}");
            }
            assert_eq!(judged(ending, MessageKind::Event, 10).hold, hold, "{ending:?}: the last attempt too");
            assert_eq!(judged(ending, MessageKind::Test, 1).hold, None, "{ending:?}: a test never");
        }
    }

    #[test]
    fn twenty_failures_in_seven_days_disable_a_webhook() {
        let history = AttemptHistory { kind: MessageKind::Event, attempt: 10, run_ends: at(i64::from(u32::MAX)) };
        let webhook = |ending, kind, failures, age| {
            let now = at(100 * DAY);
            let health = health(failures, 100 * DAY - age);
            judge(ending, AttemptHistory { kind, ..history }, &health, now, RULES).webhook
        };
        let (too_many, failed) = (WebhookEffect::Disable(DisabledBy::Failures), WebhookEffect::Failed);
        for (failures, age, expected) in [
            (20, 7 * DAY, too_many),
            (500, 70 * DAY, too_many),
            (19, 7 * DAY, failed),
            (20, 7 * DAY - 1, failed),
            (1, 70 * DAY, failed),
            (1000, 0, failed),
        ] {
            assert_eq!(webhook(refused(404), MessageKind::Event, failures, age), expected, "{failures} in {age} s");
            assert_eq!(
                webhook(AttemptResult::NoAnswer, MessageKind::Event, failures, age),
                expected,
                "{failures} in {age} s"
            );
            assert_eq!(webhook(refused(404), MessageKind::Test, failures, age), WebhookEffect::Unchanged);
            assert_eq!(webhook(refused(404), MessageKind::Verify, failures, age), WebhookEffect::Unchanged);
            assert_eq!(webhook(AttemptResult::Accepted, MessageKind::Event, failures, age), WebhookEffect::Healthy);
        }
        assert_eq!(webhook(refused(410), MessageKind::Event, 20, 7 * DAY), WebhookEffect::Disable(DisabledBy::Gone));
    }
}
