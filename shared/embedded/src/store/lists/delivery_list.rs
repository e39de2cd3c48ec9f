//! Pages of the delivery log, newest first. That is the order of the ids, which begin with their time.
//!
//! A message id that follows from event and webhook is not stored, which keeps the log small and its writes sequential.
//! To find such a message, the query searches the index of events, newest first. This is rare and takes at most a
//! second in a million records.

use std::ops::RangeInclusive;

use hookline_core::ids::{AccountId, DeliveryId, EventId, MessageId, WebhookId};
use hookline_core::model::{LogPart, Outcome, SkippedChunk};
use hookline_core::ports::{DeliveryPage, DeliveryQuery, DeliveryScope};
use hookline_core::values::FieldValue;
use jiff::Timestamp;
use rusqlite::types::Value as Sql;
use rusqlite::{Connection, OptionalExtension as _, params_from_iter};

use super::conditions::{WhereClause, plain};
use super::retention_window::RetentionWindow;
use super::skipped_list::{SkippedSearch, common, ids_between, ids_of_event};
use crate::store::rows::delivery_row::{DELIVERY, delivery_from, message_bytes, outcome_number};
use crate::store::rows::values::{account_number, event_id, event_number, millis, time};

/// The tables of a record.
pub(crate) const FROM: &str = "deliveries d LEFT JOIN events e ON e.num = d.event";

/// A page of an account's records.
pub(crate) fn page(
    connection: &Connection,
    account_id: &AccountId,
    query: &DeliveryQuery,
    living: RetentionWindow,
) -> rusqlite::Result<DeliveryPage> {
    let transaction = connection.unchecked_transaction()?;
    let Some(account) = account_number(&transaction, account_id)? else {
        return Ok(DeliveryPage::new(query, LogPart::default(), false));
    };
    let log = Log { connection: &transaction, account_id, account, query, living };
    let backwards = query.newer_than.is_some();
    let cursor = query.newer_than.or(query.older_than).map(|cursor| cursor.uuid().as_u128());
    let (near, far) = match cursor {
        None => (None, 0..=u128::MAX),
        Some(cursor) if backwards => (Some(0..=cursor), cursor.saturating_add(1)..=u128::MAX),
        Some(cursor) => (Some(cursor..=u128::MAX), 0..=cursor.saturating_sub(1)),
    };
    let part = log.part(&far, !backwards, query.per_page as usize + 1)?;
    // The page that the reader came from, if it still exists.
    let behind = match near {
        None => false,
        Some(near) => {
            let part = log.part(&near, backwards, 1)?;
            !part.records.is_empty() || part.stopped.is_some()
        }
    };
    Ok(DeliveryPage::new(query, part, behind))
}

/// The records that a query is about.
struct Log<'a> {
    connection: &'a Connection,
    account_id: &'a AccountId,
    account: i64,
    query: &'a DeliveryQuery,
    living: RetentionWindow,
}

impl Log<'_> {
    /// Records with ids in a range, in one direction: rows, and those that follow from chunks of skipped messages.
    fn part(&self, range: &RangeInclusive<u128>, descending: bool, most: usize) -> rusqlite::Result<LogPart> {
        Ok(self.rows(range, descending, most)?.merge(self.skipped(range, descending, most)?, most, descending))
    }

    fn rows(&self, range: &RangeInclusive<u128>, descending: bool, most: usize) -> rusqlite::Result<LogPart> {
        let Self { connection, account_id, account, query, living } = *self;
        if !Outcome::ALL.into_iter().any(|outcome| outcome != Outcome::Skipped && query.admits_outcome(outcome)) {
            return Ok(LogPart::default());
        }
        let Some(mut conditions) = conditions(connection, account_id, account, query, living)? else {
            return Ok(LogPart::default());
        };
        let bound = |id: &u128| Sql::Blob(id.to_be_bytes().to_vec());
        conditions.and("d.id BETWEEN ? AND ?", [bound(range.start()), bound(range.end())]);
        conditions.values.push(Sql::Integer(i64::try_from(most).unwrap_or(i64::MAX)));
        let order = if descending { "DESC" } else { "ASC" };
        let records = connection
            .prepare_cached(&format!(
                "SELECT {DELIVERY} FROM {FROM} WHERE {} ORDER BY d.id {order} LIMIT ?",
                conditions.sql
            ))?
            .query_map(params_from_iter(conditions.values), |row| delivery_from(row, account_id))?
            .collect::<rusqlite::Result<Vec<_>>>()?;
        Ok(LogPart::new(records, most, None))
    }

    fn skipped(&self, range: &RangeInclusive<u128>, descending: bool, most: usize) -> rusqlite::Result<LogPart> {
        let Self { connection, account_id, account, query, living } = *self;
        if !query.admits_outcome(Outcome::Skipped) {
            return Ok(LogPart::default());
        }
        let (from, to) = query.created_between();
        let mut range =
            common(range, &ids_between(from.map_or(living.created_after, millis), to.map_or(i64::MAX, millis)));
        let mut webhook = None;
        match &query.scope {
            DeliveryScope::Webhook(id) => webhook = Some(*id),
            DeliveryScope::Unsuccessful => {}
            DeliveryScope::Event(id) => match accepted_at(connection, account, id)? {
                Some(at) => range = common(&range, &ids_of_event(account_id, id, at)),
                None => return Ok(LogPart::default()),
            },
            DeliveryScope::Message(id) => {
                let id = DeliveryId::of_skipped(id).uuid().as_u128();
                range = common(&range, &(id..=id));
            }
        }
        let admits = |chunk: &SkippedChunk| {
            let is_meant = match &query.scope {
                DeliveryScope::Event(id) => chunk.event_id == *id,
                DeliveryScope::Webhook(_) | DeliveryScope::Unsuccessful | DeliveryScope::Message(_) => true,
            };
            is_meant && query.admits(&chunk.event, Outcome::Skipped, chunk.accepted_at)
        };
        let search = SkippedSearch { account_id, account, range, descending, webhook, admits: &admits, most };
        search.run(connection, living)
    }
}

/// When a stored event was accepted.
pub(crate) fn accepted_at(connection: &Connection, account: i64, id: &EventId) -> rusqlite::Result<Option<Timestamp>> {
    connection
        .prepare_cached("SELECT accepted_at FROM events WHERE account = ?1 AND id = ?2")?
        .query_row((account, id.as_str()), |row| time(row.get(0)?))
        .optional()
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
