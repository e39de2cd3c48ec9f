//! Webhook policies, as they are stored.

use async_trait::async_trait;

use super::outcome::UpdateOutcome;
use crate::errors::PortResult;
use crate::ids::{AccountId, PolicyId};
use crate::model::{AuditEntry, Policy, PolicyName};
use crate::values::{ListQuery, Page};

/// How the deletion of a policy went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeletePolicyOutcome {
    /// It is deleted.
    Done,
    /// It was changed since it was read.
    Conflict,
    /// It is gone.
    Gone,
    /// A webhook uses it; it stays.
    InUse,
}

/// Webhook policies. A policy and its audit trail change in one step; the trail outlives the policy. A webhook is never
/// left with a policy that is gone: linking one and deleting it exclude each other in one step, whichever comes first.
#[async_trait]
pub trait Policies: Send + Sync {
    /// A new id, never given before.
    async fn allocate_policy_id(&self) -> PortResult<PolicyId>;
    /// Stores a new policy; `false` if the account has `limit` of them already.
    async fn create_policy(&self, policy: &Policy, limit: u64, audit: &AuditEntry) -> PortResult<bool>;
    /// One policy of an account.
    async fn policy(&self, account: &AccountId, id: PolicyId) -> PortResult<Option<Policy>>;
    /// The policy of an account that has this name.
    async fn policy_by_name(&self, account: &AccountId, name: &PolicyName) -> PortResult<Option<Policy>>;
    /// A part of an account's policies.
    async fn list_policies(&self, account: &AccountId, query: &ListQuery) -> PortResult<Page<Policy>>;
    /// Writes a policy whose `version` was raised by one from the version that was read.
    async fn update_policy(&self, policy: &Policy, audit: &AuditEntry) -> PortResult<UpdateOutcome>;
    /// Deletes a policy if its version is still `version` and no webhook uses it.
    async fn delete_policy(
        &self,
        account: &AccountId,
        id: PolicyId,
        version: u64,
        audit: &AuditEntry,
    ) -> PortResult<DeletePolicyOutcome>;
}
