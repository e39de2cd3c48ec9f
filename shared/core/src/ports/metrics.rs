//! What the service measures about itself (section 12): one closed list, so that labels never hold what others write.

use std::time::Duration;

use crate::model::{ErrorClass, JobState, Outcome};

/// One thing that happened.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Measurement {
    /// An event was accepted.
    EventAccepted(PublishedBy),
    /// An event was refused.
    EventRefused(RefusalReason),
    /// One call published events, and it took so long.
    Published(Duration),
    /// The work on a delivery of an event ended.
    DeliveryEnded {
        /// How.
        outcome: Outcome,
        /// What went wrong.
        class: Option<ErrorClass>,
    },
    /// A request was sent to an endpoint.
    RequestSent {
        /// How long it took.
        took: Duration,
        /// Over a connection that had served another one.
        reused: bool,
    },
    /// An attempt was made so long after it could have been.
    AttemptLate(Duration),
    /// The first run of a message succeeded so long after its event was accepted.
    MessageDelivered(Duration),
    /// A mail was due.
    Mail {
        /// Its kind (section 9).
        kind: MailTopic,
        /// What became of it.
        result: MailResult,
    },
    /// A redelivery job came to a state.
    RedeliveryJob(JobState),
    /// A request of the API was answered.
    Answered {
        /// The path of its route with the names of its parameters; empty if no route took it.
        route: &'static str,
        /// The method of its route; empty if no route took it.
        method: &'static str,
        /// The status.
        status: u16,
        /// How long it took.
        took: Duration,
    },
    /// The store committed a transaction, which took so long.
    StoreWritten(Duration),
}

/// How an event came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublishedBy {
    /// By a call of the API.
    Http,
    /// By a call of the command line.
    Cli,
    /// As a message of the events queue.
    Queue,
    /// Over the event bus.
    Bus,
}

impl PublishedBy {
    /// As it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Cli => "cli",
            Self::Queue => "queue",
            Self::Bus => "bus",
        }
    }
}

/// Why an event was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalReason {
    /// It is not valid.
    Invalid,
    /// It is for another account.
    Forbidden,
    /// It is too large.
    TooLarge,
    /// The account published too many.
    RateLimited,
    /// By our own fault.
    Unavailable,
}

impl RefusalReason {
    /// All reasons.
    pub const ALL: [Self; 5] = [Self::Invalid, Self::Forbidden, Self::TooLarge, Self::RateLimited, Self::Unavailable];

    /// As it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Forbidden => "forbidden",
            Self::TooLarge => "too_large",
            Self::RateLimited => "rate_limited",
            Self::Unavailable => "unavailable",
        }
    }
}

/// What a mail is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailTopic {
    /// A failed delivery.
    Failed,
    /// A dropped message.
    Dropped,
    /// A throttled host.
    Throttled,
    /// A webhook that the service disabled.
    Disabled,
    /// A webhook that the service enabled again.
    Recovered,
}

impl MailTopic {
    /// As it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Dropped => "dropped",
            Self::Throttled => "throttled",
            Self::Disabled => "disabled",
            Self::Recovered => "recovered",
        }
    }
}

/// What became of a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailResult {
    /// The mail system took it.
    Sent,
    /// The mail system failed.
    Failed,
    /// It was one too many.
    Suppressed,
}

impl MailResult {
    /// As it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Suppressed => "suppressed",
        }
    }
}

/// Takes measurements. Each costs next to nothing, and cannot fail.
pub trait Metrics: Send + Sync {
    /// Takes one.
    fn record(&self, measurement: Measurement);
}

/// Measures nothing.
#[derive(Debug, Clone, Copy)]
pub struct NoMetrics;

impl Metrics for NoMetrics {
    fn record(&self, _measurement: Measurement) {}
}
