//! Keeps the audit trail.

use async_trait::async_trait;

use crate::errors::PortResult;
use crate::ids::AccountId;
use crate::model::{AuditEntry, AuditSubject, StoredAuditEntry};
use crate::values::{ListQuery, Page};

/// The audit trail. The entry of a change is not written here but by the port that makes the change, in one step with
/// it.
#[async_trait]
pub trait Audit: Send + Sync {
    /// Writes an entry of something that changes nothing else: a secret is about to be shown.
    async fn audit(&self, entry: &AuditEntry) -> PortResult<()>;
    /// A part of the entries about a record of the account, also of a deleted one. They can be filtered and sorted by
    /// `id`, `action` and `created_at`.
    async fn list_audit(
        &self,
        account: &AccountId,
        subject: AuditSubject,
        query: &ListQuery,
    ) -> PortResult<Page<StoredAuditEntry>>;
}
