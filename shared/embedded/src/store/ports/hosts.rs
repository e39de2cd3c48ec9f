//! Health of endpoint hosts: one row for each account and host that is not in good health.
//!
//! The process that drains the queues is the only one that changes hosts, so what it remembers of its own changes is
//! always right; other processes see a change within five seconds. The scheduler learns of it at once: it opens and closes
//! the circuit of the host.

use async_trait::async_trait;
use hookline_core::errors::PortResult;
use hookline_core::ids::{AccountId, WebhookId};
use hookline_core::model::{HostEvent, HostHealth, HostTransition};
use hookline_core::ports::{Health, HostStatus, RampPermit};
use hookline_core::values::EndpointHost;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::queue::host_limiter::HostCircuit;
use crate::queue::lane::AccountHost;
use crate::store::database::{Store, StorePorts};
use crate::store::rows::values::{account_number, millis};
use crate::store::sqlite::errors::corrupt;

#[async_trait]
impl Health for StorePorts {
    async fn host(&self, account: &AccountId, host: &EndpointHost, now: Timestamp) -> PortResult<HostHealth> {
        let cache = self.store.hosts();
        if let Some(known) = cache.get(account, host, now) {
            return Ok(known);
        }
        let health = self.store.read(|connection| match account_number(connection, account)? {
            Some(number) => stored(connection, number, host),
            None => Ok(HostHealth::default()),
        })?;
        cache.put(account.clone(), host.clone(), health.clone(), now);
        Ok(health)
    }

    async fn change_host(
        &self,
        account: &AccountId,
        host: &EndpointHost,
        event: HostEvent,
        now: Timestamp,
        scale: f64,
    ) -> PortResult<HostTransition> {
        let (whose, endpoint) = (account.clone(), host.clone());
        let (number, transition) = self
            .ask(move |connection| {
                let number = account_number(connection, &whose)?;
                let before = match number {
                    Some(number) => stored(connection, number, &endpoint)?,
                    None => HostHealth::default(),
                };
                let after = before.after(&event, now, scale);
                if let Some(number) = number.filter(|_| after != before) {
                    store(connection, number, &endpoint, &after, now)?;
                }
                Ok((number, HostTransition { before, after }))
            })
            .await?;
        self.store.hosts().put(account.clone(), host.clone(), transition.after.clone(), now);
        let was_closed = HostCircuit::of(&transition.before, now) == HostCircuit::Closed;
        let circuit = HostCircuit::of(&transition.after, now);
        if let (Some(scheduler), Some(account)) = (self.store.scheduler(), number)
            && !(was_closed && circuit == HostCircuit::Closed)
        {
            let host = AccountHost { account, host: host.hash().cast_signed() };
            scheduler.set_circuit(host, circuit, millis(now));
        }
        Ok(transition)
    }

    /// The scheduler starts no more than the ramp allows.
    async fn take_permit(&self, _: &AccountId, _: &EndpointHost, _: Timestamp, _: f64) -> PortResult<RampPermit> {
        Ok(RampPermit::Taken)
    }

    fn others_due(&self, _: &AccountId, host: &EndpointHost, webhook: WebhookId, now: Timestamp) -> Option<bool> {
        let others_due = self.store.scheduler().zip(self.unit_of_work()).is_some_and(|(scheduler, unit)| {
            let host = AccountHost { account: unit.account, host: host.hash().cast_signed() };
            scheduler.others_due(host, webhook.0.cast_signed(), millis(now))
        });
        Some(others_due)
    }

    async fn troubled_hosts(&self, account: &AccountId, now: Timestamp) -> PortResult<Vec<HostStatus>> {
        let account = account.clone();
        self.store.list(move |connection| troubled(connection, &account, now)).await
    }

    async fn names_host(&self, account: &AccountId, host: &EndpointHost) -> PortResult<bool> {
        let hash = host.hash().cast_signed();
        self.store.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT 1 FROM accounts a JOIN webhooks w ON w.account = a.num WHERE a.id = ?1 AND w.host_hash = ?2",
                )?
                .exists(params![account.as_str(), hash])
        })
    }
}

impl Store {
    /// The circuits of the hosts that are throttled or held.
    pub(crate) fn circuits(&self, now: Timestamp) -> PortResult<Vec<(AccountHost, HostCircuit)>> {
        self.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT account, hash, record FROM hosts WHERE throttled_at IS NOT NULL OR held_until > ?1",
                )?
                .query_map([millis(now)], |row| {
                    let host = AccountHost { account: row.get(0)?, host: row.get(1)? };
                    Ok((host, HostCircuit::of(&health_from(row, 2)?, now)))
                })?
                .collect()
        })
    }
}

fn stored(connection: &Connection, account: i64, host: &EndpointHost) -> rusqlite::Result<HostHealth> {
    connection
        .prepare_cached("SELECT record FROM hosts WHERE account = ?1 AND host = ?2")?
        .query_row(params![account, host.as_str()], |row| health_from(row, 0))
        .optional()
        .map(Option::unwrap_or_default)
}

fn store(
    connection: &Connection,
    account: i64,
    host: &EndpointHost,
    health: &HostHealth,
    now: Timestamp,
) -> rusqlite::Result<()> {
    if health.is_good() {
        return connection
            .prepare_cached("DELETE FROM hosts WHERE account = ?1 AND host = ?2")?
            .execute(params![account, host.as_str()])
            .map(|_| ());
    }
    let record = serde_json::to_string(health).map_err(|_| corrupt("an endpoint host"))?;
    connection
        .prepare_cached(
            "INSERT INTO hosts (account, host, hash, record, throttled_at, held_until, changed_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT DO UPDATE SET record = excluded.record, throttled_at = excluded.throttled_at,
                held_until = excluded.held_until, changed_at = excluded.changed_at",
        )?
        .execute(params![
            account,
            host.as_str(),
            host.hash().cast_signed(),
            record,
            health.throttle.as_ref().map(|throttle| millis(throttle.since)),
            health.held_until.map(millis),
            millis(now),
        ])
        .map(|_| ())
}

/// Reads the column `record` at `at`.
fn health_from(row: &Row<'_>, at: usize) -> rusqlite::Result<HostHealth> {
    serde_json::from_str(row.get_ref(at)?.as_str()?).map_err(|_| corrupt("an endpoint host"))
}

fn troubled(connection: &Connection, account: &AccountId, now: Timestamp) -> rusqlite::Result<Vec<HostStatus>> {
    connection
        .prepare_cached(
            "SELECT h.host, (SELECT count(*) FROM attempts q WHERE q.account = h.account AND q.host = h.hash), h.record
             FROM accounts a JOIN hosts h ON h.account = a.num
             WHERE a.id = ?1 AND (h.throttled_at IS NOT NULL OR h.held_until > ?2)
                AND EXISTS (SELECT 1 FROM webhooks w WHERE w.host_hash = h.hash AND w.account = a.num)
             ORDER BY h.host",
        )?
        .query_map(params![account.as_str(), millis(now)], |row| {
            Ok(HostStatus {
                host: EndpointHost::parse(row.get_ref(0)?.as_str()?).ok_or_else(|| corrupt("an endpoint host"))?,
                waiting: row.get::<_, i64>(1)?.cast_unsigned(),
                health: health_from(row, 2)?,
            })
        })?
        .collect()
}
