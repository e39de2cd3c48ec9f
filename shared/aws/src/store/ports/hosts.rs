//! Health of endpoint hosts: one item for each that is not in good health, shared by all accounts.
//!
//! A change is read, made and written under the item's version, so that of changes that come at once each sees the result
//! of the one before. What waits for a host is counted where it is put off, under the moment when it comes again: a
//! message that is put off once more is counted under the next one.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use hookline_core::account::AccountId;
use hookline_core::endpoint_uri::{EndpointHost, EndpointUri};
use hookline_core::ports::{Answer, Fault, Health, HostStatus};
use hookline_core::throttle::{Change, Changed, HostHealth};
use jiff::Timestamp;

use crate::encoding::group;
use crate::store::dynamo::{
    ItemKey, ItemReader, PartitionQuery, ReturnItem, SortKeyRange, Table, Write, WriteOutcome, item, number, pause,
};
use crate::store::items::host_item::{from_item, to_item};
use crate::store::keys;
use crate::store::lists::webhook_list::all;

/// How often a change is made anew after losing a race.
const MAX_RACES: u32 = 100;
/// How long an item is kept after its last change.
const KEPT: Duration = Duration::from_hours(24 * 30);
/// How long a count of what waits is kept after its moment.
const COUNTED: Duration = Duration::from_hours(1);

#[async_trait]
impl Health for Table {
    async fn host(&self, host: &EndpointHost, now: Timestamp) -> Answer<HostHealth> {
        if let Some(known) = self.hosts().get(host, now) {
            return Ok(known);
        }
        let (health, _) = self.stored_host(host, now).await?;
        self.hosts().put(host.clone(), health.clone(), now);
        Ok(health)
    }

    async fn change_host(&self, host: &EndpointHost, change: Change, now: Timestamp, scale: f64) -> Answer<Changed> {
        for race in 0..MAX_RACES {
            let (before, version) = self.stored_host(host, now).await?;
            let after = before.after(&change, now, scale);
            let written = after == before || self.store_host(host, &after, version, now).await?;
            if written {
                self.hosts().put(host.clone(), after.clone(), now);
                return Ok(Changed { before, after });
            }
            pause(race).await;
        }
        Err(Fault::unavailable("store", "an endpoint host changes too often to be written"))
    }

    async fn troubled_hosts(&self, account: &AccountId, now: Timestamp) -> Answer<Vec<HostStatus>> {
        let hosts = self.hosts_of(account).await?;
        let found = self.get_all(hosts.values().map(keys::host).collect()).await?;
        let mut troubled = Vec::new();
        for host in hosts.into_values() {
            let Some(item) = found.get(&keys::host(&host)) else { continue };
            let health = from_item(ItemReader(item))?;
            if health.throttle.is_some() || health.held_until.is_some_and(|until| until > now) {
                let waiting = self.waiting(account, host.hash(), now).await?;
                troubled.push(HostStatus { host, health, waiting });
            }
        }
        Ok(troubled)
    }

    async fn names_host(&self, account: &AccountId, host: &EndpointHost) -> Answer<bool> {
        Ok(self.hosts_of(account).await?.contains_key(host.as_str()))
    }
}

impl Table {
    /// A host's health, and the version of its item, if there is one.
    async fn stored_host(&self, host: &EndpointHost, now: Timestamp) -> Answer<(HostHealth, Option<u64>)> {
        let Some(item) = self.get(&keys::host(host)).await? else { return Ok((HostHealth::default(), None)) };
        let read = ItemReader(&item);
        let version = Some(read.number("version")?);
        if read.is_expired(now) { Ok((HostHealth::default(), version)) } else { Ok((from_item(read)?, version)) }
    }

    /// Writes a host's health; `false` if somebody else was faster.
    async fn store_host(
        &self,
        host: &EndpointHost,
        health: &HostHealth,
        version: Option<u64>,
        now: Timestamp,
    ) -> Answer<bool> {
        let step = if health.is_good() {
            Write::delete(keys::host(host))
        } else {
            let next = version.unwrap_or_default() + 1;
            Write::put(to_item(host, health).number("version", next).expires(now + KEPT).done())
        };
        let step = match version {
            Some(version) => step.when("#version = :version").with("version", number(version)),
            None => step.when_absent(),
        };
        match self.write(step, ReturnItem::Old).await? {
            WriteOutcome::Applied(_) => Ok(true),
            WriteOutcome::ConditionFailed(_) => Ok(false),
        }
    }

    /// The hosts that an account's webhooks name, by name.
    async fn hosts_of(&self, account: &AccountId) -> Answer<BTreeMap<String, EndpointHost>> {
        let entries = self.query(PartitionQuery::new(keys::webhooks(account), all())).await?;
        let hosts = entries.iter().map(|entry| {
            let uri = ItemReader(entry).parsed("uri", EndpointUri::stored)?;
            Ok((uri.host().as_str().to_owned(), uri.host().clone()))
        });
        hosts.collect()
    }

    /// Counts messages of a fair-queue group that were put off until then, since their host is left alone.
    pub(crate) async fn count_waiting(
        &self,
        account: &AccountId,
        group: &str,
        until: Timestamp,
        messages: u64,
    ) -> Answer<()> {
        let change = Write::update(keys::waiting(account, group, until), "ADD #messages :more SET #expires_at = :end")
            .with("more", number(messages))
            .with("end", item::expiry(until + COUNTED));
        self.write(change, ReturnItem::Old).await.map(|_| ())
    }

    /// How many messages of an account wait for a host.
    async fn waiting(&self, account: &AccountId, host: u64, now: Timestamp) -> Answer<u64> {
        let ItemKey { pk, sk } = keys::waiting(account, &group(account, host), now);
        let counts = self.query(PartitionQuery::new(pk, SortKeyRange::Between(sk, "~".to_owned()))).await?;
        counts.iter().map(|count| ItemReader(count).number::<u64>("messages")).sum()
    }
}
