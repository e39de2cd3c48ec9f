//! What the deliveries queue carries: attempts, the steps of redelivery jobs and recoveries, and mails that wait.

use hookline_core::model::{Attempt, MailStep, RecoveryStep, RedeliveryStep};
use serde::{Deserialize, Serialize};

use super::message::INLINE;

/// Work of the deliveries queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum DeliveryWork {
    /// An attempt to deliver a message.
    Attempt(Box<Attempt>),
    /// A step of a longer process.
    Step(LongStep),
}

/// A step. Its encoded form starts with a name that no attempt has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LongStep {
    /// A page of a redelivery job.
    Redelivery(RedeliveryStep),
    /// A try of a webhook that Hookline disabled.
    Recovery(RecoveryStep),
    /// A mail that waited.
    Mail(MailStep),
}

impl DeliveryWork {
    /// Encodes the work as the body of a message.
    pub(crate) fn encode(&self) -> String {
        match self {
            Self::Attempt(attempt) => attempt.encode(INLINE),
            Self::Step(step) => step.encode(),
        }
    }

    /// Decodes the body of a message, or answers why that fails.
    pub(crate) fn decode(text: &str) -> Result<Self, String> {
        if let Ok(step) = serde_json::from_str(text) {
            return Ok(Self::Step(step));
        }
        Attempt::decode(text).map(|attempt| Self::Attempt(Box::new(attempt))).map_err(|error| error.to_string())
    }
}

impl LongStep {
    /// Encodes the step as the body of a message.
    ///
    /// # Panics
    /// Never: its parts are numbers, texts and times.
    pub(super) fn encode(&self) -> String {
        serde_json::to_string(self).expect("numbers, texts and times always become JSON")
    }
}

#[cfg(test)]
mod tests {
    use hookline_core::ids::{AccountId, WebhookId};
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn a_step_is_told_from_an_attempt() {
        let account = AccountId::parse("wdc").unwrap();
        let (job, due_at) = (uuid::Uuid::from_u128(7), Timestamp::UNIX_EPOCH);
        let page = RedeliveryStep { job, account: account.clone(), after: None, redelivered: 3, due_at };
        let first = RecoveryStep::first(&account, WebhookId(7), Timestamp::UNIX_EPOCH, 1.0);
        let digest = MailStep::digest(&account, due_at, std::time::Duration::from_hours(1));
        for step in [LongStep::Redelivery(page), LongStep::Recovery(first), LongStep::Mail(digest)] {
            let work = DeliveryWork::Step(step);
            assert_eq!(DeliveryWork::decode(&work.encode()), Ok(work));
        }
        assert!(DeliveryWork::decode("{}").unwrap_err().contains("missing field"));
    }
}
