//! Mails that wait until more can join them (section 9).

use async_trait::async_trait;
use jiff::Timestamp;

use crate::errors::PortResult;
use crate::ids::AccountId;
use crate::model::{MailBatch, MailStep};

/// What became of a step that wants to send its batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MailBatchClaim {
    /// There is no such batch, or it is not due.
    Nothing,
    /// This step sends it. Nothing joins it any more.
    Won(MailBatch),
    /// The same step is being worked on elsewhere.
    Busy {
        /// When that claim ends.
        until: Timestamp,
    },
    /// An earlier claim of the same step ended without [`MailBatches::remove_mail_batch`]: the mail may have been sent.
    Interrupted(MailBatch),
}

/// The batches of accounts, each known by its name.
#[async_trait]
pub trait MailBatches: Send + Sync {
    /// True if there is a batch with this name.
    async fn has_mail_batch(&self, account: &AccountId, name: &str) -> PortResult<bool>;
    /// Joins a batch; if there is none with this name, begins one that is due at `due_at`.
    async fn join_mail_batch(
        &self,
        account: &AccountId,
        name: &str,
        more: &MailBatch,
        due_at: Timestamp,
    ) -> PortResult<()>;
    /// Claims the batch of a step if it is due, for `lease_until`. What joins later begins another batch.
    async fn claim_mail_batch(
        &self,
        step: &MailStep,
        now: Timestamp,
        lease_until: Timestamp,
    ) -> PortResult<MailBatchClaim>;
    /// Removes the batch that a step claimed.
    async fn remove_mail_batch(&self, step: &MailStep) -> PortResult<()>;
}
