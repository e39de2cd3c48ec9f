//! The rules of section 8 a second time, written down as rows: what must follow from an attempt. The runs compare what
//! the engine decided with these, and count which rows they met.

use std::fmt;
use std::time::Duration;

use hookline_core::model::{Attempt, Delivery, MessageKind, Outcome, ResponseRecord, WebhookHealth};
use hookline_core::settings::CoreSettings;
use jiff::Timestamp;

use crate::world::{Sent, Working};

/// The waits after the attempts 1 to 9, in seconds.
pub(crate) const WAITS: [u64; 9] = [15, 30, 60, 120, 240, 480, 900, 1800, 3600];
/// The longest run.
pub(crate) const LONGEST_RUN: Duration = Duration::from_hours(72);
/// Attempts of a run.
pub(crate) const ATTEMPTS: u8 = 10;

/// What came of an attempt, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Row {
    /// The endpoint took the message.
    Succeeded,
    /// The endpoint took it, in a redelivery.
    SucceededAgain,
    /// The endpoint took a test.
    TestSucceeded,
    /// The endpoint did not take a test.
    TestFailed,
    /// This attempt failed and another follows.
    Retried(u8),
    /// The last attempt failed.
    DroppedLast,
    /// The endpoint is gone for good: 410.
    DroppedGone,
    /// An attempt failed when the run's time was over.
    DroppedLate,
    /// The run's time was over before the attempt.
    Expired,
    /// A webhook that the service had disabled took a message.
    Recovered,
    /// It did not.
    NotRecovered,
    /// The webhook was deleted.
    CancelledDeleted,
    /// The webhook was disabled.
    CancelledDisabled,
    /// Its endpoint had not proved that it wants messages.
    CancelledUnverified,
    /// It had proved that before it was asked once more.
    CancelledVerified,
    /// The question was about a code that another one has replaced.
    CancelledSuperseded,
}

impl Row {
    pub(crate) fn all() -> Vec<Self> {
        let mut all = vec![
            Self::Succeeded,
            Self::SucceededAgain,
            Self::TestSucceeded,
            Self::TestFailed,
            Self::DroppedLast,
            Self::DroppedGone,
            Self::DroppedLate,
            Self::Expired,
            Self::Recovered,
            Self::NotRecovered,
            Self::CancelledDeleted,
            Self::CancelledDisabled,
            Self::CancelledUnverified,
            Self::CancelledVerified,
            Self::CancelledSuperseded,
        ];
        all.extend((1..ATTEMPTS).map(Self::Retried));
        all
    }

    /// The outcome that is recorded.
    pub(crate) fn outcome(self) -> Outcome {
        match self {
            Self::Succeeded | Self::SucceededAgain | Self::TestSucceeded | Self::Recovered => Outcome::Succeeded,
            Self::TestFailed | Self::Retried(_) => Outcome::Failed,
            Self::NotRecovered | Self::DroppedLast | Self::DroppedGone | Self::DroppedLate | Self::Expired => {
                Outcome::Dropped
            }
            Self::CancelledDeleted
            | Self::CancelledDisabled
            | Self::CancelledUnverified
            | Self::CancelledVerified
            | Self::CancelledSuperseded => Outcome::Cancelled,
        }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Retried(attempt) => write!(f, "Retried after attempt {attempt}"),
            row => write!(f, "{row:?}"),
        }
    }
}

/// The end of an attempt's run.
pub(crate) fn run_ends(attempt: &Attempt) -> Timestamp {
    attempt.run_began_at + LONGEST_RUN
}

/// The row of an attempt that was sent. `judged` are the earliest and the latest moment at which it can have been judged.
pub(crate) fn of_sent(attempt: &Attempt, sent: &Sent, judged: (Timestamp, Timestamp), recorded: &Delivery) -> Row {
    match (attempt.message.kind, sent.success) {
        (MessageKind::Test, true) => Row::TestSucceeded,
        (MessageKind::Test, false) => Row::TestFailed,
        (MessageKind::Event | MessageKind::Verify, true) if attempt.run == 0 => Row::Succeeded,
        (MessageKind::Event | MessageKind::Verify, true) => Row::SucceededAgain,
        (MessageKind::Event | MessageKind::Verify, false) if sent.status == Some(410) => Row::DroppedGone,
        (MessageKind::Event | MessageKind::Verify, false) => {
            let ends = run_ends(attempt);
            let either = judged.0 < ends && ends <= judged.1;
            if attempt.number >= ATTEMPTS {
                Row::DroppedLast
            } else if judged.0 >= ends || either && recorded.outcome == Outcome::Dropped {
                Row::DroppedLate
            } else {
                Row::Retried(attempt.number)
            }
        }
    }
}

/// Rows about hosts, jobs and webhooks.
pub(crate) const OTHER_ROWS: [&str; 18] = [
    "account deleted",
    "account removed to the last row",
    "host answers",
    "host fails",
    "host fails a probe",
    "host held",
    "host lifted",
    "host throttled",
    "host works",
    "job Done",
    "job Stopped",
    "message of a deleted account",
    "rule for none",
    "rule for one",
    "skipped",
    "webhook disabled: Failures",
    "webhook disabled: Gone",
    "webhook enabled again",
];

/// Whether an answer, or none, counts against the host.
pub(crate) fn blames_host(status: Option<u16>) -> bool {
    matches!(status, None | Some(429 | 502 | 503 | 504))
}

/// For how many milliseconds a host wants to be left alone: at most an hour.
pub(crate) fn hold(response: &ResponseRecord) -> Option<i64> {
    let named = response.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("retry-after"));
    let seconds: i64 = named.filter(|_| matches!(response.status, 429 | 503))?.1.parse().ok()?;
    (seconds > 0).then_some(seconds.min(3600) * 1000)
}

/// So many failures in a row (20), the first of them so long ago (7 days).
pub(crate) fn is_hopeless(health: &WebhookHealth, settings: &CoreSettings, now: Timestamp) -> bool {
    let age = health.first_failure_at.map(|first| now.as_millisecond() - first.as_millisecond());
    health.failures >= settings.disable_after_failures
        && age.is_some_and(|age| age >= settings.disable_after.as_millis().try_into().unwrap_or(i64::MAX))
}

/// The row of an attempt that ended without a request.
pub(crate) fn of_unsent(attempt: &Attempt, work: &Working, now: Timestamp, recorded: &Delivery) -> Option<Row> {
    match attempt.message.kind {
        _ if work.target_gone => Some(Row::CancelledDeleted),
        MessageKind::Event if work.target_disabled => Some(Row::CancelledDisabled),
        MessageKind::Event | MessageKind::Test if !work.may_send => Some(Row::CancelledUnverified),
        MessageKind::Verify if work.target_verified => Some(Row::CancelledVerified),
        // Its run may have ended since it was read.
        MessageKind::Verify if recorded.outcome == Outcome::Cancelled => Some(Row::CancelledSuperseded),
        MessageKind::Event | MessageKind::Test | MessageKind::Verify if now >= run_ends(attempt) => Some(Row::Expired),
        MessageKind::Event | MessageKind::Test | MessageKind::Verify => None,
    }
}
