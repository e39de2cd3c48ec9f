//! Pages of the delivery log, newest first. That is the order of the ids, which begin with their time.
//!
//! A message id that follows from event and webhook is not stored, which keeps the log small and its writes sequential.
//! To find such a message, the query searches the index of events, newest first. This is rare and takes at most a
//! second in a million records.

use hookline_core::ids::{AccountId, MessageId, WebhookId};
use hookline_core::model::Outcome;
use hookline_core::ports::{DeliveryPage, DeliveryQuery, DeliveryScope};
use hookline_core::values::FieldValue;
use jiff::Timestamp;
use rusqlite::types::Value as Sql;
use rusqlite::{Connection, params_from_iter};

use super::conditions::{WhereClause, plain};
use crate::store::database::Kept;
use crate::store::rows::delivery_row::{DELIVERY, delivery_from, message_bytes, outcome_number};
use crate::store::rows::values::{account_number, event_id, event_number, millis_before, time};

/// The tables of a record.
pub(crate) const FROM: &str = "deliveries d LEFT JOIN events e ON e.num = d.event";

/// The limits of what has not expired yet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RetentionWindow {
    /// Attempts after this time.
    pub(crate) created_after: i64,
    /// Events accepted after this time.
    pub(crate) accepted_after: i64,
}

impl RetentionWindow {
    pub(crate) fn at(now: Timestamp, kept: Kept) -> Self {
        Self { created_after: millis_before(now, kept.deliveries), accepted_after: millis_before(now, kept.events) }
    }
}

/// A page of an account's records.
pub(crate) fn page(
    connection: &Connection,
    account_id: &AccountId,
    query: &DeliveryQuery,
    living: RetentionWindow,
) -> rusqlite::Result<DeliveryPage> {
    let empty = DeliveryPage { items: Vec::new(), older: false, newer: false };
    let transaction = connection.unchecked_transaction()?;
    let Some(account) = account_number(&transaction, account_id)? else { return Ok(empty) };
    let Some(conditions) = conditions(&transaction, account_id, account, query, living)? else { return Ok(empty) };

    let (beyond, order, cursor) = match (query.older_than, query.newer_than) {
        (_, Some(cursor)) => ("d.id > ?", "ASC", Some(cursor)),
        (Some(cursor), None) => ("d.id < ?", "DESC", Some(cursor)),
        (None, None) => ("1", "DESC", None),
    };
    let cursor = cursor.map(|cursor| Sql::Blob(cursor.uuid().as_bytes().to_vec()));
    let most = query.per_page as usize;
    let mut values = conditions.values.clone();
    values.extend(cursor.clone());
    values.push(Sql::Integer(i64::from(query.per_page) + 1));
    let mut items = transaction
        .prepare_cached(&format!(
            "SELECT {DELIVERY} FROM {FROM} WHERE {} AND {beyond} ORDER BY d.id {order} LIMIT ?",
            conditions.sql
        ))?
        .query_map(params_from_iter(values), |row| delivery_from(row, account_id))?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let more = items.len() > most;
    items.truncate(most);
    let backwards = order == "ASC";
    if backwards {
        items.reverse();
    }
    // The page that the reader came from, if it still exists.
    let behind = match cursor {
        None => false,
        Some(cursor) => {
            let operator = if backwards { "<=" } else { ">=" };
            let mut values = conditions.values;
            values.push(cursor);
            transaction
                .prepare_cached(&format!(
                    "SELECT 1 FROM {FROM} WHERE {} AND d.id {operator} ? LIMIT 1",
                    conditions.sql
                ))?
                .exists(params_from_iter(values))?
        }
    };
    let (older, newer) = if backwards { (behind, more) } else { (more, behind) };
    Ok(DeliveryPage { items, older, newer })
}

/// The conditions of the query; `None` if no record can match.
fn conditions(
    connection: &Connection,
    account_id: &AccountId,
    account: i64,
    query: &DeliveryQuery,
    living: RetentionWindow,
) -> rusqlite::Result<Option<WhereClause>> {
    let mut conditions = WhereClause::default();
    conditions.and("d.account = ?", [Sql::Integer(account)]);
    match &query.scope {
        DeliveryScope::Webhook(webhook) => {
            conditions.and("d.webhook = ?", [Sql::Integer(webhook.0.cast_signed())]);
        }
        DeliveryScope::Unsuccessful => conditions.and("d.outcome > 1", []),
        DeliveryScope::Event(id) => {
            // A record has the number of its event, or its id if the event is not stored (a test).
            match event_number(connection, account, id)? {
                Some(number) => conditions.and("d.event = ?", [Sql::Integer(number)]),
                None => conditions.and("d.event_id = ?", [Sql::Text(id.as_str().to_owned())]),
            }
        }
        DeliveryScope::Message(message) => {
            let own = Sql::Blob(message_bytes(message).to_vec());
            if connection
                .prepare_cached("SELECT 1 FROM deliveries WHERE account = ? AND message = ? LIMIT 1")?
                .exists((account, &own))?
            {
                conditions.and("d.message = ?", [own]);
            } else {
                let Some((event, webhook)) = origin(connection, account_id, account, message)? else { return Ok(None) };
                conditions.and(
                    "d.event = ? AND d.webhook = ? AND d.message IS NULL",
                    [Sql::Integer(event), Sql::Integer(webhook)],
                );
            }
        }
    }
    conditions.and("d.created_at > ?", [Sql::Integer(living.created_after)]);
    conditions.and("d.event IS NULL OR e.accepted_at > ?", [Sql::Integer(living.accepted_after)]);
    for test in &query.event {
        conditions.ask("coalesce(d.event_name, e.name)", test, false, &|value| Some(plain(value)));
    }
    for test in &query.outcome {
        conditions.ask("d.outcome", test, false, &|value| match value {
            FieldValue::Text(name) => Outcome::parse(name).map(|outcome| Sql::Integer(outcome_number(outcome))),
            FieldValue::Int(_) | FieldValue::Bool(_) | FieldValue::Time(_) => None,
        });
    }
    for test in &query.created_at {
        conditions.ask("d.created_at", test, false, &|value| Some(plain(value)));
    }
    Ok(Some(conditions))
}

/// The event and webhook of a message that has records.
fn origin(
    connection: &Connection,
    account_id: &AccountId,
    account: i64,
    message: &MessageId,
) -> rusqlite::Result<Option<(i64, i64)>> {
    let mut statement = connection.prepare_cached(
        "SELECT d.event, d.webhook, e.id, e.accepted_at
         FROM deliveries d INDEXED BY deliveries_of_event CROSS JOIN events e ON e.num = d.event
         WHERE d.event IS NOT NULL AND d.account = ?1 ORDER BY d.event DESC",
    )?;
    let mut rows = statement.query([account])?;
    while let Some(row) = rows.next()? {
        let webhook: i64 = row.get(1)?;
        let event = event_id(row.get_ref(2)?.as_str()?)?;
        if MessageId::derive(account_id, &event, time(row.get(3)?)?, WebhookId(webhook.cast_unsigned())) == *message {
            return Ok(Some((row.get(0)?, webhook)));
        }
    }
    Ok(None)
}
