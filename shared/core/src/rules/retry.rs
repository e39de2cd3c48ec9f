//! What comes after an attempt (section 8): for its message, for its webhook and for its endpoint host.
//!
//! [`judge`] is pure: time, chance and what was counted so far are passed in. Only what the endpoint did to a published
//! event counts. A failed test has no consequences; a failed verify message is retried, and nothing else follows from
//! it. A success is good news whatever the message was.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::message::Kind;
use crate::retry_after;
use crate::throttle::after_wait;
use crate::webhook::{DisabledBy, Health};

/// Attempts of one run.
pub const MAX_ATTEMPTS: u8 = 10;

/// The wait after each failed attempt but the last.
pub const WAITS: [Duration; 9] = [
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
pub const LONGEST_HOLD: Duration = Duration::from_hours(1);

/// What came of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending<'a> {
    /// A 2xx: the endpoint took the message.
    Taken,
    /// Any other status.
    Refused {
        /// The status.
        status: u16,
        /// The value of `Retry-After`, as it came.
        retry_after: Option<&'a str>,
    },
    /// No answer at all.
    NoAnswer,
}

/// What the rules need to know of an attempt.
#[derive(Debug, Clone, Copy)]
pub struct History {
    /// Why the message was sent.
    pub kind: Kind,
    /// 1 to 10.
    pub attempt: u8,
    /// When the run is over, come what may.
    pub run_ends: Timestamp,
}

/// The numbers that the rules work with.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// Scales all waits; 1 in earnest.
    pub scale: f64,
    /// Spreads the waits by 0–10 %: in `0.0..1.0`.
    pub chance: f64,
    /// So many failures without a success disable a webhook …
    pub disable_after_failures: u32,
    /// … if the first of them is so long ago.
    pub disable_after: Duration,
}

/// What an attempt led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// For the message.
    pub message: Next,
    /// For the webhook.
    pub webhook: ForWebhook,
    /// For the endpoint host.
    pub host: ForHost,
    /// The endpoint wants to be left alone until then, by everybody.
    pub hold: Option<Timestamp>,
}

/// What comes next for a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// The endpoint took it. The end.
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
pub enum ForWebhook {
    /// Nothing.
    Unchanged,
    /// Its failures are over.
    Healthy,
    /// A failure that counts.
    Failed,
    /// A failure that counts, and the one too many.
    Disable(DisabledBy),
}

/// What an attempt means for its endpoint host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForHost {
    /// Nothing.
    Unchanged,
    /// It works.
    Succeeded,
    /// It gave an answer that is the webhook's trouble alone: its run of failures is over, but nothing is proved.
    Answered,
    /// It gave no answer, or one that says that it cannot work.
    Failed,
}

/// Decides what comes after an attempt. `webhook` is the webhook's health with this failure counted already, if it is
/// one that counts.
#[must_use]
pub fn judge(ending: Ending<'_>, history: History, webhook: &Health, now: Timestamp, rules: Rules) -> Verdict {
    let counts = history.kind == Kind::Event;
    let (status, hold) = match ending {
        Ending::Taken => {
            return Verdict {
                message: Next::Succeeded,
                webhook: if counts { ForWebhook::Healthy } else { ForWebhook::Unchanged },
                host: ForHost::Succeeded,
                hold: None,
            };
        }
        Ending::Refused { status, retry_after } => (Some(status), hold(status, retry_after, now, rules.scale)),
        Ending::NoAnswer => (None, None),
    };
    let gone = status == Some(410);
    let message = match history.kind {
        Kind::Test => {
            let nothing = (ForWebhook::Unchanged, ForHost::Unchanged);
            return Verdict { message: Next::TestFailed, webhook: nothing.0, host: nothing.1, hold: None };
        }
        Kind::Event | Kind::Verify if gone => Next::Dropped,
        Kind::Event | Kind::Verify => retry(history, hold, now, rules),
    };
    let webhook = match (counts, gone) {
        (false, _) => ForWebhook::Unchanged,
        (true, true) => ForWebhook::Disable(DisabledBy::Gone),
        (true, false) if is_hopeless(webhook, now, rules) => ForWebhook::Disable(DisabledBy::Failures),
        (true, false) => ForWebhook::Failed,
    };
    let hold = hold.filter(|_| counts);
    let host = match status {
        _ if !counts => ForHost::Unchanged,
        None | Some(429 | 502..=504) => ForHost::Failed,
        Some(_) => ForHost::Answered,
    };
    Verdict { message, webhook, host, hold }
}

/// The next attempt of the run, not before the endpoint wants it.
fn retry(history: History, hold: Option<Timestamp>, now: Timestamp, rules: Rules) -> Next {
    match WAITS.get(usize::from(history.attempt.max(1)) - 1) {
        Some(wait) if history.attempt < MAX_ATTEMPTS && now < history.run_ends => {
            let at = now + wait.mul_f64(rules.scale * (1.0 + rules.chance / 10.0));
            Next::Retry { at: hold.map_or(at, |hold| hold.max(at)) }
        }
        Some(_) | None => Next::Dropped,
    }
}

/// Until when a 429 or 503 holds its host. What cannot be understood is not there.
fn hold(status: u16, retry_after: Option<&str>, now: Timestamp, scale: f64) -> Option<Timestamp> {
    let wait = match status {
        429 | 503 => retry_after::parse(retry_after?, now)?,
        _ => return None,
    };
    let wait = wait.min(LONGEST_HOLD).mul_f64(scale);
    (!wait.is_zero()).then(|| after_wait(now, wait))
}

/// True if a webhook has failed too often for too long.
#[must_use]
fn is_hopeless(health: &Health, now: Timestamp, rules: Rules) -> bool {
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
    const RULES: Rules =
        Rules { scale: 1.0, chance: 0.0, disable_after_failures: 20, disable_after: Duration::from_hours(24 * 7) };

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn health(failures: u32, first: i64) -> Health {
        Health { last_error: Some("Timeout".into()), failures, first_failure_at: Some(at(first)) }
    }

    fn refused(status: u16) -> Ending<'static> {
        Ending::Refused { status, retry_after: None }
    }

    /// Of an attempt at second 10,000 of a run that ends long after, by a webhook that has not failed for long.
    fn judged(ending: Ending<'_>, kind: Kind, attempt: u8) -> Verdict {
        let history = History { kind, attempt, run_ends: at(DAY) };
        judge(ending, history, &health(1, 10_000), at(10_000), RULES)
    }

    #[test]
    fn what_an_ending_means() {
        use ForHost as H;
        use ForWebhook as W;
        use Kind::{Event, Test, Verify};
        let (taken, silent) = (Ending::Taken, Ending::NoAnswer);
        let later = Next::Retry { at: at(10_015) };
        let gone = W::Disable(DisabledBy::Gone);
        for (ending, kind, attempt, message, webhook, host) in [
            (taken, Event, 1, Next::Succeeded, W::Healthy, H::Succeeded),
            (taken, Event, 10, Next::Succeeded, W::Healthy, H::Succeeded),
            (taken, Test, 1, Next::Succeeded, W::Unchanged, H::Succeeded),
            (taken, Verify, 1, Next::Succeeded, W::Unchanged, H::Succeeded),
            (silent, Event, 1, later, W::Failed, H::Failed),
            (silent, Event, 10, Next::Dropped, W::Failed, H::Failed),
            (silent, Test, 1, Next::TestFailed, W::Unchanged, H::Unchanged),
            (silent, Verify, 1, later, W::Unchanged, H::Unchanged),
            (silent, Verify, 10, Next::Dropped, W::Unchanged, H::Unchanged),
            (refused(301), Event, 1, later, W::Failed, H::Answered),
            (refused(404), Event, 1, later, W::Failed, H::Answered),
            (refused(404), Event, 10, Next::Dropped, W::Failed, H::Answered),
            (refused(429), Event, 1, later, W::Failed, H::Failed),
            (refused(500), Event, 1, later, W::Failed, H::Answered),
            (refused(501), Event, 1, later, W::Failed, H::Answered),
            (refused(502), Event, 1, later, W::Failed, H::Failed),
            (refused(503), Event, 1, later, W::Failed, H::Failed),
            (refused(504), Event, 1, later, W::Failed, H::Failed),
            (refused(505), Event, 1, later, W::Failed, H::Answered),
            (refused(410), Event, 1, Next::Dropped, gone, H::Answered),
            (refused(410), Verify, 1, Next::Dropped, W::Unchanged, H::Unchanged),
            (refused(410), Test, 1, Next::TestFailed, W::Unchanged, H::Unchanged),
        ] {
            let verdict = Verdict { message, webhook, host, hold: None };
            assert_eq!(judged(ending, kind, attempt), verdict, "{ending:?} of {kind:?}, attempt {attempt}");
        }
    }

    #[test]
    fn the_waits_are_those_of_the_contract() {
        let waits = [15, 30, 60, 120, 240, 480, 900, 1800, 3600];
        let history = |attempt| History { kind: Kind::Event, attempt, run_ends: at(DAY) };
        for (attempt, wait) in (1..).zip(waits) {
            for (scale, chance, factor) in [(1.0, 0.0, 1.0), (1.0, 0.5, 1.05), (1.0, 0.999_999, 1.1), (0.1, 0.0, 0.1)] {
                let rules = Rules { scale, chance, ..RULES };
                let verdict = judge(Ending::NoAnswer, history(attempt), &Health::default(), at(0), rules);
                let Next::Retry { at } = verdict.message else { panic!("attempt {attempt}") };
                let seconds = at.duration_since(Timestamp::UNIX_EPOCH).as_secs_f64();
                assert!((seconds - f64::from(wait) * factor).abs() < 0.01, "attempt {attempt}: {seconds}");
            }
        }
        for attempt in [10, 11, u8::MAX] {
            let verdict = judge(Ending::NoAnswer, history(attempt), &Health::default(), at(0), RULES);
            assert_eq!(verdict.message, Next::Dropped, "attempt {attempt}");
        }
    }

    #[test]
    fn a_run_ends_in_time_unless_the_endpoint_took_the_message() {
        let history = History { kind: Kind::Event, attempt: 3, run_ends: at(100) };
        let message = |ending, second| judge(ending, history, &Health::default(), at(second), RULES).message;
        assert_eq!(message(Ending::NoAnswer, 99), Next::Retry { at: at(159) });
        assert_eq!(message(Ending::NoAnswer, 100), Next::Dropped);
        assert_eq!(message(Ending::Taken, 100), Next::Succeeded);
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
            let ending = Ending::Refused { status, retry_after: Some(retry_after) };
            let hold = hold.map(|seconds| at(10_000 + seconds));
            for (kind, attempt, own) in [(Kind::Event, 1, 15), (Kind::Event, 9, 3600), (Kind::Verify, 2, 30)] {
                let verdict = judged(ending, kind, attempt);
                let next = hold.map_or(at(10_000 + own), |hold| hold.max(at(10_000 + own)));
                let counts = kind == Kind::Event;
                assert_eq!(verdict.hold, hold.filter(|_| counts), "{ending:?} of {kind:?}: a verify message never");
                assert_eq!(verdict.message, Next::Retry { at: next }, "{ending:?} of {kind:?}");
            }
            assert_eq!(judged(ending, Kind::Event, 10).hold, hold, "{ending:?}: the last attempt too");
            assert_eq!(judged(ending, Kind::Test, 1).hold, None, "{ending:?}: a test never");
        }
    }

    #[test]
    fn twenty_failures_in_seven_days_disable_a_webhook() {
        let history = History { kind: Kind::Event, attempt: 10, run_ends: at(i64::from(u32::MAX)) };
        let webhook = |ending, kind, failures, age| {
            let now = at(100 * DAY);
            let health = health(failures, 100 * DAY - age);
            judge(ending, History { kind, ..history }, &health, now, RULES).webhook
        };
        let (too_many, failed) = (ForWebhook::Disable(DisabledBy::Failures), ForWebhook::Failed);
        for (failures, age, expected) in [
            (20, 7 * DAY, too_many),
            (500, 70 * DAY, too_many),
            (19, 7 * DAY, failed),
            (20, 7 * DAY - 1, failed),
            (1, 70 * DAY, failed),
            (1000, 0, failed),
        ] {
            assert_eq!(webhook(refused(404), Kind::Event, failures, age), expected, "{failures} in {age} s");
            assert_eq!(webhook(Ending::NoAnswer, Kind::Event, failures, age), expected, "{failures} in {age} s");
            assert_eq!(webhook(refused(404), Kind::Test, failures, age), ForWebhook::Unchanged);
            assert_eq!(webhook(refused(404), Kind::Verify, failures, age), ForWebhook::Unchanged);
            assert_eq!(webhook(Ending::Taken, Kind::Event, failures, age), ForWebhook::Healthy);
        }
        assert_eq!(webhook(refused(410), Kind::Event, 20, 7 * DAY), ForWebhook::Disable(DisabledBy::Gone));
    }
}
