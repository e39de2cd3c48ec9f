//! The health of endpoint hosts: one row for each host that is not healthy.
//!
//! Only the process that runs the workers changes hosts, so its cache is always right; other processes see a change
//! within five seconds. A change opens or closes the host's circuit in the scheduler at once.

use async_trait::async_trait;
use hookline_core::errors::PortResult;
use hookline_core::ids::{AccountId, WebhookId};
use hookline_core::model::{CircuitState, HostEvent, HostHealth, HostTransition, Throttle};
use hookline_core::ports::{Health, HostStatus};
use hookline_core::values::EndpointHost;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::queue::host_limiter::HostCircuit;
use crate::store::database::{Store, StorePorts};
use crate::store::rows::values::{account_id, millis, time};
use crate::store::sqlite::errors::corrupt;

/// The columns of a host `h`.
const HOST: &str = "h.run, h.offenders, h.throttled_at, h.wait, h.opens_at, h.held_until";

#[async_trait]
impl Health for StorePorts {
    async fn host(&self, host: &EndpointHost, now: Timestamp) -> PortResult<HostHealth> {
        let cache = self.store.hosts();
        if let Some(known) = cache.get(host, now) {
            return Ok(known);
        }
        let health = self.store.read(|connection| stored(connection, host))?;
        cache.put(host.clone(), health.clone(), now);
        Ok(health)
    }

    async fn change_host(
        &self,
        host: &EndpointHost,
        change: HostEvent,
        now: Timestamp,
        scale: f64,
    ) -> PortResult<HostTransition> {
        let theirs = host.clone();
        let changed = self
            .ask(move |connection| {
                let before = stored(connection, &theirs)?;
                let after = before.after(&change, now, scale);
                if after != before {
                    store(connection, &theirs, &after, now)?;
                }
                Ok(HostTransition { before, after })
            })
            .await?;
        self.store.hosts().put(host.clone(), changed.after.clone(), now);
        let (was_closed, circuit) = (changed.before.admits(now) == CircuitState::Closed, circuit(&changed.after, now));
        if let Some(scheduler) = self.store.scheduler().filter(|_| !was_closed || circuit != HostCircuit::Closed) {
            scheduler.set_circuit(host.hash().cast_signed(), circuit, millis(now));
        }
        Ok(changed)
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
    /// The circuits of hosts that are throttled or held, by the hash of the host.
    pub(crate) fn circuits(&self, now: Timestamp) -> PortResult<Vec<(i64, HostCircuit)>> {
        self.read(|connection| {
            connection
                .prepare_cached(&format!(
                    "SELECT h.hash, {HOST} FROM hosts h WHERE h.throttled_at IS NOT NULL OR h.held_until > ?1"
                ))?
                .query_map([millis(now)], |row| Ok((row.get(0)?, circuit(&health_from(row, 1)?, now))))?
                .collect()
        })
    }
}

/// The circuit for a host in this state.
fn circuit(health: &HostHealth, now: Timestamp) -> HostCircuit {
    let half_open_after = health.throttle.is_some();
    match health.admits(now) {
        CircuitState::Closed => HostCircuit::Closed,
        CircuitState::HalfOpen => HostCircuit::Open { until: millis(now), half_open_after },
        CircuitState::Open { until } => HostCircuit::Open { until: millis(until), half_open_after },
    }
}

fn stored(connection: &Connection, host: &EndpointHost) -> rusqlite::Result<HostHealth> {
    connection
        .prepare_cached(&format!("SELECT {HOST} FROM hosts h WHERE h.host = ?1"))?
        .query_row([host.as_str()], |row| health_from(row, 0))
        .optional()
        .map(Option::unwrap_or_default)
}

fn store(connection: &Connection, host: &EndpointHost, health: &HostHealth, now: Timestamp) -> rusqlite::Result<()> {
    if health.is_good() {
        return connection.prepare_cached("DELETE FROM hosts WHERE host = ?1")?.execute([host.as_str()]).map(|_| ());
    }
    let HostHealth { run, offenders, throttle, held_until } = health;
    let offenders: Vec<String> = offenders.iter().map(|(account, webhook)| format!("{account}/{webhook}")).collect();
    connection
        .prepare_cached(
            "INSERT INTO hosts (host, hash, run, offenders, throttled_at, wait, opens_at, held_until, changed_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
             ON CONFLICT DO UPDATE SET run = excluded.run, offenders = excluded.offenders,
                throttled_at = excluded.throttled_at, wait = excluded.wait, opens_at = excluded.opens_at,
                held_until = excluded.held_until, changed_at = excluded.changed_at",
        )?
        .execute(params![
            host.as_str(),
            host.hash().cast_signed(),
            run,
            offenders.join(" "),
            throttle.map(|throttle| millis(throttle.since)),
            throttle.map(|throttle| i64::try_from(throttle.wait.as_millis()).unwrap_or(i64::MAX)),
            throttle.map(|throttle| millis(throttle.opens_at)),
            held_until.map(millis),
            millis(now),
        ])
        .map(|_| ())
}

/// Reads the columns of [`HOST`], starting at `at`.
fn health_from(row: &Row<'_>, at: usize) -> rusqlite::Result<HostHealth> {
    let offender = |text: &str| {
        let (account, webhook) = text.split_once('/').ok_or_else(|| corrupt("webhook of a host"))?;
        let webhook = webhook.parse().map_err(|_| corrupt("webhook of a host"))?;
        Ok((account_id(account)?, WebhookId(webhook)))
    };
    let offenders = row.get_ref(at + 1)?.as_str()?.split_ascii_whitespace().map(offender);
    let throttle = match (
        row.get::<_, Option<i64>>(at + 2)?,
        row.get::<_, Option<i64>>(at + 3)?,
        row.get::<_, Option<i64>>(at + 4)?,
    ) {
        (Some(since), Some(wait), Some(opens_at)) => Some(Throttle {
            since: time(since)?,
            wait: std::time::Duration::from_millis(u64::try_from(wait).unwrap_or_default()),
            opens_at: time(opens_at)?,
        }),
        _ => None,
    };
    Ok(HostHealth {
        run: row.get(at)?,
        offenders: offenders.collect::<rusqlite::Result<_>>()?,
        throttle,
        held_until: row.get::<_, Option<i64>>(at + 5)?.map(time).transpose()?,
    })
}

fn troubled(connection: &Connection, account: &AccountId, now: Timestamp) -> rusqlite::Result<Vec<HostStatus>> {
    connection
        .prepare_cached(&format!(
            "SELECT h.host, (SELECT count(*) FROM attempts q JOIN webhooks w ON w.id = q.webhook
                WHERE q.grp = h.hash AND w.account = a.num), {HOST}
             FROM accounts a JOIN hosts h
             WHERE a.id = ?1 AND (h.throttled_at IS NOT NULL OR h.held_until > ?2)
                AND EXISTS (SELECT 1 FROM webhooks w WHERE w.host_hash = h.hash AND w.account = a.num)
             ORDER BY h.host"
        ))?
        .query_map(params![account.as_str(), millis(now)], |row| {
            Ok(HostStatus {
                host: EndpointHost::parse(row.get_ref(0)?.as_str()?).ok_or_else(|| corrupt("endpoint host"))?,
                waiting: row.get::<_, i64>(1)?.cast_unsigned(),
                health: health_from(row, 2)?,
            })
        })?
        .collect()
}
