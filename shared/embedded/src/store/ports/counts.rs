//! Counts of deliveries (section 12): one row per webhook and hour, and one per account and hour.
//!
//! The workers count in memory and write every ten seconds, so a crash loses at most the counts of that time.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use async_trait::async_trait;
use hookline_core::errors::PortResult;
use hookline_core::ids::{AccountId, WebhookId};
use hookline_core::model::{Hour, HourCounts, HourlyCounts, Outcome};
use hookline_core::ports::{Counts, CountsScope};
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::store::database::StorePorts;
use crate::store::rows::values::{account_number, from_json, to_json};

/// How many rows of webhooks one write changes.
const ROWS_PER_WRITE: usize = 500;
/// Instead of the id of a webhook: the whole account.
const ACCOUNT: i64 = 0;
/// What a row is called in an error.
const WHAT: &str = "counts";

#[async_trait]
impl Counts for StorePorts {
    fn count(&self, account: &AccountId, webhook: WebhookId, hour: Hour, outcome: Outcome, duration: Option<Duration>) {
        self.store.pending_counts().change(account, webhook, hour, |counts| counts.count(outcome, duration));
    }

    fn count_filtered(&self, account: &AccountId, webhooks: &[WebhookId], hour: Hour) {
        self.store.pending_counts().count_filtered(account, webhooks, hour);
    }

    async fn store_counts(&self) -> PortResult<()> {
        let _turn = self.store.counts_turn().await;
        let pending = self.store.pending_counts();
        let taken = pending.take();
        for (at, part) in taken.chunks(ROWS_PER_WRITE).enumerate() {
            let lines = part.to_vec();
            let written = self.store.writer().ask(None, move |connection| add(connection, &lines)).await;
            if let Err(fault) = written {
                pending.put_back(&taken[at * ROWS_PER_WRITE..]);
                return Err(fault);
            }
        }
        Ok(())
    }

    async fn counts(
        &self,
        account: &AccountId,
        scope: CountsScope,
        hours: RangeInclusive<Hour>,
    ) -> PortResult<Vec<HourlyCounts>> {
        let account = account.clone();
        self.store
            .list(move |connection| {
                let Some(account) = account_number(connection, &account)? else { return Ok(Vec::new()) };
                match scope {
                    CountsScope::Webhook(webhook) => series(connection, account, webhook.0.cast_signed(), hours),
                    CountsScope::Account => series(connection, account, ACCOUNT, hours),
                    CountsScope::MostFailures => most_failures(connection, account, hours),
                }
            })
            .await
    }
}

/// Adds to the rows of webhooks, and to those of their accounts.
fn add(connection: &Connection, lines: &[(AccountId, Hour, WebhookId, HourCounts)]) -> rusqlite::Result<()> {
    let mut accounts: BTreeMap<(i64, Hour), HourCounts> = BTreeMap::new();
    for (account, hour, webhook, counts) in lines {
        // The account may be deleted.
        let Some(account) = account_number(connection, account)? else { continue };
        add_to_row(connection, account, *hour, webhook.0.cast_signed(), counts)?;
        accounts.entry((account, *hour)).or_default().add(counts);
    }
    accounts.iter().try_for_each(|((account, hour), counts)| add_to_row(connection, *account, *hour, ACCOUNT, counts))
}

fn add_to_row(
    connection: &Connection,
    account: i64,
    hour: Hour,
    webhook: i64,
    counts: &HourCounts,
) -> rusqlite::Result<()> {
    let mut sum = row(connection, account, hour, webhook)?.unwrap_or_default();
    sum.add(counts);
    connection
        .prepare_cached("INSERT OR REPLACE INTO counts (account, hour, webhook, record) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![account, hour.0, webhook, to_json(&sum, WHAT)?])
        .map(|_| ())
}

fn row(connection: &Connection, account: i64, hour: Hour, webhook: i64) -> rusqlite::Result<Option<HourCounts>> {
    connection
        .prepare_cached("SELECT record FROM counts WHERE account = ?1 AND hour = ?2 AND webhook = ?3")?
        .query_row(params![account, hour.0, webhook], |row| from_json(row, 0, WHAT))
        .optional()
}

/// The hours of one webhook, or of the account.
fn series(
    connection: &Connection,
    account: i64,
    webhook: i64,
    hours: RangeInclusive<Hour>,
) -> rusqlite::Result<Vec<HourlyCounts>> {
    let id = (webhook != ACCOUNT).then_some(WebhookId(webhook.cast_unsigned()));
    let mut found = Vec::new();
    for hour in (hours.start().0..=hours.end().0).map(Hour) {
        let counts = row(connection, account, hour, webhook)?;
        found.extend(counts.map(|counts| HourlyCounts { hour, webhook: id, counts }));
    }
    Ok(found)
}

/// The webhooks with most failures of each hour.
fn most_failures(
    connection: &Connection,
    account: i64,
    hours: RangeInclusive<Hour>,
) -> rusqlite::Result<Vec<HourlyCounts>> {
    let mut rows = connection.prepare_cached(
        "SELECT webhook, record FROM counts WHERE account = ?1 AND hour = ?2 AND webhook <> 0 ORDER BY webhook",
    )?;
    let mut found = Vec::new();
    for hour in (hours.start().0..=hours.end().0).map(Hour) {
        let webhooks: Vec<HourlyCounts> = rows
            .query_map(params![account, hour.0], |row| {
                let webhook = Some(WebhookId(row.get::<_, i64>(0)?.cast_unsigned()));
                Ok(HourlyCounts { hour, webhook, counts: from_json(row, 1, WHAT)? })
            })?
            .collect::<rusqlite::Result<_>>()?;
        found.extend(HourlyCounts::most_failures(webhooks));
    }
    Ok(found)
}
