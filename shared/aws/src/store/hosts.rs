//! Health of endpoint hosts: one item for each account and host that is not in good health.
//!
//! A change is read, made and written under the item's version, so that of changes that come at once each sees the result
//! of the one before. What waits for a host is counted where it is put off, under the moment when it comes again: a
//! message that is put off once more is counted under the next one.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_dynamodb::types::AttributeValue;
use hookline_core::account::AccountId;
use hookline_core::endpoint_uri::{EndpointHost, EndpointUri};
use hookline_core::ports::{Answer, Fault, Health, HostStatus};
use hookline_core::throttle::{HostEvent, HostHealth, HostTransition, Throttle};
use hookline_core::webhook::WebhookId;
use jiff::Timestamp;

use super::item::{Fields, Read, corrupt, number, text};
use super::keys::{self, Key};
use super::step::Step;
use super::table::{Ask, Back, Conditional, Range, Table};
use crate::queues::group;

/// How often a change is made anew after losing a race.
const MAX_RACES: u32 = 100;
/// How long an item is kept after its last change.
const KEPT: Duration = Duration::from_hours(24 * 30);
/// How long a count of what waits is kept after its moment.
const COUNTED: Duration = Duration::from_hours(1);

#[async_trait]
impl Health for Table {
    async fn host(&self, account: &AccountId, host: &EndpointHost, now: Timestamp) -> Answer<HostHealth> {
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
    ) -> Answer<HostTransition> {
        for race in 0..MAX_RACES {
            let (before, version) = self.stored_host(account, host, now).await?;
            let after = before.after(&event, now, scale);
            let written = after == before || self.store_host(account, host, &after, version, now).await?;
            if written {
                self.hosts().put(account.clone(), host.clone(), after.clone(), now);
                return Ok(HostTransition { before, after });
            }
            super::table::pause(race).await;
        }
        Err(Fault::unavailable("store", "an endpoint host changes too often to be written"))
    }

    /// A queue of SQS cannot be searched.
    fn others_due(&self, _: &AccountId, _: &EndpointHost, _: WebhookId, _: Timestamp) -> Option<bool> {
        None
    }

    async fn troubled_hosts(&self, account: &AccountId, now: Timestamp) -> Answer<Vec<HostStatus>> {
        let hosts = self.hosts_of(account).await?;
        let found = self.get_all(hosts.values().map(|host| keys::host(account, host)).collect()).await?;
        let mut troubled = Vec::new();
        for host in hosts.into_values() {
            let Some(item) = found.get(&keys::host(account, &host)) else { continue };
            let health = from_item(Read(item))?;
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
    async fn stored_host(
        &self,
        account: &AccountId,
        host: &EndpointHost,
        now: Timestamp,
    ) -> Answer<(HostHealth, Option<u64>)> {
        let Some(item) = self.get(&keys::host(account, host)).await? else { return Ok((HostHealth::default(), None)) };
        let read = Read(&item);
        let version = Some(read.number("version")?);
        if read.is_over(now) { Ok((HostHealth::default(), version)) } else { Ok((from_item(read)?, version)) }
    }

    /// Writes a host's health; `false` if somebody else was faster.
    async fn store_host(
        &self,
        account: &AccountId,
        host: &EndpointHost,
        health: &HostHealth,
        version: Option<u64>,
        now: Timestamp,
    ) -> Answer<bool> {
        let step = if health.is_good() {
            Step::delete(keys::host(account, host))
        } else {
            let next = version.unwrap_or_default() + 1;
            Step::put(to_item(account, host, health).number("version", next).expires(now + KEPT).done())
        };
        let step = match version {
            Some(version) => step.when("#version = :version").with("version", number(version)),
            None => step.when_absent(),
        };
        match self.write(step, Back::Old).await? {
            Conditional::Held(_) => Ok(true),
            Conditional::Failed(_) => Ok(false),
        }
    }

    /// The hosts that an account's webhooks name, by name.
    async fn hosts_of(&self, account: &AccountId) -> Answer<BTreeMap<String, EndpointHost>> {
        let entries = self.query(Ask::new(keys::webhooks(account), super::webhook_list::all())).await?;
        let hosts = entries.iter().map(|entry| {
            let uri = Read(entry).parsed("uri", EndpointUri::stored)?;
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
        let change = Step::update(keys::waiting(account, group, until), "ADD #messages :more SET #expires_at = :end")
            .with("more", number(messages))
            .with("end", super::item::expiry(until + COUNTED));
        self.write(change, Back::Old).await.map(|_| ())
    }

    /// How many messages of an account wait for a host.
    async fn waiting(&self, account: &AccountId, host: u64, now: Timestamp) -> Answer<u64> {
        let Key { pk, sk } = keys::waiting(account, &group(account, host), now);
        let counts = self.query(Ask::new(pk, Range::Between(sk, "~".to_owned()))).await?;
        counts.iter().map(|count| Read(count).number::<u64>("messages")).sum()
    }
}

fn to_item(account: &AccountId, host: &EndpointHost, health: &HostHealth) -> Fields {
    let HostHealth { run, offenders, throttle, held_until } = health;
    let mut fields = Fields::at(&keys::host(account, host))
        .number("run", run)
        .maybe("offenders", ids_text(offenders))
        .maybe("held_until", held_until.map(super::item::time));
    if let Some(Throttle { since, wait, opens_at, probed }) = throttle {
        fields = fields
            .time("throttled_at", *since)
            .number("wait_ms", wait.as_millis())
            .time("opens_at", *opens_at)
            .maybe("probed", ids_text(probed));
    }
    fields
}

fn from_item(read: Read<'_>) -> Answer<HostHealth> {
    let throttle = match read.maybe_time("throttled_at")? {
        Some(since) => Some(Throttle {
            since,
            wait: Duration::from_millis(read.number("wait_ms")?),
            opens_at: read.time("opens_at")?,
            probed: ids(read, "probed")?,
        }),
        None => None,
    };
    Ok(HostHealth {
        run: read.number("run")?,
        offenders: ids(read, "offenders")?,
        throttle,
        held_until: read.maybe_time("held_until")?,
    })
}

/// Ids of webhooks as one attribute, parted by commas; none if there are none.
fn ids_text(webhooks: &[WebhookId]) -> Option<AttributeValue> {
    let ids: Vec<String> = webhooks.iter().map(|webhook| webhook.0.to_string()).collect();
    (!ids.is_empty()).then(|| text(ids.join(",")))
}

fn ids(read: Read<'_>, attribute: &'static str) -> Answer<Vec<WebhookId>> {
    let ids = read.maybe_text(attribute).unwrap_or_default();
    let ids = ids.split(',').filter(|id| !id.is_empty()).map(|id| id.parse().ok().map(WebhookId));
    ids.collect::<Option<_>>().ok_or_else(|| corrupt(attribute))
}
