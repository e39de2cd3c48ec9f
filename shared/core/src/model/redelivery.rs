//! A redelivery job, its filter, its progress and its steps (section 10).

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::delivery::Outcome;
use super::event::EventName;
use crate::ids::{AccountId, DeliveryId, WebhookId};
use crate::values::milliseconds;

/// An event is redelivered only while it is kept for at least this time: the length of a run.
pub(crate) const MIN_TIME_LEFT: Duration = Duration::from_hours(72);

/// Counting stops at this number.
pub const MAX_COUNTED: u64 = 10_000;

/// Which messages are wanted. Two requests that want the same are equal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedeliveryFilter {
    /// Records from this second on.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub since: Option<Timestamp>,
    /// Records up to and with this second.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub until: Option<Timestamp>,
    /// Records that ended so, in the order of [`Outcome::ALL`].
    pub outcomes: Vec<Outcome>,
    /// Records of events with this name.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub event: Option<EventName>,
}

/// How a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JobState {
    /// There are more pages.
    Running,
    /// All messages are on their way.
    Done,
    /// The webhook went away or was disabled meanwhile.
    Stopped,
}

impl JobState {
    /// All states.
    pub const ALL: [Self; 3] = [Self::Running, Self::Done, Self::Stopped];

    /// As it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Stopped => "stopped",
        }
    }
}

/// A job as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedeliveryJob {
    /// Its id.
    pub id: Uuid,
    /// Whose it is.
    pub account: AccountId,
    /// Whose messages it sends again.
    pub webhook: WebhookId,
    /// Which of them.
    pub wanted: RedeliveryFilter,
    /// The run of everything that it sends.
    pub run: u64,
    /// When it was asked for: its runs begin then.
    #[serde(with = "milliseconds")]
    pub created_at: Timestamp,
    /// How many messages were found when it was asked for, at most [`MAX_COUNTED`].
    pub matched: u64,
    /// There were more.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub more: bool,
    /// How far it has come.
    pub progress: JobProgress,
}

/// How far a job has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobProgress {
    /// How it stands.
    pub state: JobState,
    /// The last record that was looked at.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub after: Option<DeliveryId>,
    /// How many messages were put on the queue.
    pub redelivered: u64,
    /// When it ended.
    #[serde(with = "milliseconds::option", skip_serializing_if = "Option::is_none", default)]
    pub finished_at: Option<Timestamp>,
}

/// Work on the deliveries queue: one page of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedeliveryStep {
    /// The job.
    pub job: Uuid,
    /// Whose it is.
    pub account: AccountId,
    /// The page begins after this record.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub after: Option<DeliveryId>,
    /// How many messages the pages before had.
    pub redelivered: u64,
    /// When it is due. The attempts of the page are due then too, so that a step that is repeated makes the same ones.
    pub due_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_survives_its_queue() {
        let step = RedeliveryStep {
            job: Uuid::from_u128(7),
            account: AccountId::parse("wdc").unwrap(),
            after: None,
            redelivered: 3,
            due_at: Timestamp::from_millisecond(1_764_063_000_123).unwrap(),
        };
        let text = serde_json::to_string(&step).unwrap();
        assert_eq!(serde_json::from_str::<RedeliveryStep>(&text).unwrap(), step);
    }
}
