//! Redelivery jobs, and the messages that they send again (section 10).

use async_trait::async_trait;
use hookline_core::errors::PortResult;
use hookline_core::ids::{AccountId, DeliveryId, WebhookId};
use hookline_core::model::{Delivery, JobProgress, JobState, RedeliveryFilter, RedeliveryJob};
use hookline_core::ports::{BeginJobOutcome, Redeliveries, RedeliveryPage, RedeliveryQuery};
use rusqlite::types::Value as Sql;
use rusqlite::{Connection, OptionalExtension as _, Row, params, params_from_iter};
use uuid::Uuid;

use crate::store::database::{Kept, StorePorts};
use crate::store::lists::conditions::WhereClause;
use crate::store::lists::delivery_list::{FROM, RetentionWindow};
use crate::store::rows::delivery_row::{DELIVERY, delivery_from, outcome_number};
use crate::store::rows::values::{account_number, millis, time};
use crate::store::sqlite::errors::{corrupt, fault};

/// The columns of a job `r` of the account `a`.
const JOB: &str = "r.id, r.webhook, r.wanted, r.run, r.created_at, r.matched, r.more, r.state, r.after, r.redelivered, \
     r.finished_at";

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
            let RedeliveryJob { id, account, webhook, wanted: _, run, created_at, matched, more, progress } = &job;
            let JobProgress { state, after, redelivered, finished_at } = progress;
            connection
                .prepare_cached(
                    "INSERT INTO redeliveries (id, account, webhook, wanted, run, created_at, matched, more, state, after,
                        redelivered, finished_at)
                     SELECT ?1, num, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12 FROM accounts WHERE id = ?2",
                )?
                .execute(params![
                    id.as_bytes(),
                    account.as_str(),
                    webhook.0.cast_signed(),
                    wanted,
                    run.cast_signed(),
                    millis(*created_at),
                    matched.cast_signed(),
                    more,
                    state_number(*state),
                    after.map(|id| id.uuid().into_bytes()),
                    redelivered.cast_signed(),
                    finished_at.map(millis),
                ])?;
            Ok(BeginJobOutcome::Started)
        })
        .await
    }

    async fn redelivery(&self, account: &AccountId, id: Uuid) -> PortResult<Option<RedeliveryJob>> {
        self.store.read(|connection| {
            connection
                .prepare_cached(&format!(
                    "SELECT {JOB} FROM accounts a JOIN redeliveries r ON r.account = a.num WHERE a.id = ?1 AND r.id = ?2"
                ))?
                .query_row(params![account.as_str(), id.as_bytes()], |row| job_from(row, account))
                .optional()
        })
    }

    async fn redelivery_progress(&self, job: &RedeliveryJob, progress: JobProgress) -> PortResult<()> {
        let id = job.id;
        self.tell(move |connection| {
            let JobProgress { state, after, redelivered, finished_at } = progress;
            connection
                .prepare_cached(
                    "UPDATE redeliveries SET state = ?2, after = ?3, redelivered = ?4, finished_at = ?5
                     WHERE id = ?1 AND state = 0 AND coalesce(after, x'') <= coalesce(?3, x'')",
                )?
                .execute(params![
                    id.as_bytes(),
                    state_number(state),
                    after.map(|id| id.uuid().into_bytes()),
                    redelivered.cast_signed(),
                    finished_at.map(millis),
                ])
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
        .prepare_cached(&format!(
            "SELECT {JOB} FROM accounts a JOIN redeliveries r ON r.account = a.num
             WHERE a.id = ?1 AND r.webhook = ?2 AND r.wanted = ?3 AND r.state = 0"
        ))?
        .query_row(params![account.as_str(), webhook.0.cast_signed(), wanted], |row| job_from(row, account))
        .optional()
}

fn text(wanted: &RedeliveryFilter) -> rusqlite::Result<String> {
    serde_json::to_string(wanted).map_err(|_| corrupt("redelivery filter"))
}

/// The number of a state.
fn state_number(state: JobState) -> i64 {
    match state {
        JobState::Running => 0,
        JobState::Done => 1,
        JobState::Stopped => 2,
    }
}

/// Reads the columns of [`JOB`].
fn job_from(row: &Row<'_>, account: &AccountId) -> rusqlite::Result<RedeliveryJob> {
    let after = row.get::<_, Option<[u8; 16]>>(8)?;
    let after =
        after.map(|bytes| DeliveryId::from_uuid(Uuid::from_bytes(bytes)).ok_or_else(|| corrupt("progress mark")));
    let state = usize::from(row.get::<_, u8>(7)?);
    Ok(RedeliveryJob {
        id: Uuid::from_bytes(row.get(0)?),
        account: account.clone(),
        webhook: WebhookId(row.get::<_, i64>(1)?.cast_unsigned()),
        wanted: serde_json::from_str(row.get_ref(2)?.as_str()?).map_err(|_| corrupt("redelivery filter"))?,
        run: row.get::<_, i64>(3)?.cast_unsigned(),
        created_at: time(row.get(4)?)?,
        matched: row.get::<_, i64>(5)?.cast_unsigned(),
        more: row.get(6)?,
        progress: JobProgress {
            state: JobState::ALL.get(state).copied().ok_or_else(|| corrupt("job state"))?,
            after: after.transpose()?,
            redelivered: row.get::<_, i64>(9)?.cast_unsigned(),
            finished_at: row.get::<_, Option<i64>>(10)?.map(time).transpose()?,
        },
    })
}
