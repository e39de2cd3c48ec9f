//! Redelivery jobs, and the messages that they send again (section 10).

use async_trait::async_trait;
use hookline_core::errors::PortResult;
use hookline_core::ids::{AccountId, WebhookId};
use hookline_core::model::{Delivery, JobProgress, JobState, RedeliveryFilter, RedeliveryJob};
use hookline_core::ports::{BeginJobOutcome, Redeliveries, RedeliveryPage, RedeliveryQuery};
use rusqlite::types::Value as Sql;
use rusqlite::{Connection, OptionalExtension as _, Row, params, params_from_iter};
use uuid::Uuid;

use crate::store::database::{Kept, StorePorts};
use crate::store::lists::conditions::WhereClause;
use crate::store::lists::delivery_list::{FROM, RetentionWindow};
use crate::store::rows::delivery_row::{DELIVERY, delivery_from, outcome_number};
use crate::store::rows::values::{account_number, from_json, millis, to_json};
use crate::store::sqlite::errors::fault;

#[async_trait]
impl Redeliveries for StorePorts {
    async fn count_redeliverable(&self, account: &AccountId, query: &RedeliveryQuery, most: u64) -> PortResult<u64> {
        let (account, query, kept) = (account.clone(), query.clone(), self.store.kept());
        self.store
            .list(move |connection| {
                let Some(account) = account_number(connection, &account)? else { return Ok(0) };
                let mut conditions = conditions(account, &query, kept);
                conditions.values.push(Sql::Integer(i64::try_from(most).unwrap_or(i64::MAX)));
                connection
                    .prepare_cached(&format!(
                        "SELECT count(*) FROM (SELECT 1 FROM {FROM} WHERE {} LIMIT ?)",
                        conditions.sql
                    ))?
                    .query_row(params_from_iter(conditions.values), |row| row.get::<_, i64>(0))
                    .map(i64::cast_unsigned)
            })
            .await
    }

    async fn redeliverable(&self, account: &AccountId, query: &RedeliveryQuery) -> PortResult<RedeliveryPage> {
        let (account, query, kept) = (account.clone(), query.clone(), self.store.kept());
        self.store.list(move |connection| page(connection, &account, &query, kept)).await
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
    let RedeliveryQuery { webhook, outcomes, since, before, accepted_from, but_run, after, most: _, now } = query;
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
fn id_at(at: jiff::Timestamp) -> [u8; 6] {
    let [_, _, bytes @ ..] = millis(at).max(0).to_be_bytes();
    bytes
}

fn page(
    connection: &Connection,
    account_id: &AccountId,
    query: &RedeliveryQuery,
    kept: Kept,
) -> rusqlite::Result<RedeliveryPage> {
    let Some(account) = account_number(connection, account_id)? else {
        return Ok(RedeliveryPage { items: Vec::new(), next: None });
    };
    let mut conditions = conditions(account, query, kept);
    conditions.values.push(Sql::Integer(i64::from(query.most)));
    let items: Vec<Delivery> = connection
        .prepare_cached(&format!("SELECT {DELIVERY} FROM {FROM} WHERE {} ORDER BY d.id LIMIT ?", conditions.sql))?
        .query_map(params_from_iter(conditions.values), |row| delivery_from(row, account_id))?
        .collect::<rusqlite::Result<_>>()?;
    let full = items.len() >= query.most as usize;
    Ok(RedeliveryPage { next: items.last().filter(|_| full).map(|delivery| delivery.id), items })
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
