//! The event types that accounts define themselves.

use async_trait::async_trait;
use hookline_core::errors::PortResult;
use hookline_core::ids::{AccountId, EventTypeId};
use hookline_core::model::{EventName, EventType};
use hookline_core::ports::{CreateEventTypeOutcome, EventTypes};
use hookline_core::values::{ListQuery, Page};
use jiff::Timestamp;
use rusqlite::types::Value as Sql;
use rusqlite::{Connection, Row, params};

use crate::store::database::StorePorts;
use crate::store::lists::conditions::WhereClause;
use crate::store::lists::page;
use crate::store::lists::page::ListSource;
use crate::store::rows::values::{account_number, event_name, millis, time};

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
        name: &EventName,
        now: Timestamp,
        limit: u64,
    ) -> PortResult<CreateEventTypeOutcome> {
        let (account, name) = (account.clone(), name.clone());
        self.ask(move |connection| create(connection, &account, name, now, limit)).await
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

    async fn own_event_names(&self, account: &AccountId) -> PortResult<Vec<EventName>> {
        self.store.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT t.name FROM accounts a JOIN event_types t ON t.account = a.num
                     WHERE a.id = ?1 ORDER BY t.name",
                )?
                .query_map([account.as_str()], |row| event_name(row.get_ref(0)?.as_str()?))?
                .collect()
        })
    }
}

fn create(
    connection: &Connection,
    account: &AccountId,
    name: EventName,
    now: Timestamp,
    limit: u64,
) -> rusqlite::Result<CreateEventTypeOutcome> {
    let Some(account) = account_number(connection, account)? else { return Ok(CreateEventTypeOutcome::TooMany) };
    let (count, exists): (i64, bool) = connection
        .prepare_cached("SELECT count(*), coalesce(max(name = ?2), 0) FROM event_types WHERE account = ?1")?
        .query_row(params![account, name.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))?;
    if exists {
        return Ok(CreateEventTypeOutcome::Exists);
    }
    if count.cast_unsigned() >= limit {
        return Ok(CreateEventTypeOutcome::TooMany);
    }
    connection
        .prepare_cached("INSERT INTO event_types (account, name, created_at) VALUES (?1, ?2, ?3)")?
        .execute(params![account, name.as_str(), millis(now)])?;
    let id = EventTypeId(connection.last_insert_rowid().cast_unsigned());
    Ok(CreateEventTypeOutcome::Done(EventType { id, name, created_at: now }))
}

fn page(connection: &Connection, account: &AccountId, query: &ListQuery) -> rusqlite::Result<Page<EventType>> {
    let transaction = connection.unchecked_transaction()?;
    let Some(account) = account_number(&transaction, account)? else { return Ok(page::empty()) };
    let mut conditions = WhereClause::default();
    conditions.and("t.account = ?", [Sql::Integer(account)]);
    let Page { items, total, offset } = EVENT_TYPES.page(&transaction, conditions, query)?;
    let mut one = transaction.prepare_cached("SELECT num, name, created_at FROM event_types WHERE num = ?1")?;
    let items = items.iter().map(|id| one.query_row([id], event_type)).collect::<rusqlite::Result<_>>()?;
    Ok(Page { items, total, offset })
}

fn event_type(row: &Row<'_>) -> rusqlite::Result<EventType> {
    Ok(EventType {
        id: EventTypeId(row.get::<_, i64>(0)?.cast_unsigned()),
        name: event_name(row.get_ref(1)?.as_str()?)?,
        created_at: time(row.get(2)?)?,
    })
}
