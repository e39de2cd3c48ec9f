//! Webhook policies behind the gate.

use async_trait::async_trait;
use hookline_core::account::AccountId;
use hookline_core::audit::AuditEntry;
use hookline_core::listing::{Page, Query};
use hookline_core::policy::{Policy, PolicyId, PolicyName};
use hookline_core::ports::{Answer, Policies, PolicyDeleted, Written};

use super::Gated;
use crate::steps::Step;

#[async_trait]
impl Policies for Gated {
    async fn allocate_policy_id(&self) -> Answer<PolicyId> {
        self.world.step(Step::AllocatePolicyId, self.store.allocate_policy_id()).await
    }

    async fn create_policy(&self, policy: &Policy, limit: u64, audit: &AuditEntry) -> Answer<bool> {
        self.world.step(Step::CreatePolicy, self.store.create_policy(policy, limit, audit)).await
    }

    async fn policy(&self, account: &AccountId, id: PolicyId) -> Answer<Option<Policy>> {
        self.world.step(Step::Policy, self.store.policy(account, id)).await
    }

    async fn policy_by_name(&self, account: &AccountId, name: &PolicyName) -> Answer<Option<Policy>> {
        self.store.policy_by_name(account, name).await
    }

    async fn list_policies(&self, account: &AccountId, query: &Query) -> Answer<Page<Policy>> {
        self.store.list_policies(account, query).await
    }

    async fn update_policy(&self, policy: &Policy, audit: &AuditEntry) -> Answer<Written> {
        self.world.step(Step::UpdatePolicy, self.store.update_policy(policy, audit)).await
    }

    async fn delete_policy(
        &self,
        account: &AccountId,
        id: PolicyId,
        version: u64,
        audit: &AuditEntry,
    ) -> Answer<PolicyDeleted> {
        self.store.delete_policy(account, id, version, audit).await
    }
}
