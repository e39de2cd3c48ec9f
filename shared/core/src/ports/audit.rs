//! Keeps the audit trail.

use async_trait::async_trait;

use super::Answer;
use crate::account::AccountId;
use crate::audit::{AuditEntry, Audited, Subject};
use crate::listing::{Page, Query};

/// The audit trail. The entry of a change is not written here but by the port that makes the change, in one step with
/// it.
#[async_trait]
pub trait Audit: Send + Sync {
    /// Writes an entry of something that changes nothing else: a secret is about to be shown.
    async fn audit(&self, entry: &AuditEntry) -> Answer<()>;
    /// A part of the entries about a record of the account, also of a deleted one. They can be filtered and sorted by
    /// `id`, `action` and `created_at`.
    async fn list_audit(&self, account: &AccountId, subject: Subject, query: &Query) -> Answer<Page<Audited>>;
}
