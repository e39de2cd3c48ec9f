//! When mails went out (section 9).

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::errors::PortResult;
use crate::ids::{AccountId, WebhookId};
use crate::values::MailAddress;

/// The kinds of mails whose number is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailKind {
    /// A delivery failed and will be tried again.
    Failed,
    /// A message was dropped.
    Dropped,
    /// The endpoint host is throttled.
    Throttled,
    /// The service disabled the webhook.
    Disabled,
    /// The service enabled the webhook again.
    Recovered,
}

impl MailKind {
    /// It is about failures: the kinds that share the limits per webhook and per address. Each other kind has a limit per
    /// webhook of its own.
    #[must_use]
    pub fn is_about_failures(self) -> bool {
        match self {
            Self::Failed | Self::Dropped | Self::Throttled => true,
            Self::Disabled | Self::Recovered => false,
        }
    }

    /// The name under which stores keep when the last mail of this kind, or about failures, was sent.
    #[must_use]
    pub fn sent_at(self) -> &'static str {
        match self {
            Self::Failed | Self::Dropped | Self::Throttled => "sent_at",
            Self::Disabled => "disabled_sent_at",
            Self::Recovered => "recovered_sent_at",
        }
    }
}

/// How many such mails there may be.
#[derive(Debug, Clone, Copy)]
pub struct MailLimits {
    /// One about failures per webhook, one about failures per address of an account, and one of each other kind per
    /// webhook, in this time.
    pub interval: Duration,
    /// The maximum number of all kinds per account and day (UTC).
    pub per_day: u32,
    /// The maximum number of addressees of these mails.
    pub addressees_per_day: u32,
}

/// Whether a mail may be sent now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MailPermit {
    /// Yes. The counts are those of suppressed mails since the last mail.
    Send {
        /// At least one: of a mail about failures those of the addresses that had none a short while ago, and no more
        /// than the day allows.
        to: Vec<MailAddress>,
        /// Failed deliveries without a mail.
        failed: u32,
        /// Dropped messages without a mail.
        dropped: u32,
    },
    /// No. A failed delivery or dropped message is counted for the webhook's next mail.
    Suppressed,
}

/// Limits the number of mails.
#[async_trait]
pub trait MailLimiter: Send + Sync {
    /// Requests a permit to mail about a webhook and consumes it in the same step: of concurrent requests, only as many
    /// succeed as the limits allow. A suppressed mail uses up no limit. For a deleted webhook mails are suppressed.
    async fn admit(
        &self,
        account: &AccountId,
        webhook: WebhookId,
        to: &[MailAddress],
        kind: MailKind,
        now: Timestamp,
        limits: MailLimits,
    ) -> PortResult<MailPermit>;
}
