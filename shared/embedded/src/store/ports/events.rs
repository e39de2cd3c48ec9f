//! Accepted events, and the progress of their fan-out.

use std::sync::Arc;

use async_trait::async_trait;
use hookline_core::errors::PortResult;
use hookline_core::ids::{AccountId, EventId, WebhookId};
use hookline_core::model::{Event, EventHead};
use hookline_core::ports::{EventClaim, Events, StoredEvent};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::queue::unit_of_work::EventOrigin;
use crate::store::database::{Kept, StorePorts};
use crate::store::retention::remove_event;
use crate::store::rows::event_row::event_from;
use crate::store::rows::values::{account_number, event_number, millis, millis_before, time};
use crate::store::sqlite::errors::corrupt;

#[async_trait]
impl Events for StorePorts {
    async fn claim_event(&self, event: &Event, now: Timestamp, lease_ends: Timestamp) -> PortResult<EventClaim> {
        let unit = self.unit_of_work();
        if let Some(unit) = &unit
            && unit.fresh
            && unit.origin.as_ref().is_some_and(|origin| origin.is(&event.head.account, &event.head.id))
        {
            // The event was stored a moment ago and handed to this unit alone. Only this process reads the queue, so
            // there is no claim to compete for.
            unit.check()?;
            return Ok(EventClaim::Begun { event: event.clone(), after: None });
        }
        let (event, kept) = (event.clone(), self.store.kept());
        self.ask(move |connection| claim(connection, event, kept, now, lease_ends)).await
    }

    async fn event_progress(&self, event: &Event, after: WebhookId, lease_ends: Timestamp) -> PortResult<()> {
        let (head, origin) = (Arc::clone(&event.head), self.origin());
        self.tell(move |connection| {
            let Some(number) = number_of(connection, origin.as_ref(), &head)? else { return Ok(()) };
            connection
                .prepare_cached(
                    "INSERT INTO fan_outs (event, lease, after) VALUES (?1, ?2, ?3)
                     ON CONFLICT (event) DO UPDATE SET lease = excluded.lease, after = excluded.after
                     WHERE matched IS NULL",
                )?
                .execute([number, millis(lease_ends), after.0.cast_signed()])
                .map(|_| ())
        })
        .await
    }

    async fn event_done(&self, event: &Event, matched: &[WebhookId]) -> PortResult<()> {
        let (head, origin) = (Arc::clone(&event.head), self.origin());
        let matched: Vec<u8> = matched.iter().flat_map(|webhook| webhook.0.to_be_bytes()).collect();
        self.tell(move |connection| {
            let Some(number) = number_of(connection, origin.as_ref(), &head)? else { return Ok(()) };
            connection
                .prepare_cached(
                    "INSERT INTO fan_outs (event, lease, matched) VALUES (?1, 0, ?2)
                     ON CONFLICT (event) DO UPDATE SET matched = excluded.matched WHERE matched IS NULL",
                )?
                .execute(params![number, matched])
                .map(|_| ())
        })
        .await
    }

    async fn event(&self, account: &AccountId, id: &EventId, now: Timestamp) -> PortResult<Option<StoredEvent>> {
        let living = millis_before(now, self.store.kept().events);
        self.store.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT e.head, e.payload, f.matched FROM accounts a JOIN events e ON e.account = a.num
                     LEFT JOIN fan_outs f ON f.event = e.num
                     WHERE a.id = ?1 AND e.id = ?2 AND e.accepted_at > ?3",
                )?
                .query_row(params![account.as_str(), id.as_str(), living], |row| {
                    let matched = row.get_ref(2)?.as_blob_or_null()?.map(matched_from);
                    Ok(StoredEvent { event: event_from(row, 0)?, matched })
                })
                .optional()
        })
    }
}

impl StorePorts {
    /// The origin of the current unit.
    pub(super) fn origin(&self) -> Option<EventOrigin> {
        self.unit_of_work().and_then(|unit| unit.origin.clone())
    }
}

fn number_of(connection: &Connection, origin: Option<&EventOrigin>, head: &EventHead) -> rusqlite::Result<Option<i64>> {
    if let Some(origin) = origin.filter(|origin| origin.is(&head.account, &head.id)) {
        return Ok(Some(origin.event));
    }
    let Some(account) = account_number(connection, &head.account)? else { return Ok(None) };
    event_number(connection, account, &head.id)
}

fn claim(
    connection: &Connection,
    event: Event,
    kept: Kept,
    now: Timestamp,
    lease_ends: Timestamp,
) -> rusqlite::Result<EventClaim> {
    let Some(account) = account_number(connection, &event.head.account)? else {
        // The account was deleted, and its events with it.
        return Ok(EventClaim::Done);
    };
    let (number, is_new) = insert(connection, account, &event, kept, now)?;
    if !is_new && !repeats(connection, number, &event.head)? {
        return Ok(EventClaim::Conflict);
    }
    let state: Option<(i64, Option<i64>, bool)> = connection
        .prepare_cached("SELECT lease, after, matched IS NOT NULL FROM fan_outs WHERE event = ?1")?
        .query_row([number], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    let after = match state {
        Some((_, _, true)) => return Ok(EventClaim::Done),
        Some((lease, _, false)) if lease > millis(now) => return Ok(EventClaim::Busy { until: time(lease)? }),
        Some((_, after, false)) => after,
        None => None,
    };
    connection
        .prepare_cached(
            "INSERT INTO fan_outs (event, lease) VALUES (?1, ?2)
             ON CONFLICT (event) DO UPDATE SET lease = excluded.lease",
        )?
        .execute([number, millis(lease_ends)])?;
    let event = if is_new {
        event
    } else {
        connection
            .prepare_cached("SELECT head, payload FROM events WHERE num = ?1")?
            .query_row([number], |row| event_from(row, 0))?
    };
    Ok(EventClaim::Begun { event, after: after.map(|after| WebhookId(after.cast_unsigned())) })
}

/// Stores an event unless one with its id is still kept. Returns its number, and whether it is new.
pub(super) fn insert(
    connection: &Connection,
    account: i64,
    event: &Event,
    kept: Kept,
    now: Timestamp,
) -> rusqlite::Result<(i64, bool)> {
    let Event { head, payload } = event;
    let stored: Option<(i64, i64)> = connection
        .prepare_cached("SELECT num, accepted_at FROM events WHERE account = ?1 AND id = ?2")?
        .query_row((account, head.id.as_str()), |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    if let Some((number, accepted_at)) = stored {
        if accepted_at > millis_before(now, kept.events) {
            return Ok((number, false));
        }
        remove_event(connection, number, usize::MAX)?;
    }
    let text = serde_json::to_string(&**head).map_err(|_| corrupt("event"))?;
    connection
        .prepare_cached(
            "INSERT INTO events (account, id, name, accepted_at, head, payload) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            account,
            head.id.as_str(),
            head.event.as_str(),
            millis(head.accepted_at),
            text,
            &payload.as_bytes()[..],
        ])?;
    Ok((connection.last_insert_rowid(), true))
}

/// True if an event is the stored one published again: see [`EventHead::repeats`].
pub(super) fn repeats(connection: &Connection, stored: i64, head: &EventHead) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT head, payload FROM events WHERE num = ?1")?
        .query_row([stored], |row| event_from(row, 0))
        .map(|first| head.repeats(&first.head))
}

fn matched_from(blob: &[u8]) -> Vec<WebhookId> {
    let (ids, _) = blob.as_chunks();
    ids.iter().map(|id| WebhookId(u64::from_be_bytes(*id))).collect()
}
