//! When mails about failures went out (section 9).

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
}

/// How many such mails there may be.
#[derive(Debug, Clone, Copy)]
pub struct MailLimits {
    /// One per webhook, and one per address of an account, in this time.
    pub interval: Duration,
    /// The maximum number per account and day (UTC).
    pub per_day: u32,
}

/// Whether a mail may be sent now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MailPermit {
    /// Yes. The counts are those of suppressed mails since the last mail.
    Send {
        /// Those of the addresses that had no mail a short while ago: at least one.
        to: Vec<MailAddress>,
        /// Failed deliveries without a mail.
        failed: u32,
        /// Dropped messages without a mail.
        dropped: u32,
    },
    /// No. A failed delivery or dropped message is counted for the webhook's next mail.
    Suppressed,
}

/// Limits the number of mails about failures.
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
