//! Redelivery jobs, and the messages that they send again (section 10).

use async_trait::async_trait;
use hookline_core::errors::PortResult;
use hookline_core::ids::{AccountId, DeliveryId, WebhookId};
use hookline_core::model::{Delivery, JobProgress, JobState, LogPart, Outcome, RedeliveryFilter, RedeliveryJob};
use hookline_core::ports::{BeginJobOutcome, Redeliveries, RedeliveryPage, RedeliveryQuery};
use jiff::Timestamp;
use rusqlite::types::Value as Sql;
use rusqlite::{Connection, OptionalExtension as _, Row, params, params_from_iter};
use uuid::Uuid;

use crate::store::database::{Kept, StorePorts};
use crate::store::lists::conditions::WhereClause;
use crate::store::lists::delivery_list::FROM;
use crate::store::lists::retention_window::RetentionWindow;
use crate::store::lists::skipped_list::{SkippedSearch, common, ids_between, skipped_record};
use crate::store::rows::delivery_row::{DELIVERY, delivery_from, outcome_from, outcome_number};
use crate::store::rows::values::{account_number, from_json, millis, to_json};
use crate::store::sqlite::errors::fault;

/// How many messages are counted in one step.
const COUNTED_AT_ONCE: u32 = 1000;

#[async_trait]
impl Redeliveries for StorePorts {
    async fn count_redeliverable(&self, account: &AccountId, query: &RedeliveryQuery, most: u64) -> PortResult<u64> {
        let (mut count, mut query) = (0, RedeliveryQuery { most: COUNTED_AT_ONCE, ..query.clone() });
        loop {
            let page = self.redeliverable(account, &query).await?;
            count += page.items.len() as u64;
            match page.next {
                Some(next) if count < most => query.after = Some(next),
                Some(_) | None => return Ok(count.min(most)),
            }
        }
    }

    async fn redeliverable(&self, account: &AccountId, query: &RedeliveryQuery) -> PortResult<RedeliveryPage> {
        let (account, query, kept) = (account.clone(), query.clone(), self.store.kept());
        let event = query.event.clone();
        let mut page = self.store.list(move |connection| page(connection, &account, &query, kept)).await?;
        page.items.retain(|record| event.as_ref().is_none_or(|event| *event == record.event));
        Ok(page)
    }

    async fn running_redelivery(
        &self,
        account: &AccountId,
        webhook: WebhookId,
        wanted: &RedeliveryFilter,
    ) -> PortResult<Option<RedeliveryJob>> {
        let wanted = text(wanted).map_err(|error| fault(&error))?;
        self.store.read(|connection| running(connection, account, webhook, &wanted))
    }

    async fn begin_redelivery(&self, job: &RedeliveryJob) -> PortResult<BeginJobOutcome> {
        let job = job.clone();
        self.ask(move |connection| {
            let wanted = text(&job.wanted)?;
            if let Some(running) = running(connection, &job.account, job.webhook, &wanted)? {
                return Ok(BeginJobOutcome::Running(Box::new(running)));
            }
            connection
                .prepare_cached(
                    "INSERT INTO redeliveries (id, account, record) SELECT ?1, num, ?3 FROM accounts WHERE id = ?2",
                )?
                .execute(params![job.id.as_bytes(), job.account.as_str(), to_json(&job, "redelivery job")?])?;
            Ok(BeginJobOutcome::Started)
        })
        .await
    }

    async fn redelivery(&self, account: &AccountId, id: Uuid) -> PortResult<Option<RedeliveryJob>> {
        self.store.read(|connection| {
            connection
                .prepare_cached("SELECT r.record FROM accounts a JOIN redeliveries r ON r.account = a.num WHERE a.id = ?1 AND r.id = ?2")?
                .query_row(params![account.as_str(), id.as_bytes()], job_from)
                .optional()
        })
    }

    async fn redelivery_progress(&self, job: &RedeliveryJob, progress: JobProgress) -> PortResult<()> {
        let id = job.id;
        self.tell(move |connection| {
            let stored: Option<RedeliveryJob> = connection
                .prepare_cached("SELECT record FROM redeliveries WHERE id = ?1")?
                .query_row([id.as_bytes()], job_from)
                .optional()?;
            let Some(mut job) = stored else { return Ok(()) };
            if job.progress.state != JobState::Running || job.progress.after > progress.after {
                return Ok(());
            }
            job.progress = progress;
            connection
                .prepare_cached("UPDATE redeliveries SET record = ?2 WHERE id = ?1")?
                .execute(params![id.as_bytes(), to_json(&job, "redelivery job")?])
                .map(|_| ())
        })
        .await
    }
}

/// The conditions for a record `d` to be sent again. The bounds on the id follow from those on the time, because no
/// attempt starts before it is due.
fn conditions(account: i64, query: &RedeliveryQuery, kept: Kept) -> WhereClause {
    let RedeliveryQuery { webhook, outcomes, since, before, accepted_from, but_run, after, event: _, most: _, now } =
        query;
    let living = RetentionWindow::at(*now, kept);
    let run = Sql::Integer(but_run.cast_signed());
    let places = vec!["?"; outcomes.len()].join(", ");
    let matches = |of: &str| {
        format!("{of}.outcome IN ({places}) AND {of}.created_at >= ? AND {of}.created_at < ? AND {of}.run <> ?")
    };
    let matching = || {
        let outcomes = outcomes.iter().map(|outcome| Sql::Integer(outcome_number(*outcome)));
        let from = since.map_or(i64::MIN, millis).max(living.created_after.saturating_add(1));
        outcomes.chain([Sql::Integer(from), Sql::Integer(millis(*before)), run.clone()]).collect::<Vec<_>>()
    };
    let mut conditions = WhereClause::default();
    conditions.and("d.account = ? AND d.webhook = ?", [account, webhook.0.cast_signed()].map(Sql::Integer));
    if let Some(after) = after {
        conditions.and("d.id > ?", [Sql::Blob(after.uuid().into_bytes().to_vec())]);
    }
    conditions.and("d.id < ?", [Sql::Blob(id_at(*before).to_vec())]);
    conditions.and("d.kind = 0", []);
    conditions.and(&matches("d"), matching());
    let accepted = millis(*accepted_from).max(living.accepted_after.saturating_add(1));
    conditions.and("e.accepted_at >= ?", [Sql::Integer(accepted)]);
    // Only the oldest matching record of each message.
    let same = "n.event = d.event AND n.account = d.account AND n.webhook = d.webhook AND n.kind = 0";
    conditions.and(
        &format!("NOT EXISTS (SELECT 1 FROM deliveries n WHERE {same} AND n.id < d.id AND {})", matches("n")),
        matching(),
    );
    conditions.and(
        &format!("NOT EXISTS (SELECT 1 FROM deliveries n WHERE {same} AND n.outcome = 1 AND n.run <> ?)"),
        [run.clone()],
    );
    conditions.and(
        &format!(
            "(SELECT n.outcome FROM deliveries n WHERE {same} AND n.run <> ? ORDER BY n.run DESC, n.attempt DESC LIMIT 1)
                NOT IN (0, 2)"
        ),
        [run],
    );
    conditions
}

/// The first bytes of every id of that time or later.
fn id_at(at: Timestamp) -> [u8; 6] {
    let [_, _, bytes @ ..] = millis(at).max(0).to_be_bytes();
    bytes
}

fn page(
    connection: &Connection,
    account_id: &AccountId,
    query: &RedeliveryQuery,
    kept: Kept,
) -> rusqlite::Result<RedeliveryPage> {
    let transaction = connection.unchecked_transaction()?;
    let Some(account) = account_number(&transaction, account_id)? else {
        return Ok(RedeliveryPage { items: Vec::new(), next: None });
    };
    let of = (account_id, account);
    let rows = recorded(&transaction, of, query, kept)?;
    let part = rows.merge(skipped(&transaction, of, query, kept)?, query.most as usize, false);
    Ok(RedeliveryPage { items: part.records, next: part.stopped })
}

/// Messages with a row of their own.
fn recorded(
    connection: &Connection,
    (account_id, account): (&AccountId, i64),
    query: &RedeliveryQuery,
    kept: Kept,
) -> rusqlite::Result<LogPart> {
    if query.outcomes.iter().all(|outcome| *outcome == Outcome::Skipped) {
        return Ok(LogPart::default());
    }
    let mut conditions = conditions(account, query, kept);
    conditions.values.push(Sql::Integer(i64::from(query.most)));
    let found: Vec<Delivery> = connection
        .prepare_cached(&format!("SELECT {DELIVERY} FROM {FROM} WHERE {} ORDER BY d.id LIMIT ?", conditions.sql))?
        .query_map(params_from_iter(conditions.values), |row| delivery_from(row, account_id))?
        .collect::<rusqlite::Result<_>>()?;
    let LogPart { records, stopped } = LogPart::new(found, query.most as usize, None);
    let living = RetentionWindow::at(query.now, kept);
    let mut oldest = Vec::with_capacity(records.len());
    for record in records {
        let skipped = DeliveryId::of_skipped(&record.message);
        let skipped = skipped_record(connection, (account_id, account), skipped, living)?;
        if !skipped.is_some_and(|skipped| is_meant(query, skipped.created_at)) {
            oldest.push(record);
        }
    }
    Ok(LogPart { records: oldest, stopped })
}

/// Messages that were skipped.
fn skipped(
    connection: &Connection,
    (account_id, account): (&AccountId, i64),
    query: &RedeliveryQuery,
    kept: Kept,
) -> rusqlite::Result<LogPart> {
    if !query.outcomes.contains(&Outcome::Skipped) {
        return Ok(LogPart::default());
    }
    let from = query.since.map_or(query.accepted_from, |since| since.max(query.accepted_from));
    let times = ids_between(millis(from), millis(query.before));
    let after = query.after.map_or(0, |after| after.uuid().as_u128().saturating_add(1));
    let search = SkippedSearch {
        account_id,
        account,
        range: common(&times, &(after..=u128::MAX)),
        descending: false,
        webhook: Some(query.webhook),
        admits: &|chunk| is_meant(query, chunk.accepted_at),
        most: query.most as usize,
    };
    let LogPart { records, stopped } = search.run(connection, RetentionWindow::at(query.now, kept))?;
    let mut left = Vec::with_capacity(records.len());
    for record in records {
        if !has_moved_on(connection, account, &record, query.but_run)? {
            left.push(record);
        }
    }
    Ok(LogPart { records: left, stopped })
}

/// Whether a query is about a message that was skipped at this time.
fn is_meant(query: &RedeliveryQuery, at: Timestamp) -> bool {
    query.outcomes.contains(&Outcome::Skipped)
        && query.since.is_none_or(|since| at >= since)
        && at < query.before
        && at >= query.accepted_from
}

/// Whether a message that was skipped has succeeded since, or is being sent.
fn has_moved_on(connection: &Connection, account: i64, skipped: &Delivery, but_run: u64) -> rusqlite::Result<bool> {
    let outcomes: Vec<Outcome> = connection
        .prepare_cached(
            "SELECT n.outcome FROM deliveries n
             WHERE n.event = (SELECT num FROM events WHERE account = ?1 AND id = ?2) AND n.account = ?1
                AND n.webhook = ?3 AND n.kind = 0 AND n.run <> ?4
             ORDER BY n.run DESC, n.attempt DESC",
        )?
        .query_map(
            params![account, skipped.event_id.as_str(), skipped.webhook.0.cast_signed(), but_run.cast_signed()],
            |row| outcome_from(row.get(0)?),
        )?
        .collect::<rusqlite::Result<_>>()?;
    Ok(outcomes.contains(&Outcome::Succeeded) || matches!(outcomes.first(), Some(Outcome::Waiting | Outcome::Failed)))
}

fn running(
    connection: &Connection,
    account: &AccountId,
    webhook: WebhookId,
    wanted: &str,
) -> rusqlite::Result<Option<RedeliveryJob>> {
    connection
        .prepare_cached(
            "SELECT r.record FROM accounts a JOIN redeliveries r ON r.account = a.num
             WHERE a.id = ?1 AND r.webhook = ?2 AND r.wanted = ?3 AND r.state = 'running'",
        )?
        .query_row(params![account.as_str(), webhook.0.cast_signed(), wanted], job_from)
        .optional()
}

/// The filter as it is compared.
fn text(wanted: &RedeliveryFilter) -> rusqlite::Result<String> {
    to_json(wanted, "redelivery filter")
}

fn job_from(row: &Row<'_>) -> rusqlite::Result<RedeliveryJob> {
    from_json(row, 0, "redelivery job")
}
