//! The port for the health of endpoint hosts. A host that is not healthy has one item for each account.
//!
//! A change reads the health, computes the new one and writes it under the item's version, so that concurrent changes
//! are applied one after the other. A message that waits for a host is counted under the time when it returns; when it
//! is deferred again, it is counted under its next time.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use hookline_core::errors::{PortError, PortResult};
use hookline_core::ids::{AccountId, WebhookId};
use hookline_core::model::{CircuitState, HostEvent, HostHealth, HostTransition};
use hookline_core::ports::{Health, HostStatus, RampPermit};
use hookline_core::values::{EndpointHost, EndpointUri};
use jiff::Timestamp;

use crate::encoding::host_key;
use crate::store::dynamo::{
    ItemKey, ItemReader, PartitionQuery, ReturnItem, SortKeyRange, Table, UnusedPermits, Write, WriteOutcome, item,
    number, pause,
};
use crate::store::items::host_item::{from_item, to_item};
use crate::store::keys;
use crate::store::lists::webhook_list::all;

/// How often a change is retried after a conflict.
const MAX_RACES: u32 = 100;
/// How long an item is kept after its last change.
const KEPT: Duration = Duration::from_hours(24 * 30);
/// How long the item of a host is kept of which nothing is known but that it was reopened.
const KEPT_AFTER_RAMP: Duration = Duration::from_hours(1);
/// How long a count of waiting messages is kept after its time.
const COUNTED: Duration = Duration::from_hours(1);

#[async_trait]
impl Health for Table {
    async fn host(&self, account: &AccountId, host: &EndpointHost, now: Timestamp) -> PortResult<HostHealth> {
        if let Some(known) = self.hosts().get(account, host, now) {
            return Ok(known);
        }
        let (health, _) = self.stored_host(account, host, now).await?;
        self.hosts().put(account.clone(), host.clone(), health.clone(), now);
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
        for race in 0..MAX_RACES {
            let (before, version) = self.stored_host(account, host, now).await?;
            let after = before.after(&event, now, scale);
            let written = after == before || self.store_host(account, host, &after, version, now).await?;
            if written {
                self.hosts().put(account.clone(), host.clone(), after.clone(), now);
                return Ok(HostTransition { before, after });
            }
            pause(race).await;
        }
        Err(PortError::unavailable("store", "changing the health of an endpoint host conflicted too often"))
    }

    async fn take_permit(
        &self,
        account: &AccountId,
        host: &EndpointHost,
        now: Timestamp,
        scale: f64,
    ) -> PortResult<RampPermit> {
        let key = host_key(account, host.hash());
        let mut unused = self.permits().unused.lock().await;
        if let Some(UnusedPermits { permits, .. }) =
            unused.get_mut(&key).filter(|left| left.permits > 0 && now < left.ends)
        {
            *permits -= 1;
            return Ok(RampPermit::Taken);
        }
        match self.host(account, host, now).await?.circuit(now) {
            CircuitState::Closed => return Ok(RampPermit::Taken),
            CircuitState::Reopening(window) if window.ramp.left() == 0 => return Ok(RampPermit::NoneLeft),
            CircuitState::Reopening(_) | CircuitState::HalfOpen | CircuitState::Open { .. } => {}
        }
        let wanted = self.permits().wanted(&key);
        let taken = self.change_host(account, host, HostEvent::PermitsTaken { wanted }, now, scale).await?;
        let permits = taken.permits(wanted, now);
        unused.retain(|_, left| now < left.ends);
        if let (1.., CircuitState::Reopening(window)) = (permits, taken.after.circuit(now)) {
            unused.insert(key, UnusedPermits { permits: permits - 1, ends: window.ends() });
        }
        Ok(if permits > 0 { RampPermit::Taken } else { RampPermit::NoneLeft })
    }

    /// A queue of SQS cannot be searched.
    fn others_due(&self, _: &AccountId, _: &EndpointHost, _: WebhookId, _: Timestamp) -> Option<bool> {
        None
    }

    async fn troubled_hosts(&self, account: &AccountId, now: Timestamp) -> PortResult<Vec<HostStatus>> {
        let hosts = self.hosts_of(account).await?;
        let found = self.get_all(hosts.values().map(|host| keys::host(account, host)).collect()).await?;
        let mut unhealthy = Vec::new();
        for host in hosts.into_values() {
            let Some(item) = found.get(&keys::host(account, &host)) else { continue };
            let health = from_item(ItemReader(item))?;
            if health.throttle.is_some() || health.held_until.is_some_and(|until| until > now) {
                let waiting = self.waiting(account, host.hash(), now).await?;
                unhealthy.push(HostStatus { host, health, waiting });
            }
        }
        Ok(unhealthy)
    }

    async fn names_host(&self, account: &AccountId, host: &EndpointHost) -> PortResult<bool> {
        Ok(self.hosts_of(account).await?.contains_key(host.as_str()))
    }
}

impl Table {
    /// The health of a host, and the version of its item if there is one.
    async fn stored_host(
        &self,
        account: &AccountId,
        host: &EndpointHost,
        now: Timestamp,
    ) -> PortResult<(HostHealth, Option<u64>)> {
        let Some(item) = self.get(&keys::host(account, host)).await? else { return Ok((HostHealth::default(), None)) };
        let read = ItemReader(&item);
        let version = Some(read.number("version")?);
        if read.is_expired(now) { Ok((HostHealth::default(), version)) } else { Ok((from_item(read)?, version)) }
    }

    /// Writes the health of a host. Answers `false` if another process changed it meanwhile.
    async fn store_host(
        &self,
        account: &AccountId,
        host: &EndpointHost,
        health: &HostHealth,
        version: Option<u64>,
        now: Timestamp,
    ) -> PortResult<bool> {
        let write = if health.is_good() {
            Write::delete(keys::host(account, host))
        } else {
            let next = version.unwrap_or_default() + 1;
            let failed = health.run > 0 || health.throttle.is_some() || health.held_until.is_some();
            let kept = if failed { KEPT } else { KEPT_AFTER_RAMP };
            Write::put(to_item(account, host, health).number("version", next).expires(now + kept).done())
        };
        let write = match version {
            Some(version) => write.when("#version = :version").with("version", number(version)),
            None => write.when_absent(),
        };
        match self.write(write, ReturnItem::Old).await? {
            WriteOutcome::Applied(_) => Ok(true),
            WriteOutcome::ConditionFailed(_) => Ok(false),
        }
    }

    /// The hosts of an account's webhooks, by name.
    async fn hosts_of(&self, account: &AccountId) -> PortResult<BTreeMap<String, EndpointHost>> {
        let entries = self.query(PartitionQuery::new(keys::webhooks(account), all())).await?;
        let hosts = entries.iter().map(|entry| {
            let uri = ItemReader(entry).parsed("uri", EndpointUri::stored)?;
            Ok((uri.host().as_str().to_owned(), uri.host().clone()))
        });
        hosts.collect()
    }

    /// Counts messages that were deferred because their host is throttled.
    pub(crate) async fn count_waiting(
        &self,
        account: &AccountId,
        host: &str,
        until: Timestamp,
        messages: u64,
    ) -> PortResult<()> {
        let change = Write::update(keys::waiting(account, host, until), "ADD #messages :more SET #expires_at = :end")
            .with("more", number(messages))
            .with("end", item::expiry(until + COUNTED));
        self.write(change, ReturnItem::Old).await.map(|_| ())
    }

    /// The number of an account's messages that wait for a host.
    async fn waiting(&self, account: &AccountId, host: u64, now: Timestamp) -> PortResult<u64> {
        let ItemKey { pk, sk } = keys::waiting(account, &host_key(account, host), now);
        let counts = self.query(PartitionQuery::new(pk, SortKeyRange::Between(sk, "~".to_owned()))).await?;
        counts.iter().map(|count| ItemReader(count).number::<u64>("messages")).sum()
    }
}
