//! The event types that accounts define themselves.

use async_trait::async_trait;
use hookline_core::errors::PortResult;
use hookline_core::ids::{AccountId, EventTypeId};
use hookline_core::model::{EventType, EventTypeDocuments, SchemaMode};
use hookline_core::ports::{CreateEventTypeOutcome, EventTypes};
use hookline_core::values::{ListQuery, Page};
use rusqlite::types::Value as Sql;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::store::database::StorePorts;
use crate::store::lists::conditions::WhereClause;
use crate::store::lists::page;
use crate::store::lists::page::ListSource;
use crate::store::rows::values::{account_number, event_name, millis, time};
use crate::store::sqlite::errors::corrupt;

const EVENT_TYPES: ListSource = ListSource {
    from: "event_types t",
    id: "t.num",
    columns: &[("id", "t.num"), ("name", "t.name"), ("created_at", "t.created_at")],
};

#[async_trait]
impl EventTypes for StorePorts {
    async fn create_event_type(
        &self,
        account: &AccountId,
        new: &EventType,
        documents: &EventTypeDocuments,
        limit: u64,
    ) -> PortResult<CreateEventTypeOutcome> {
        let (account, new, documents) = (account.clone(), new.clone(), documents.clone());
        self.ask(move |connection| create(connection, &account, new, &documents, limit)).await
    }

    async fn update_event_type(
        &self,
        account: &AccountId,
        changed: &EventType,
        documents: &EventTypeDocuments,
    ) -> PortResult<bool> {
        let (account, changed, documents) = (account.clone(), changed.clone(), documents.clone());
        self.ask(move |connection| update(connection, &account, &changed, &documents)).await
    }

    async fn delete_event_type(&self, account: &AccountId, id: EventTypeId) -> PortResult<bool> {
        let account = account.clone();
        self.ask(move |connection| {
            connection
                .prepare_cached(
                    "DELETE FROM event_types WHERE num = ?2 AND account = (SELECT num FROM accounts WHERE id = ?1)",
                )?
                .execute(params![account.as_str(), id.0.cast_signed()])
                .map(|rows| rows == 1)
        })
        .await
    }

    async fn list_event_types(&self, account: &AccountId, query: &ListQuery) -> PortResult<Page<EventType>> {
        let (account, query) = (account.clone(), query.clone());
        self.store.list(move |connection| page(connection, &account, &query)).await
    }

    async fn own_event_types(&self, account: &AccountId) -> PortResult<Vec<EventType>> {
        self.store.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT t.num, t.name, t.created_at, t.updated_at, t.version, t.schema_mode, t.description
                     FROM accounts a JOIN event_types t ON t.account = a.num WHERE a.id = ?1 ORDER BY t.name",
                )?
                .query_map([account.as_str()], event_type)?
                .collect()
        })
    }

    async fn event_type_documents(&self, account: &AccountId, id: EventTypeId) -> PortResult<EventTypeDocuments> {
        self.store.read(|connection| {
            let documents = connection
                .prepare_cached(
                    "SELECT t.schema, t.example FROM accounts a JOIN event_types t ON t.account = a.num
                     WHERE a.id = ?1 AND t.num = ?2",
                )?
                .query_row(params![account.as_str(), id.0.cast_signed()], |row| {
                    Ok(EventTypeDocuments { schema: row.get(0)?, example: row.get(1)? })
                });
            Ok(documents.optional()?.unwrap_or_default())
        })
    }
}

fn create(
    connection: &Connection,
    account: &AccountId,
    new: EventType,
    documents: &EventTypeDocuments,
    limit: u64,
) -> rusqlite::Result<CreateEventTypeOutcome> {
    let Some(account) = account_number(connection, account)? else { return Ok(CreateEventTypeOutcome::TooMany) };
    let (count, exists): (i64, bool) = connection
        .prepare_cached("SELECT count(*), coalesce(max(name = ?2), 0) FROM event_types WHERE account = ?1")?
        .query_row(params![account, new.name.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))?;
    if exists {
        return Ok(CreateEventTypeOutcome::Exists);
    }
    if count.cast_unsigned() >= limit {
        return Ok(CreateEventTypeOutcome::TooMany);
    }
    connection
        .prepare_cached(
            "INSERT INTO event_types
                 (account, name, created_at, updated_at, version, schema_mode, description, schema, example)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![
            account,
            new.name.as_str(),
            millis(new.created_at),
            millis(new.updated_at),
            new.version.cast_signed(),
            new.schema_mode.as_str(),
            new.description,
            documents.schema,
            documents.example,
        ])?;
    let id = EventTypeId(connection.last_insert_rowid().cast_unsigned());
    Ok(CreateEventTypeOutcome::Done(EventType { id, ..new }))
}

fn update(
    connection: &Connection,
    account: &AccountId,
    changed: &EventType,
    documents: &EventTypeDocuments,
) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(
            "UPDATE event_types
             SET updated_at = ?3, version = ?4, schema_mode = ?5, description = ?6, schema = ?7, example = ?8
             WHERE num = ?2 AND version = ?4 - 1 AND account = (SELECT num FROM accounts WHERE id = ?1)",
        )?
        .execute(params![
            account.as_str(),
            changed.id.0.cast_signed(),
            millis(changed.updated_at),
            changed.version.cast_signed(),
            changed.schema_mode.as_str(),
            changed.description,
            documents.schema,
            documents.example,
        ])
        .map(|rows| rows == 1)
}

fn page(connection: &Connection, account: &AccountId, query: &ListQuery) -> rusqlite::Result<Page<EventType>> {
    let transaction = connection.unchecked_transaction()?;
    let Some(account) = account_number(&transaction, account)? else { return Ok(page::empty()) };
    let mut conditions = WhereClause::default();
    conditions.and("t.account = ?", [Sql::Integer(account)]);
    let Page { items, total, offset } = EVENT_TYPES.page(&transaction, conditions, query)?;
    let mut one = transaction.prepare_cached(
        "SELECT num, name, created_at, updated_at, version, schema_mode, description FROM event_types WHERE num = ?1",
    )?;
    let items = items.iter().map(|id| one.query_row([id], event_type)).collect::<rusqlite::Result<_>>()?;
    Ok(Page { items, total, offset })
}

fn event_type(row: &Row<'_>) -> rusqlite::Result<EventType> {
    let mode = SchemaMode::parse(row.get_ref(5)?.as_str()?);
    Ok(EventType {
        id: EventTypeId(row.get::<_, i64>(0)?.cast_unsigned()),
        name: event_name(row.get_ref(1)?.as_str()?)?,
        created_at: time(row.get(2)?)?,
        updated_at: time(row.get(3)?)?,
        version: row.get::<_, i64>(4)?.cast_unsigned(),
        schema_mode: mode.ok_or_else(|| corrupt("schema mode of an event type"))?,
        description: row.get(6)?,
    })
}
