//! When mails were sent (section 9).

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::errors::PortResult;
use crate::ids::{AccountId, WebhookId};
use crate::model::MailKind;
use crate::values::MailAddress;

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
        /// The webhooks that had no such mail a short while ago: at least one.
        webhooks: Vec<WebhookId>,
        /// Failed deliveries without a mail.
        failed: u32,
        /// Dropped messages without a mail.
        dropped: u32,
    },
    /// No: each webhook had such a mail a short while ago, or is deleted.
    Suppressed,
    /// No: each addressee had one, or the account had all mails of its day.
    Beyond,
}

/// Limits the number of mails.
#[async_trait]
pub trait MailLimiter: Send + Sync {
    /// Requests a permit to mail about webhooks, at most [`MailBatch::LISTED`](crate::model::MailBatch::LISTED), and
    /// consumes it in the same step: of concurrent requests, only as many succeed as the limits allow. A mail that is not
    /// sent uses up no limit; its failed delivery or dropped message is counted for the webhook's next mail.
    async fn admit(
        &self,
        account: &AccountId,
        webhooks: &[WebhookId],
        to: &[MailAddress],
        kind: MailKind,
        now: Timestamp,
        limits: MailLimits,
    ) -> PortResult<MailPermit>;
}
