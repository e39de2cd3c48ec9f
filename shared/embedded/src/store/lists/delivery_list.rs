//! Pages of the delivery log, newest first. That is the order of the ids, which begin with their time.
//!
//! A message id that follows from event and webhook is not stored, which keeps the log small and its writes sequential.
//! The id has the webhook and the moment of acceptance, so the records of the message are searched from that moment on.
//!
//! A page of a filtered list ends after [`MAX_ROWS_READ`] rows, even if it has found nothing: other accounts wait for the
//! same connections.

use std::ops::RangeInclusive;

use hookline_core::ids::{AccountId, DeliveryId, EventId, MessageId};
use hookline_core::model::{LogPart, Outcome, SkippedChunk};
use hookline_core::ports::{DeliveryPage, DeliveryQuery, DeliveryScope};
use hookline_core::values::FieldValue;
use jiff::Timestamp;
use rusqlite::types::Value as Sql;
use rusqlite::{Connection, OptionalExtension as _, Row, params, params_from_iter};

use super::conditions::{WhereClause, plain};
use super::retention_window::RetentionWindow;
use super::skipped_list::{SkippedSearch, common, ids_between, ids_of_event};
use crate::store::rows::delivery_row::{DELIVERY, delivery_from, delivery_id, message_bytes, outcome_number};
use crate::store::rows::values::{account_number, event_id, event_number, millis, time};

/// How many rows a search reads at first.
const FIRST_ROWS_READ: i64 = 500;
/// How many rows a search reads before it ends.
const MAX_ROWS_READ: i64 = 20_000;
/// The longest time between the due time of an attempt and its record, in milliseconds: the length of a run, and a day in
/// which nothing was sent.
const LATEST: i64 = 96 * 3_600_000;
/// The largest step of the clock, in milliseconds.
const SKEW: i64 = 60_000;

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
        if !Outcome::ALL.into_iter().any(|outcome| outcome != Outcome::Skipped && self.query.admits_outcome(outcome)) {
            return Ok(LogPart::default());
        }
        // Most searches find a page among the first rows.
        let part = self.rows_among(FIRST_ROWS_READ, range, descending, most)?;
        if part.records.len() < most && part.stopped.is_some() {
            return self.rows_among(MAX_ROWS_READ, range, descending, most);
        }
        Ok(part)
    }

    /// The same, among the first `readable` rows of a search.
    fn rows_among(
        &self,
        readable: i64,
        range: &RangeInclusive<u128>,
        descending: bool,
        most: usize,
    ) -> rusqlite::Result<LogPart> {
        let Self { connection, account_id, account, query, living } = *self;
        let Some(mut conditions) = conditions(connection, account_id, account, query, living)? else {
            return Ok(LogPart::default());
        };
        let (range, stopped) = self.readable(readable, range, descending)?;
        conditions.and("d.id BETWEEN ? AND ?", [bound(range.start()), bound(range.end())]);
        conditions.values.push(Sql::Integer(i64::try_from(most).unwrap_or(i64::MAX)));
        let order = if descending { "DESC" } else { "ASC" };
        let records = connection
            .prepare_cached(&format!(
                "SELECT {DELIVERY} FROM deliveries d {} LEFT JOIN events e ON e.num = d.event WHERE {} ORDER BY d.id {order} LIMIT ?",
                index(query),
                conditions.sql
            ))?
            .query_map(params_from_iter(conditions.values), |row| delivery_from(row, account_id))?
            .collect::<rusqlite::Result<Vec<_>>>()?;
        Ok(LogPart::new(records, most, stopped))
    }

    /// The part of a range of ids that one page of a filtered list reads, and its end if that is not the end of the range.
    fn readable(
        &self,
        rows_read: i64,
        range: &RangeInclusive<u128>,
        descending: bool,
    ) -> rusqlite::Result<(RangeInclusive<u128>, Option<DeliveryId>)> {
        let Self { connection, account, query, .. } = *self;
        let (from, to) = query.created_between();
        let from = from.map_or(0, |from| millis(from) - LATEST);
        let range = common(range, &ids_between(from, to.map_or(i64::MAX >> 16, |to| millis(to) + SKEW)));
        let is_search = !query.event.is_empty() || !query.outcome.is_empty();
        let mut rows = WhereClause::default();
        rows.and("d.account = ?", [Sql::Integer(account)]);
        match &query.scope {
            DeliveryScope::Unsuccessful => rows.and("d.outcome > 1", []),
            DeliveryScope::Webhook(_) if is_unsuccessful(query) => rows.and("d.outcome > 1", []),
            DeliveryScope::Webhook(webhook) => rows.and("d.webhook = ?", [Sql::Integer(webhook.0.cast_signed())]),
            DeliveryScope::Event(_) | DeliveryScope::Message(_) => return Ok((range, None)),
        }
        if !is_search {
            return Ok((range, None));
        }
        rows.and("d.id BETWEEN ? AND ?", [bound(range.start()), bound(range.end())]);
        rows.values.push(Sql::Integer(rows_read));
        let order = if descending { "DESC" } else { "ASC" };
        let last = connection
            .prepare_cached(&format!(
                "SELECT d.id FROM deliveries d {} WHERE {} ORDER BY d.id {order} LIMIT 1 OFFSET ?",
                index(query),
                rows.sql
            ))?
            .query_row(params_from_iter(rows.values), |row| delivery_id(row.get(0)?))
            .optional()?;
        let Some(last) = last else { return Ok((range, None)) };
        let id = last.uuid().as_u128();
        Ok((if descending { id..=*range.end() } else { *range.start()..=id }, Some(last)))
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

/// An end of a range of ids, as it is stored.
fn bound(id: &u128) -> Sql {
    Sql::Blob(id.to_be_bytes().to_vec())
}

/// Whether only unsuccessful records meet the conditions.
fn is_unsuccessful(query: &DeliveryQuery) -> bool {
    !query.admits_outcome(Outcome::Succeeded) && !query.admits_outcome(Outcome::Waiting)
}

/// The index that a query reads; the primary key if it is not named.
fn index(query: &DeliveryQuery) -> &'static str {
    match &query.scope {
        DeliveryScope::Unsuccessful => "INDEXED BY deliveries_unsuccessful",
        DeliveryScope::Webhook(_) if is_unsuccessful(query) => "INDEXED BY deliveries_unsuccessful",
        DeliveryScope::Webhook(_) | DeliveryScope::Event(_) | DeliveryScope::Message(_) => "",
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
            if is_unsuccessful(query) {
                // What the index of unsuccessful records asks for.
                conditions.and("d.outcome > 1", []);
            }
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
    let webhook = message.webhook().0.cast_signed();
    let accepted_at = millis(message.accepted_at());
    let is_it = |row: &Row<'_>| -> rusqlite::Result<bool> {
        let event = event_id(row.get_ref(1)?.as_str()?)?;
        Ok(MessageId::derive(account_id, &event, time(row.get(2)?)?, message.webhook()) == *message)
    };
    // The first attempt is due at acceptance, so it comes first. It expires before the others.
    let ids = ids_between(accepted_at, accepted_at.saturating_add(LATEST));
    let mut statement = connection.prepare_cached(
        "SELECT d.event, e.id, e.accepted_at FROM deliveries d JOIN events e ON e.num = d.event
         WHERE d.account = ?1 AND d.webhook = ?2 AND d.id BETWEEN ?3 AND ?4 ORDER BY d.id LIMIT ?5",
    )?;
    let mut rows = statement.query(params![account, webhook, bound(ids.start()), bound(ids.end()), MAX_ROWS_READ])?;
    while let Some(row) = rows.next()? {
        if is_it(row)? {
            return Ok(Some((row.get(0)?, webhook)));
        }
    }
    // A message that was skipped has no attempt until it is redelivered.
    let ids = DeliveryId::of_skipped(message).group();
    let mut statement = connection.prepare_cached(
        "SELECT s.event, e.id, e.accepted_at FROM skipped s JOIN events e ON e.num = s.event
         WHERE s.account = ?1 AND s.id BETWEEN ?2 AND ?3",
    )?;
    let mut rows = statement.query(params![account, bound(ids.start()), bound(ids.end())])?;
    while let Some(row) = rows.next()? {
        if is_it(row)? {
            return Ok(Some((row.get(0)?, webhook)));
        }
    }
    Ok(None)
}
