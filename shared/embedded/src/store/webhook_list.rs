//! Lists of webhooks (section 2, *Pagination* and *Filters*): any sort, page numbers and cursors.
//!
//! A page is found in two steps: the ids in order, from narrow rows, then each record by its key. Both see one state.

use hookline_core::account::AccountId;
use hookline_core::listing::{Cursor, Page, Position, Query, Sort};
use hookline_core::webhook::Webhook;
use rusqlite::types::Value as Sql;
use rusqlite::{Connection, params_from_iter};

use super::conditions::{Conditions, plain};
use super::faults::corrupt;
use super::rows::account_number;
use super::webhooks::{FROM, WEBHOOK, webhook_from};

/// The column of a field that may be filtered and sorted by.
fn column(field: &str) -> rusqlite::Result<&'static str> {
    Ok(match field {
        "id" => "w.id",
        "name" => "w.name",
        "event" => "w.event",
        "uri" => "w.uri",
        "disabled" => "w.disabled",
        "source" => "w.source",
        "sourceID" => "w.source_id",
        "created_at" => "w.created_at",
        "updated_at" => "w.updated_at",
        _ => return Err(corrupt("a field that webhooks are not listed by")),
    })
}

/// A part of an account's webhooks.
pub(super) fn page(connection: &Connection, account: &AccountId, query: &Query) -> rusqlite::Result<Page<Webhook>> {
    let transaction = connection.unchecked_transaction()?;
    let Some(account) = account_number(&transaction, account)? else {
        return Ok(Page { items: Vec::new(), total: 0, offset: 0 });
    };
    let mut conditions = Conditions::default();
    conditions.and("w.account = ?", [Sql::Integer(account)]);
    for filter in &query.filters {
        conditions.ask(column(filter.field)?, &filter.test, filter.ignore_case, &|value| Some(plain(value)));
    }
    let total: i64 = transaction
        .prepare_cached(&format!("SELECT count(*) FROM webhooks w WHERE {}", conditions.sql))?
        .query_row(params_from_iter(&conditions.values), |row| row.get(0))?;

    let keys = keys(&query.sort)?;
    let (backwards, skip) = match &query.position {
        Position::Page(page) => (false, (page.max(&1) - 1).saturating_mul(u64::from(query.per_page))),
        Position::After(cursor) => {
            beyond(&mut conditions, &keys, cursor, false);
            (false, 0)
        }
        Position::Before(cursor) => {
            beyond(&mut conditions, &keys, cursor, true);
            (true, 0)
        }
    };
    let order: Vec<String> = keys
        .iter()
        .map(|key| format!("{} {}", key.column, if key.descending == backwards { "ASC" } else { "DESC" }))
        .collect();
    let sql =
        format!("SELECT w.id FROM webhooks w WHERE {} ORDER BY {} LIMIT ? OFFSET ?", conditions.sql, order.join(", "));
    conditions.values.push(Sql::Integer(i64::from(query.per_page)));
    conditions.values.push(Sql::Integer(i64::try_from(skip).unwrap_or(i64::MAX)));
    let mut ids: Vec<i64> = transaction
        .prepare_cached(&sql)?
        .query_map(params_from_iter(&conditions.values), |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    if backwards {
        ids.reverse();
    }
    let mut one = transaction.prepare_cached(&format!("SELECT {WEBHOOK} FROM {FROM} WHERE w.id = ?1"))?;
    let items: Vec<Webhook> =
        ids.iter().map(|id| one.query_row([id], webhook_from)).collect::<rusqlite::Result<_>>()?;
    let offset = match &query.position {
        Position::Page(_) => skip,
        Position::After(cursor) => cursor.offset,
        // A short page is the first one.
        Position::Before(_) if (items.len() as u64) < u64::from(query.per_page) => 0,
        Position::Before(cursor) => cursor.offset.saturating_sub(items.len() as u64),
    };
    Ok(Page { items, total: total.cast_unsigned(), offset })
}

struct Key {
    column: &'static str,
    descending: bool,
}

/// The sort keys, with the id as the last.
fn keys(sort: &[Sort]) -> rusqlite::Result<Vec<Key>> {
    let mut keys = Vec::with_capacity(sort.len() + 1);
    for Sort { field, descending } in sort {
        keys.push(Key { column: column(field)?, descending: *descending });
    }
    let descending = keys.last().is_some_and(|key| key.descending);
    keys.push(Key { column: "w.id", descending });
    Ok(keys)
}

/// Only records after the cursor, or before it: equal in the first keys and beyond in the next.
fn beyond(conditions: &mut Conditions, keys: &[Key], cursor: &Cursor, backwards: bool) {
    let mut values: Vec<Sql> =
        cursor.values.iter().take(keys.len() - 1).map(|value| value.as_ref().map_or(Sql::Null, plain)).collect();
    values.resize(keys.len() - 1, Sql::Null);
    values.push(Sql::Integer(i64::try_from(cursor.id).unwrap_or(i64::MAX)));
    let (mut alternatives, mut bound) = (Vec::new(), Vec::new());
    for (at, (key, value)) in keys.iter().zip(&values).enumerate() {
        let Key { column, descending } = key;
        // Null is less than everything.
        let is_beyond = match (*descending != backwards, value) {
            (false, Sql::Null) => format!("{column} IS NOT NULL"),
            (true, Sql::Null) => continue,
            (false, _) => format!("{column} > ?"),
            (true, _) if *column == "w.id" => format!("{column} < ?"),
            (true, _) => format!("({column} < ? OR {column} IS NULL)"),
        };
        let mut parts: Vec<String> = keys[..at].iter().map(|key| format!("{} IS ?", key.column)).collect();
        bound.extend(values[..at].iter().cloned());
        parts.push(is_beyond);
        if !matches!(value, Sql::Null) {
            bound.push(value.clone());
        }
        alternatives.push(parts.join(" AND "));
    }
    conditions.and(&alternatives.join(" OR "), bound);
}
