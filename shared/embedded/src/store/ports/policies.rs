//! Webhook policies. A policy with its keys is one row.

use async_trait::async_trait;
use hookline_core::errors::PortResult;
use hookline_core::ids::{AccountId, PolicyId};
use hookline_core::model::{AuditEntry, Policy, PolicyName};
use hookline_core::ports::{DeletePolicyOutcome, Policies, UpdateOutcome};
use hookline_core::values::{ListQuery, Page};
use rusqlite::types::Value as Sql;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::audit::write;
use crate::store::database::StorePorts;
use crate::store::lists::conditions::WhereClause;
use crate::store::lists::page;
use crate::store::lists::page::ListSource;
use crate::store::rows::policy_row::policy_from;
use crate::store::rows::values::{account_number, to_json};

/// The tables of a policy.
const FROM: &str = "accounts a JOIN policies p ON p.account = a.num";

const POLICIES: ListSource = ListSource {
    from: "policies p",
    id: "p.id",
    columns: &[
        ("id", "p.id"),
        ("name", "p.name"),
        ("disabled", "p.disabled"),
        ("created_at", "p.created_at"),
        ("updated_at", "p.updated_at"),
    ],
};

#[async_trait]
impl Policies for StorePorts {
    async fn allocate_policy_id(&self) -> PortResult<PolicyId> {
        self.ask(|connection| {
            connection
                .prepare_cached(
                    "INSERT INTO counters (name, value) VALUES ('policy', 1)
                     ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value",
                )?
                .query_row([], |row| Ok(PolicyId(row.get::<_, i64>(0)?.cast_unsigned())))
        })
        .await
    }

    async fn create_policy(&self, policy: &Policy, limit: u64, audit: &AuditEntry) -> PortResult<bool> {
        let (policy, audit) = (policy.clone(), audit.clone());
        self.ask(move |connection| {
            // The account was deleted after the caller was authenticated.
            let Some(account) = account_number(connection, &policy.account)? else { return Ok(false) };
            let stored: i64 = connection
                .prepare_cached("SELECT count(*) FROM policies WHERE account = ?1")?
                .query_row([account], |row| row.get(0))?;
            if stored.cast_unsigned() >= limit {
                return Ok(false);
            }
            connection
                .prepare_cached("INSERT INTO policies (id, account, record) VALUES (?1, ?2, ?3)")?
                .execute(params![policy.id.0.cast_signed(), account, to_json(&policy, "policy")?])?;
            write(connection, account, &audit)?;
            Ok(true)
        })
        .await
    }

    async fn policy(&self, account: &AccountId, id: PolicyId) -> PortResult<Option<Policy>> {
        self.store.read(|connection| {
            connection
                .prepare_cached(&format!("SELECT p.record FROM {FROM} WHERE a.id = ?1 AND p.id = ?2"))?
                .query_row(params![account.as_str(), id.0.cast_signed()], |row| policy_from(row, 0))
                .optional()
        })
    }

    async fn policy_by_name(&self, account: &AccountId, name: &PolicyName) -> PortResult<Option<Policy>> {
        self.store.read(|connection| {
            connection
                .prepare_cached(&format!("SELECT p.record FROM {FROM} WHERE a.id = ?1 AND p.name = ?2"))?
                .query_row(params![account.as_str(), name.as_str()], |row| policy_from(row, 0))
                .optional()
        })
    }

    async fn list_policies(&self, account: &AccountId, query: &ListQuery) -> PortResult<Page<Policy>> {
        let (account, query) = (account.clone(), query.clone());
        self.store.list(move |connection| page(connection, &account, &query)).await
    }

    async fn update_policy(&self, policy: &Policy, audit: &AuditEntry) -> PortResult<UpdateOutcome> {
        let (policy, audit) = (policy.clone(), audit.clone());
        self.ask(move |connection| {
            let Some((account, stored)) = stored(connection, &policy.account, policy.id)? else {
                return Ok(UpdateOutcome::Gone);
            };
            if stored + 1 != policy.version {
                return Ok(UpdateOutcome::Conflict);
            }
            connection
                .prepare_cached("UPDATE policies SET record = ?2 WHERE id = ?1")?
                .execute(params![policy.id.0.cast_signed(), to_json(&policy, "policy")?])?;
            write(connection, account, &audit)?;
            Ok(UpdateOutcome::Done)
        })
        .await
    }

    async fn delete_policy(
        &self,
        account: &AccountId,
        id: PolicyId,
        version: u64,
        audit: &AuditEntry,
    ) -> PortResult<DeletePolicyOutcome> {
        let (account, audit) = (account.clone(), audit.clone());
        self.ask(move |connection| {
            let Some((account, stored)) = stored(connection, &account, id)? else {
                return Ok(DeletePolicyOutcome::Gone);
            };
            let in_use = connection
                .prepare_cached("SELECT 1 FROM webhooks WHERE policy = ?1 LIMIT 1")?
                .exists([id.0.cast_signed()])?;
            if in_use {
                return Ok(DeletePolicyOutcome::InUse);
            }
            if stored != version {
                return Ok(DeletePolicyOutcome::Conflict);
            }
            connection.prepare_cached("DELETE FROM policies WHERE id = ?1")?.execute([id.0.cast_signed()])?;
            write(connection, account, &audit)?;
            Ok(DeletePolicyOutcome::Done)
        })
        .await
    }
}

/// A page of an account's policies.
fn page(connection: &Connection, account: &AccountId, query: &ListQuery) -> rusqlite::Result<Page<Policy>> {
    let transaction = connection.unchecked_transaction()?;
    let Some(account) = account_number(&transaction, account)? else { return Ok(page::empty()) };
    let mut conditions = WhereClause::default();
    conditions.and("p.account = ?", [Sql::Integer(account)]);
    let Page { items, total, offset } = POLICIES.page(&transaction, conditions, query)?;
    let mut one = transaction.prepare_cached(&format!("SELECT p.record FROM {FROM} WHERE p.id = ?1"))?;
    let items =
        items.iter().map(|id| one.query_row([id], |row| policy_from(row, 0))).collect::<rusqlite::Result<_>>()?;
    Ok(Page { items, total, offset })
}

/// The account number and the version of a policy.
fn stored(connection: &Connection, account: &AccountId, id: PolicyId) -> rusqlite::Result<Option<(i64, u64)>> {
    connection
        .prepare_cached(&format!("SELECT a.num, p.record FROM {FROM} WHERE a.id = ?1 AND p.id = ?2"))?
        .query_row(params![account.as_str(), id.0.cast_signed()], |row| Ok((row.get(0)?, policy_from(row, 1)?.version)))
        .optional()
}

/// True if a webhook of the account may use this policy: none, or an enabled one of the same account.
pub(super) fn may_be_linked(connection: &Connection, account: i64, policy: Option<PolicyId>) -> rusqlite::Result<bool> {
    let Some(policy) = policy else { return Ok(true) };
    connection
        .prepare_cached("SELECT 1 FROM policies WHERE id = ?1 AND account = ?2 AND NOT disabled")?
        .exists([policy.0.cast_signed(), account])
}
