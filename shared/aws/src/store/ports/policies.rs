//! The port for policies. A policy and its keys are one item, which also counts the webhooks that use it. The
//! transaction that links a webhook changes the count, and only an unused policy can be deleted.

use async_trait::async_trait;
use aws_sdk_dynamodb::types::AttributeValue;
use hookline_core::errors::PortResult;
use hookline_core::ids::{AccountId, PolicyId};
use hookline_core::model::{AuditEntry, Policy, PolicyName};
use hookline_core::ports::{DeletePolicyOutcome, Policies, UpdateOutcome};
use hookline_core::values::{ListQuery, Page};

use crate::store::dynamo::{
    Item, ItemBuilder, ItemReader, PartitionQuery, SortKeyRange, Table, Write, number, text, time,
};
use crate::store::items::policy_item::{from_item, listed, to_item};
use crate::store::keys;
use crate::store::lists::in_memory;
use crate::store::lists::in_memory::ListSlice;

#[async_trait]
impl Policies for Table {
    async fn allocate_policy_id(&self) -> PortResult<PolicyId> {
        self.count_up("policies").await.map(PolicyId)
    }

    async fn create_policy(&self, policy: &Policy, limit: u64, audit: &AuditEntry) -> PortResult<bool> {
        let account = &policy.account;
        let counted = Write::update(keys::policy_counters(account), "ADD #policies :one")
            .when("attribute_not_exists(#policies) OR #policies < :limit")
            .with("one", number(1))
            .with("limit", number(limit));
        let by_name = ItemBuilder::at(&keys::policy_name(account, &policy.name)).number("id", policy.id).done();
        let writes = [
            counted,
            // The account may have been deleted since the request was authenticated.
            Write::check(keys::account(account)).when("attribute_exists(#pk) AND attribute_not_exists(#gone)"),
            Write::put(to_item(policy)).when_absent(),
            Write::put(by_name).when_absent(),
            self.audit_write(audit).await?,
        ];
        match self.transact(&writes).await? {
            Ok(()) => Ok(true),
            Err(failed) if failed.iter().any(|(write, _)| *write < 2) => Ok(false),
            Err(_) => Err(hookline_core::errors::PortError::unavailable("store", "a policy id was allocated twice")),
        }
    }

    async fn policy(&self, account: &AccountId, id: PolicyId) -> PortResult<Option<Policy>> {
        let item = self.get(&keys::policy(account, id)).await?;
        item.map(|item| from_item(account, ItemReader(&item))).transpose()
    }

    async fn policy_by_name(&self, account: &AccountId, name: &PolicyName) -> PortResult<Option<Policy>> {
        match self.get(&keys::policy_name(account, name)).await? {
            Some(pointer) => self.policy(account, PolicyId(ItemReader(&pointer).number("id")?)).await,
            None => Ok(None),
        }
    }

    async fn list_policies(&self, account: &AccountId, query: &ListQuery) -> PortResult<Page<Policy>> {
        let items = self.policy_items(account).await?;
        let field = |item: &Item, field: &str| listed(ItemReader(item), field);
        let ListSlice { chosen, total, offset } =
            in_memory::pick(&items, query, field, |item| ItemReader(item).number("id"))?;
        let items =
            chosen.into_iter().map(|at| from_item(account, ItemReader(&items[at]))).collect::<PortResult<_>>()?;
        Ok(Page { items, total, offset })
    }

    async fn update_policy(&self, policy: &Policy, audit: &AuditEntry) -> PortResult<UpdateOutcome> {
        // The number of webhooks is left alone, and so are the fields that never change.
        let Policy { id, account, name: _, disabled, algorithm: _, audience, expires_in, .. } = policy;
        let Policy { keys: signing, created_at: _, updated_at, version, .. } = policy;
        let optional = [
            ("disabled", disabled.then_some(AttributeValue::Bool(true))),
            ("audience", audience.as_deref().map(text)),
            ("expires_in", expires_in.map(number)),
        ];
        let (there, gone): (Vec<_>, Vec<_>) = optional.into_iter().partition(|(_, value)| value.is_some());
        let mut change = "SET #keys = :keys, #updated_at = :updated_at, #version = :version".to_owned();
        change.extend(there.iter().map(|(name, _)| format!(", #{name} = :{name}")));
        if !gone.is_empty() {
            let names: Vec<String> = gone.iter().map(|(name, _)| format!("#{name}")).collect();
            change.push_str(&format!(" REMOVE {}", names.join(", ")));
        }
        let mut write = Write::update(keys::policy(account, *id), change)
            .when("attribute_exists(#pk) AND #version = :before")
            .with("keys", text(signing.encode()))
            .with("updated_at", time(*updated_at))
            .with("version", number(version))
            .with("before", number(version.saturating_sub(1)));
        for (name, value) in there.into_iter().filter_map(|(name, value)| Some((name, value?))) {
            write = write.with(name, value);
        }
        Ok(match self.transact(&[write, self.audit_write(audit).await?]).await? {
            Ok(()) => UpdateOutcome::Done,
            Err(failed) if failed.iter().any(|(_, item)| item.is_none()) => UpdateOutcome::Gone,
            Err(_) => UpdateOutcome::Conflict,
        })
    }

    async fn delete_policy(
        &self,
        account: &AccountId,
        id: PolicyId,
        version: u64,
        audit: &AuditEntry,
    ) -> PortResult<DeletePolicyOutcome> {
        let Some(policy) = self.policy(account, id).await? else { return Ok(DeletePolicyOutcome::Gone) };
        let writes = [
            Write::delete(keys::policy(account, id))
                .when("#version = :version AND (attribute_not_exists(#users) OR #users = :none)")
                .with("version", number(version))
                .with("none", number(0)),
            Write::delete(keys::policy_name(account, &policy.name)),
            Write::update(keys::policy_counters(account), "ADD #policies :less").with("less", number(-1)),
            self.audit_write(audit).await?,
        ];
        let Err(failed) = self.transact(&writes).await? else { return Ok(DeletePolicyOutcome::Done) };
        let Some(item) = failed.into_iter().find_map(|(_, item)| item) else { return Ok(DeletePolicyOutcome::Gone) };
        let users: i64 = ItemReader(&item).maybe_number("users")?.unwrap_or_default();
        Ok(if users > 0 { DeletePolicyOutcome::InUse } else { DeletePolicyOutcome::Conflict })
    }
}

impl Table {
    async fn policy_items(&self, account: &AccountId) -> PortResult<Vec<Item>> {
        let all = SortKeyRange::Between("0".to_owned(), ":".to_owned());
        self.query(PartitionQuery::new(keys::policies(account), all)).await
    }
}
