//! The port for counts of deliveries (section 12).
//!
//! A function counts in memory and writes at the end of each batch, before it reports the batch: one write per webhook,
//! and one per thousand webhooks that events were skipped for or kept from by their filters. What one invocation could not write is written by the next one.

use std::collections::{BTreeMap, HashMap};
use std::ops::RangeInclusive;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use hookline_core::errors::PortResult;
use hookline_core::ids::{AccountId, WebhookId};
use hookline_core::model::{Hour, HourCounts, HourlyCounts, Outcome};
use hookline_core::ports::{Counts, CountsScope};

use crate::store::dynamo::{Item, ItemReader, PartitionQuery, ReturnItem, SortKeyRange, Table, Write};
use crate::store::items::counts_item::{MissedCounts, add, add_missed, from_item, missed_from_item, place};
use crate::store::keys;

/// Concurrent calls.
const CONCURRENT_CALLS: usize = 8;
/// How many items of a partition are held at once.
const PAGE: usize = 1000;
/// Hours of a day.
const DAY: i64 = 24;

/// What was taken out of memory.
type Line = (AccountId, Hour, WebhookId, HourCounts);

#[async_trait]
impl Counts for Table {
    fn count(&self, account: &AccountId, webhook: WebhookId, hour: Hour, outcome: Outcome, duration: Option<Duration>) {
        self.pending_counts().change(account, webhook, hour, |counts| counts.count(outcome, duration));
    }

    fn count_filtered(&self, account: &AccountId, webhooks: &[WebhookId], hour: Hour) {
        self.pending_counts().count_filtered(account, webhooks, hour);
    }

    async fn store_counts(&self) -> PortResult<()> {
        let written: Vec<PortResult<()>> = stream::iter(writes(self.pending_counts().take()))
            .map(|(lines, write)| async move {
                let written = self.write(write, ReturnItem::Old).await.map(|_| ());
                if written.is_err() {
                    self.pending_counts().put_back(&lines);
                }
                written
            })
            .buffer_unordered(CONCURRENT_CALLS)
            .collect()
            .await;
        written.into_iter().collect()
    }

    async fn counts(
        &self,
        account: &AccountId,
        scope: CountsScope,
        hours: RangeInclusive<Hour>,
    ) -> PortResult<Vec<HourlyCounts>> {
        match scope {
            CountsScope::Webhook(webhook) => self.counts_of_webhook(account, webhook, hours).await,
            CountsScope::Account => self.counts_of_account(account, hours).await,
            CountsScope::MostFailures => {
                let mut found = Vec::new();
                for hour in (hours.start().0..=hours.end().0).map(Hour) {
                    found.extend(HourlyCounts::most_failures(self.webhooks_of_hour(account, hour).await?));
                }
                Ok(found)
            }
        }
    }
}

/// The writes for these lines, each with what it writes.
fn writes(taken: Vec<Line>) -> Vec<(Vec<Line>, Write)> {
    let mut writes = Vec::new();
    let mut ranges: BTreeMap<(AccountId, Hour, u64), Vec<(WebhookId, MissedCounts)>> = BTreeMap::new();
    for (account, hour, webhook, mut counts) in taken {
        let missed = MissedCounts::take_from(&mut counts);
        if missed != MissedCounts::default() {
            let range = webhook.0 / keys::SKIPPED_RANGE;
            ranges.entry((account.clone(), hour, range)).or_default().push((webhook, missed));
        }
        if let Some(write) = add(&account, hour, webhook, &counts) {
            writes.push((vec![(account, hour, webhook, counts)], write));
        }
    }
    for ((account, hour, _), missed) in ranges {
        let Some(write) = add_missed(&account, hour, &missed) else { continue };
        let line = |(webhook, missed): &(WebhookId, MissedCounts)| (account.clone(), hour, *webhook, missed.counts());
        writes.push((missed.iter().map(line).collect(), write));
    }
    writes
}

impl Table {
    async fn counts_of_webhook(
        &self,
        account: &AccountId,
        webhook: WebhookId,
        hours: RangeInclusive<Hour>,
    ) -> PortResult<Vec<HourlyCounts>> {
        let hours = || (hours.start().0..=hours.end().0).map(Hour);
        let of_hour = |hour| [keys::counts(account, hour, webhook), keys::skipped(account, hour, webhook)];
        let items = self.get_all(hours().flat_map(of_hour).collect()).await?;
        let mut found = Vec::new();
        for hour in hours() {
            let [own, shared] = of_hour(hour).map(|key| items.get(&key));
            let mut counts = own.map(from_item).transpose()?.unwrap_or_default();
            let missed = shared.map(missed_from_item).transpose()?.unwrap_or_default();
            counts.add(&missed.get(&webhook).copied().unwrap_or_default().counts());
            if counts != HourCounts::default() {
                found.push(HourlyCounts { hour, webhook: Some(webhook), counts });
            }
        }
        Ok(found)
    }

    /// Adds up the items of all webhooks, day by day.
    async fn counts_of_account(
        &self,
        account: &AccountId,
        hours: RangeInclusive<Hour>,
    ) -> PortResult<Vec<HourlyCounts>> {
        let (first, last) = (*hours.start(), *hours.end());
        let parts = (first.0.div_euclid(DAY)..=last.0.div_euclid(DAY)).flat_map(|day| {
            let part = first.max(Hour(day * DAY))..=last.min(Hour(day * DAY + DAY - 1));
            partitions(account, Hour(day * DAY)).map(move |partition| (partition, part.clone()))
        });
        let sums: Vec<BTreeMap<Hour, HourCounts>> = stream::iter(parts.collect::<Vec<_>>())
            .map(|(partition, part)| async move {
                let mut sums: BTreeMap<Hour, HourCounts> = BTreeMap::new();
                let sum = |hour, _, counts: HourCounts| sums.entry(hour).or_default().add(&counts);
                self.each_count(partition, part, sum).await?;
                Ok(sums)
            })
            .buffer_unordered(CONCURRENT_CALLS)
            .try_collect()
            .await?;
        let mut total: BTreeMap<Hour, HourCounts> = BTreeMap::new();
        for (hour, counts) in sums.iter().flatten() {
            total.entry(*hour).or_default().add(counts);
        }
        Ok(total.into_iter().map(|(hour, counts)| HourlyCounts { hour, webhook: None, counts }).collect())
    }

    /// The counts of every webhook in one hour.
    async fn webhooks_of_hour(&self, account: &AccountId, hour: Hour) -> PortResult<Vec<HourlyCounts>> {
        let parts: Vec<HashMap<WebhookId, HourCounts>> = stream::iter(partitions(account, hour).collect::<Vec<_>>())
            .map(|partition| async move {
                let mut found: HashMap<WebhookId, HourCounts> = HashMap::new();
                let sum = |_, webhook, counts: HourCounts| found.entry(webhook).or_default().add(&counts);
                self.each_count(partition, hour..=hour, sum).await?;
                Ok(found)
            })
            .buffer_unordered(CONCURRENT_CALLS)
            .try_collect()
            .await?;
        let mut webhooks: HashMap<WebhookId, HourCounts> = HashMap::new();
        for (webhook, counts) in parts.iter().flatten() {
            webhooks.entry(*webhook).or_default().add(counts);
        }
        let line = |(webhook, counts)| HourlyCounts { hour, webhook: Some(webhook), counts };
        Ok(webhooks.into_iter().map(line).collect())
    }

    /// Reads the counts of webhooks from a partition, page by page.
    async fn each_count(
        &self,
        partition: CountsPartition,
        hours: RangeInclusive<Hour>,
        mut each: impl FnMut(Hour, WebhookId, HourCounts) + Send,
    ) -> PortResult<()> {
        let CountsPartition { pk, shared } = partition;
        let mut from = keys::counts_from(*hours.start());
        let end = keys::counts_from(Hour(hours.end().0 + 1));
        loop {
            let range = SortKeyRange::Between(from, end.clone());
            let items: Vec<Item> = self.query(PartitionQuery::new(pk.clone(), range).limit(PAGE)).await?;
            for item in &items {
                let (hour, id) = place(ItemReader(item))?;
                if shared {
                    for (webhook, missed) in missed_from_item(item)? {
                        each(hour, webhook, missed.counts());
                    }
                } else {
                    each(hour, WebhookId(id), from_item(item)?);
                }
            }
            match items.last() {
                // Everything after that key.
                Some(last) if items.len() == PAGE => from = format!("{} ", ItemReader(last).sk()),
                Some(_) | None => return Ok(()),
            }
        }
    }
}

/// A partition with counts of one day.
struct CountsPartition {
    pk: String,
    /// Its items are those of thousands of webhooks.
    shared: bool,
}

/// The partitions with the counts of an hour, which have those of its whole day.
fn partitions(account: &AccountId, hour: Hour) -> impl Iterator<Item = CountsPartition> {
    let own = (0..keys::SHARDS).map(move |shard| keys::counts_shard(account, hour, shard));
    let own = own.map(|pk| CountsPartition { pk, shared: false });
    own.chain([CountsPartition { pk: keys::skipped_day(account, hour), shared: true }])
}
