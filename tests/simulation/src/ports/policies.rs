//! Webhook policies behind the gate.

use async_trait::async_trait;
use hookline_core::errors::PortResult;
use hookline_core::ids::{AccountId, PolicyId};
use hookline_core::model::{AuditEntry, Policy, PolicyName};
use hookline_core::ports::{DeletePolicyOutcome, Policies, UpdateOutcome};
use hookline_core::values::{ListQuery, Page};

use super::Gated;
use crate::steps::Step;

#[async_trait]
impl Policies for Gated {
    async fn allocate_policy_id(&self) -> PortResult<PolicyId> {
        self.world.step(Step::AllocatePolicyId, self.store.allocate_policy_id()).await
    }

    async fn create_policy(&self, policy: &Policy, limit: u64, audit: &AuditEntry) -> PortResult<bool> {
        self.world.step(Step::CreatePolicy, self.store.create_policy(policy, limit, audit)).await
    }

    async fn policy(&self, account: &AccountId, id: PolicyId) -> PortResult<Option<Policy>> {
        self.world.step(Step::Policy, self.store.policy(account, id)).await
    }

    async fn policy_by_name(&self, account: &AccountId, name: &PolicyName) -> PortResult<Option<Policy>> {
        self.store.policy_by_name(account, name).await
    }

    async fn list_policies(&self, account: &AccountId, query: &ListQuery) -> PortResult<Page<Policy>> {
        self.store.list_policies(account, query).await
    }

    async fn update_policy(&self, policy: &Policy, audit: &AuditEntry) -> PortResult<UpdateOutcome> {
        self.world.step(Step::UpdatePolicy, self.store.update_policy(policy, audit)).await
    }

    async fn delete_policy(
        &self,
        account: &AccountId,
        id: PolicyId,
        version: u64,
        audit: &AuditEntry,
    ) -> PortResult<DeletePolicyOutcome> {
        self.store.delete_policy(account, id, version, audit).await
    }
}
