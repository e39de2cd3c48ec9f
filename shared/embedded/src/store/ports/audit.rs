//! The audit trail. Changes write their entries with [`write`], in their own transaction.

use async_trait::async_trait;
use hookline_core::errors::PortResult;
use hookline_core::ids::{AccountId, PolicyId, WebhookId};
use hookline_core::model::{AuditAction, AuditEntry, AuditSubject, Person, StoredAuditEntry};
use hookline_core::ports::Audit;
use hookline_core::values::{ListQuery, Page};
use rusqlite::types::Value as Sql;
use rusqlite::{Connection, Row, params};

use crate::store::database::StorePorts;
use crate::store::lists::conditions::WhereClause;
use crate::store::lists::page;
use crate::store::lists::page::ListSource;
use crate::store::rows::values::{account_number, millis, time};
use crate::store::sqlite::errors::corrupt;

const AUDIT: ListSource = ListSource {
    from: "audit u",
    id: "u.num",
    columns: &[("id", "u.num"), ("action", "u.action"), ("created_at", "u.created_at")],
};

#[async_trait]
impl Audit for StorePorts {
    async fn audit(&self, entry: &AuditEntry) -> PortResult<()> {
        let entry = entry.clone();
        self.ask(move |connection| match account_number(connection, &entry.account)? {
            Some(account) => write(connection, account, &entry),
            None => Ok(()),
        })
        .await
    }

    async fn list_audit(
        &self,
        account: &AccountId,
        subject: AuditSubject,
        query: &ListQuery,
    ) -> PortResult<Page<StoredAuditEntry>> {
        let (account, query) = (account.clone(), query.clone());
        self.store.list(move |connection| page(connection, &account, subject, &query)).await
    }
}

/// Writes an entry, in the transaction of the change.
pub(super) fn write(connection: &Connection, account: i64, entry: &AuditEntry) -> rusqlite::Result<()> {
    let AuditEntry { account: _, subject, action, at, by, changes } = entry;
    let (kind, record) = subject_columns(*subject);
    let changes = serde_json::to_string(changes).map_err(|_| corrupt("audit changes"))?;
    connection
        .prepare_cached(
            "INSERT INTO audit (account, subject, record, action, created_at, person_id, person_name, changes)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            account,
            kind,
            record,
            action.as_str(),
            millis(*at),
            by.as_ref().map(|person| person.id.cast_signed()),
            by.as_ref().map(|person| &person.name),
            changes,
        ])
        .map(|_| ())
}

fn page(
    connection: &Connection,
    account_id: &AccountId,
    subject: AuditSubject,
    query: &ListQuery,
) -> rusqlite::Result<Page<StoredAuditEntry>> {
    let transaction = connection.unchecked_transaction()?;
    let Some(account) = account_number(&transaction, account_id)? else { return Ok(page::empty()) };
    let (kind, record) = subject_columns(subject);
    let mut conditions = WhereClause::default();
    let own = [account, kind, record].map(Sql::Integer);
    conditions.and("u.account = ? AND u.subject = ? AND u.record = ?", own);
    let Page { items, total, offset } = AUDIT.page(&transaction, conditions, query)?;
    let mut one = transaction.prepare_cached(
        "SELECT num, subject, record, action, created_at, person_id, person_name, changes FROM audit WHERE num = ?1",
    )?;
    let items =
        items.iter().map(|id| one.query_row([id], |row| audited(row, account_id))).collect::<rusqlite::Result<_>>()?;
    Ok(Page { items, total, offset })
}

/// 0 for a webhook or 1 for a policy, and its id.
fn subject_columns(subject: AuditSubject) -> (i64, i64) {
    match subject {
        AuditSubject::Webhook(id) => (0, id.0.cast_signed()),
        AuditSubject::Policy(id) => (1, id.0.cast_signed()),
    }
}

fn audited(row: &Row<'_>, account: &AccountId) -> rusqlite::Result<StoredAuditEntry> {
    let record = row.get::<_, i64>(2)?.cast_unsigned();
    let subject = match row.get(1)? {
        0 => AuditSubject::Webhook(WebhookId(record)),
        1 => AuditSubject::Policy(PolicyId(record)),
        _ => return Err(corrupt("subject of an audit entry")),
    };
    let by = match (row.get::<_, Option<i64>>(5)?, row.get(6)?) {
        (Some(id), Some(name)) => Some(Person { id: id.cast_unsigned(), name }),
        (_, _) => None,
    };
    let entry = AuditEntry {
        account: account.clone(),
        subject,
        action: AuditAction::parse(row.get_ref(3)?.as_str()?).ok_or_else(|| corrupt("audit action"))?,
        at: time(row.get(4)?)?,
        by,
        changes: serde_json::from_str(row.get_ref(7)?.as_str()?).map_err(|_| corrupt("audit changes"))?,
    };
    Ok(StoredAuditEntry { id: row.get::<_, i64>(0)?.cast_unsigned(), entry })
}
