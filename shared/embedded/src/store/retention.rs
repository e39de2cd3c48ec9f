//! Removes expired records, in small steps between other writes (section 10). Reads treat expired records as absent, so
//! removal is not urgent.
//!
//! A record is removed with its event. It is never kept longer and hardly shorter (30 and 33 days), so it needs no
//! index by age. Event numbers follow the order of acceptance.

use std::time::Duration;

use hookline_core::errors::PortResult;
use hookline_core::model::Hour;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _};

use crate::store::database::{Kept, Store};
use crate::store::rows::values::{millis, millis_before};

/// About how many rows one step removes at most.
const STEP: usize = 500;
/// Claims are useless after the longest run and its last lease.
const CLAIMS_KEPT: Duration = Duration::from_hours(24 * 4);
/// The health of a host without requests for this long is out of date.
const HOSTS_KEPT: Duration = Duration::from_hours(24 * 30);
/// Counts of this many hours before the current one are kept: 31 days.
const COUNTED_HOURS: i64 = 31 * 24;
/// Far longer than the interval between two mails to an address.
const MAILS_KEPT: Duration = Duration::from_hours(24 * 2);
/// Work that was in progress when an account was deleted has ended long before.
const SETTLED: Duration = Duration::from_mins(15);

impl Store {
    /// Removes a limited number of records that have expired at `now`; `true` if there are more. Takes a few
    /// milliseconds.
    pub async fn sweep(&self, now: Timestamp) -> PortResult<bool> {
        self.sweep_some(now, STEP).await
    }

    /// The same with another limit on the number of rows.
    pub async fn sweep_some(&self, now: Timestamp, most: usize) -> PortResult<bool> {
        let kept = self.kept();
        self.writer().ask(None, move |connection| step(connection, kept, now, most)).await
    }
}

fn step(connection: &Connection, kept: Kept, now: Timestamp, most: usize) -> rusqlite::Result<bool> {
    let mut left = most;
    let over = millis_before(now, kept.events);
    while left > 0 {
        let oldest: Option<(i64, i64)> = connection
            .prepare_cached("SELECT num, accepted_at FROM events ORDER BY num LIMIT 1")?
            .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        match oldest {
            Some((event, accepted_at)) if accepted_at <= over => {
                left -= remove_event(connection, event, left)?.min(left);
            }
            Some(_) | None => break,
        }
    }
    for (sql, limit) in [
        (
            "DELETE FROM deliveries WHERE (account, webhook, id) IN (SELECT account, webhook, id FROM deliveries
                INDEXED BY deliveries_loose_age WHERE event_id IS NOT NULL AND created_at <= ?1 LIMIT ?2)",
            millis_before(now, kept.deliveries),
        ),
        (
            "DELETE FROM redeliveries WHERE id IN (SELECT id FROM redeliveries WHERE created_at <= ?1 LIMIT ?2)",
            millis_before(now, kept.deliveries),
        ),
        (
            "DELETE FROM claims WHERE (message, run, attempt) IN (SELECT message, run, attempt FROM claims
                WHERE lease <= ?1 LIMIT ?2)",
            millis_before(now, CLAIMS_KEPT),
        ),
        (
            "DELETE FROM counts WHERE (account, hour, webhook) IN
                (SELECT account, hour, webhook FROM counts INDEXED BY counts_by_age WHERE hour < ?1 LIMIT ?2)",
            Hour::of(now).0 - COUNTED_HOURS,
        ),
        (
            "DELETE FROM hosts WHERE (account, host) IN
                (SELECT account, host FROM hosts WHERE changed_at <= ?1 AND throttled_at IS NULL LIMIT ?2)",
            millis_before(now, HOSTS_KEPT),
        ),
        (
            "DELETE FROM mail_addresses WHERE (account, address) IN
                (SELECT account, address FROM mail_addresses WHERE sent_at <= ?1 LIMIT ?2)",
            millis_before(now, MAILS_KEPT),
        ),
        (
            "DELETE FROM tokens WHERE num IN (SELECT num FROM tokens INDEXED BY tokens_by_parent
                WHERE parent IS NOT NULL AND expires_at <= ?1 LIMIT ?2)",
            millis(now),
        ),
    ] {
        let removed = connection.prepare_cached(sql)?.execute((limit, most.cast_signed()))?;
        left = left.saturating_sub(removed);
    }
    left = left.saturating_sub(remove_of_gone_account(connection, now, left)?);
    Ok(left == 0)
}

/// Removes records of an event, and the event itself once it has none. Returns the number of rows.
pub(crate) fn remove_event(connection: &Connection, event: i64, most: usize) -> rusqlite::Result<usize> {
    let limit = i64::try_from(most).unwrap_or(i64::MAX);
    let removed = connection
        .prepare_cached(
            "DELETE FROM deliveries WHERE (account, webhook, id) IN
                (SELECT account, webhook, id FROM deliveries WHERE event = ?1 LIMIT ?2)",
        )?
        .execute((event, limit))?;
    if removed >= most {
        return Ok(removed);
    }
    for sql in [
        "DELETE FROM skipped WHERE event = ?1",
        "DELETE FROM fan_outs WHERE event = ?1",
        "DELETE FROM events_queue WHERE account = (SELECT account FROM events WHERE num = ?1) AND event = ?1",
        "DELETE FROM events WHERE num = ?1",
    ] {
        connection.prepare_cached(sql)?.execute([event])?;
    }
    Ok(removed + 1)
}

/// Removes a limited number of rows of a deleted account and returns their number. The account is forgotten after a
/// while without rows, because work in progress may still write one.
fn remove_of_gone_account(connection: &Connection, now: Timestamp, most: usize) -> rusqlite::Result<usize> {
    let account: Option<(i64, Option<i64>)> = connection
        .prepare_cached("SELECT num, empty_since FROM gone_accounts ORDER BY empty_since LIMIT 1")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((account, empty_since)) = account else { return Ok(0) };
    let mut removed = 0;
    while removed < most {
        let event: Option<i64> = connection
            .prepare_cached("SELECT num FROM events WHERE account = ?1 LIMIT 1")?
            .query_row([account], |row| row.get(0))
            .optional()?;
        let Some(event) = event else { break };
        removed += remove_event(connection, event, most - removed)?;
    }
    if removed < most {
        removed += connection
            .prepare_cached(
                "DELETE FROM deliveries WHERE (account, webhook, id) IN
                    (SELECT account, webhook, id FROM deliveries WHERE account = ?1 LIMIT ?2)",
            )?
            .execute((account, i64::try_from(most - removed).unwrap_or(i64::MAX)))?;
    }
    if removed < most {
        removed += connection
            .prepare_cached(
                "DELETE FROM skipped WHERE (account, id) IN (SELECT account, id FROM skipped WHERE account = ?1 LIMIT ?2)",
            )?
            .execute((account, i64::try_from(most - removed).unwrap_or(i64::MAX)))?;
    }
    if removed < most {
        removed += connection
            .prepare_cached(
                "DELETE FROM counts WHERE (account, hour, webhook) IN
                    (SELECT account, hour, webhook FROM counts WHERE account = ?1 LIMIT ?2)",
            )?
            .execute((account, i64::try_from(most - removed).unwrap_or(i64::MAX)))?;
    }
    if removed < most {
        removed += connection
            .prepare_cached(
                "DELETE FROM audit WHERE num IN
                    (SELECT num FROM audit INDEXED BY audit_of_record WHERE account = ?1 LIMIT ?2)",
            )?
            .execute((account, i64::try_from(most - removed).unwrap_or(i64::MAX)))?;
    }
    if removed >= most {
        return Ok(removed);
    }
    if removed == 0 && empty_since.is_some_and(|since| since <= millis_before(now, SETTLED)) {
        connection.prepare_cached("DELETE FROM gone_accounts WHERE num = ?1")?.execute([account])?;
    } else if removed > 0 || empty_since.is_none() {
        connection
            .prepare_cached("UPDATE gone_accounts SET empty_since = ?2 WHERE num = ?1")?
            .execute([account, millis(now)])?;
    }
    Ok(removed)
}
