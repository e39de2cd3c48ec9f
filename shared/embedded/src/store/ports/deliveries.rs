//! The delivery log, and the claims of retries (section 10).

use std::collections::HashMap;

use async_trait::async_trait;
use hookline_core::errors::PortResult;
use hookline_core::ids::{AccountId, DeliveryId, EventId, MessageId, WebhookId};
use hookline_core::model::{Attempt, Delivery, Outcome, SkippedChunk};
use hookline_core::ports::{AttemptClaim, Deliveries, DeliveryPage, DeliveryQuery, RecordOutcome};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::store::database::StorePorts;
use crate::store::lists::delivery_list;
use crate::store::lists::delivery_list::{FROM, accepted_at};
use crate::store::lists::retention_window::RetentionWindow;
use crate::store::lists::skipped_list::{SkippedSearch, ids_of_event, skipped_record};
use crate::store::rows::delivery_row::{
    DELIVERY, delivery_from, insert, message_bytes, message_from, outcome_from, place, standing,
};
use crate::store::rows::skipped_row::insert_skipped;
use crate::store::rows::values::{account_number, millis, time};

#[async_trait]
impl Deliveries for StorePorts {
    async fn claim_attempt(
        &self,
        attempt: &Attempt,
        now: Timestamp,
        lease_ends: Timestamp,
    ) -> PortResult<AttemptClaim> {
        let account = attempt.message.account().clone();
        let (message, id) = (message_bytes(&attempt.message.id), attempt.delivery_id());
        let (run, number) = (attempt.run.cast_signed(), attempt.number);
        self.ask(move |connection| {
            let standing = match account_number(connection, &account)? {
                Some(account) => standing(connection, account, id)?,
                None => None,
            };
            if let Some(RecordOutcome::Stands { next_attempt_at }) = standing {
                return Ok(AttemptClaim::Final { next_attempt_at });
            }
            let claim: Option<(i64, bool)> = connection
                .prepare_cached("SELECT lease, final FROM claims WHERE message = ?1 AND run = ?2 AND attempt = ?3")?
                .query_row(params![message, run, number], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?;
            match claim {
                // The record was removed with its account, or has expired.
                Some((_, true)) => return Ok(AttemptClaim::Final { next_attempt_at: None }),
                Some((lease, false)) if lease > millis(now) => return Ok(AttemptClaim::Busy { until: time(lease)? }),
                Some((_, false)) | None => {}
            }
            connection
                .prepare_cached(
                    "INSERT INTO claims (message, run, attempt, lease) VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT DO UPDATE SET lease = excluded.lease",
                )?
                .execute(params![message, run, number, millis(lease_ends)])?;
            Ok(AttemptClaim::Won)
        })
        .await
    }

    async fn record(&self, delivery: &Delivery) -> PortResult<RecordOutcome> {
        let (delivery, origin) = (delivery.clone(), self.origin());
        if delivery.outcome == Outcome::Succeeded && self.unit_of_work().is_some_and(|unit| unit.fresh) {
            // The message was not processed before, so there is no other record and the result is known.
            self.tell(move |connection| insert(connection, &delivery, origin.as_ref()).map(|_| ())).await?;
            return Ok(RecordOutcome::Written);
        }
        self.ask(move |connection| insert(connection, &delivery, origin.as_ref())).await
    }

    async fn record_skipped(&self, chunks: &[SkippedChunk]) -> PortResult<()> {
        let (chunks, origin) = (chunks.to_vec(), self.origin());
        self.ask(move |connection| {
            chunks.iter().try_for_each(|chunk| {
                match place(connection, &chunk.account, &chunk.event_id, origin.as_ref())? {
                    Some((account, Some((event, _)))) => insert_skipped(connection, account, event, chunk),
                    // The account was deleted, and its events with it.
                    Some((_, None)) | None => Ok(()),
                }
            })
        })
        .await
    }

    async fn delivery(&self, account: &AccountId, id: DeliveryId, now: Timestamp) -> PortResult<Option<Delivery>> {
        let living = RetentionWindow::at(now, self.store.kept());
        self.store.read(|connection| {
            let stored = connection
                .prepare_cached(&format!(
                    "SELECT {DELIVERY} FROM {FROM}
                     WHERE d.account = (SELECT num FROM accounts WHERE id = ?1) AND d.webhook = ?2 AND d.id = ?3
                        AND d.created_at > ?4 AND (d.event IS NULL OR e.accepted_at > ?5)"
                ))?
                .query_row(
                    params![
                        account.as_str(),
                        id.webhook().0.cast_signed(),
                        id.uuid().as_bytes(),
                        living.created_after,
                        living.accepted_after
                    ],
                    |row| delivery_from(row, account),
                )
                .optional()?;
            match (stored, account_number(connection, account)?) {
                (None, Some(number)) => skipped_record(connection, (account, number), id, living),
                (stored, _) => Ok(stored),
            }
        })
    }

    async fn list_deliveries(
        &self,
        account: &AccountId,
        query: &DeliveryQuery,
        now: Timestamp,
    ) -> PortResult<DeliveryPage> {
        let (account, query, living) = (account.clone(), query.clone(), RetentionWindow::at(now, self.store.kept()));
        self.store.list(move |connection| delivery_list::page(connection, &account, &query, living)).await
    }

    async fn outcomes_of_event(
        &self,
        account: &AccountId,
        event: &EventId,
        now: Timestamp,
    ) -> PortResult<Vec<(MessageId, Outcome)>> {
        let (account, event, living) = (account.clone(), event.clone(), RetentionWindow::at(now, self.store.kept()));
        self.store.list(move |connection| outcomes(connection, &account, &event, living)).await
    }
}

/// The newest outcome of each message of an event, in the order of the webhooks.
fn outcomes(
    connection: &Connection,
    account_id: &AccountId,
    event_id: &EventId,
    living: RetentionWindow,
) -> rusqlite::Result<Vec<(MessageId, Outcome)>> {
    let Some(account) = account_number(connection, account_id)? else { return Ok(Vec::new()) };
    let mut order = Vec::new();
    let mut newest: HashMap<MessageId, ((i64, i64), Outcome)> = HashMap::new();
    for (condition, key) in [
        ("d.event = (SELECT num FROM events WHERE account = ?1 AND id = ?2)", "d.event"),
        ("d.account = ?1 AND d.event_id = ?2", "d.event_id"),
    ] {
        let mut statement = connection.prepare_cached(&format!(
            "SELECT d.message, d.webhook, e.accepted_at, d.run, d.attempt, d.outcome FROM {FROM}
             WHERE {condition} AND {key} IS NOT NULL AND d.created_at > ?3
                AND (d.event IS NULL OR e.accepted_at > ?4)
             ORDER BY d.webhook, d.run, d.attempt, d.id"
        ))?;
        let mut rows =
            statement.query(params![account, event_id.as_str(), living.created_after, living.accepted_after])?;
        while let Some(row) = rows.next()? {
            let webhook = WebhookId(row.get::<_, i64>(1)?.cast_unsigned());
            let message = match row.get::<_, Option<[u8; 16]>>(0)? {
                Some(bytes) => message_from(bytes)?,
                None => MessageId::derive(account_id, event_id, time(row.get(2)?)?, webhook),
            };
            let (place, outcome) = ((row.get(3)?, row.get(4)?), outcome_from(row.get(5)?)?);
            let known = newest.entry(message.clone()).or_insert_with(|| {
                order.push(message);
                (place, outcome)
            });
            if known.1 != Outcome::Succeeded && (outcome == Outcome::Succeeded || place >= known.0) {
                *known = (place, outcome);
            }
        }
    }
    if let Some(accepted_at) = accepted_at(connection, account, event_id)? {
        let search = SkippedSearch {
            account_id,
            account,
            range: ids_of_event(account_id, event_id, accepted_at),
            descending: false,
            webhook: None,
            admits: &|chunk| chunk.event_id == *event_id,
            most: usize::MAX,
        };
        for record in search.run(connection, living)?.records {
            newest.entry(record.message).or_insert_with_key(|message| {
                order.push(message.clone());
                ((0, 0), Outcome::Skipped)
            });
        }
    }
    order.sort_by_key(MessageId::webhook);
    Ok(order.into_iter().filter_map(|message| newest.remove(&message).map(|(_, outcome)| (message, outcome))).collect())
}
