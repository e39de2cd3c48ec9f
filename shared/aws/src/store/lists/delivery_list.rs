//! Lists of delivery records, newest first. That is the order of their ids, which start with a time.
//!
//! The records of a webhook are in eight partitions. The unsuccessful records of an account have entries in eight
//! partitions per day. Both are merged while they are read. A query that excludes successes reads the entries, which
//! are fewer. The records of an event or a message are few, and are read by their keys.

use std::time::Duration;

use hookline_core::errors::PortResult;
use hookline_core::ids::{AccountId, DeliveryId, EventId, MessageId, WebhookId};
use hookline_core::model::{Delivery, LogPart, Outcome, SkippedChunk};
use hookline_core::ports::{DeliveryPage, DeliveryQuery, DeliveryScope, Webhooks as _};
use hookline_core::values::FieldValue;
use jiff::Timestamp;

use super::skipped_list::SkippedSearch;
use crate::store::dynamo::{IdSpan, Item, ItemKey, ItemReader, MergeWalk, PartitionQuery, SortKeyRange, Table};
use crate::store::items::delivery_item::first;
use crate::store::items::delivery_item::from_item;
use crate::store::items::event_item;
use crate::store::items::event_item::FanOutItem;
use crate::store::keys;
use crate::store::keys::SHARDS;

/// The longest time between the due time of an attempt and its start: the length of a run, and a day in which the queue
/// did not move.
const LATEST: Duration = Duration::from_hours(96);
/// The largest difference between the clocks of two machines.
const SKEW: Duration = Duration::from_mins(1);
/// How many entries a page reads before it ends, even if it has found nothing.
const MAX_ENTRIES_READ: usize = 20_000;
/// The same for records, which are larger.
const MAX_RECORDS_READ: usize = 5_000;
/// How many items one query of a partition reads, if most of them may not be among the results.
const SEARCH_STEP: usize = 100;
/// The bits of an id below its time.
const BELOW_TIME: u32 = 80;

impl Table {
    pub(in crate::store) async fn delivery_page(
        &self,
        account: &AccountId,
        query: &DeliveryQuery,
        now: Timestamp,
    ) -> PortResult<DeliveryPage> {
        let backwards = query.newer_than.is_some();
        let at = query.newer_than.or(query.older_than).map(|cursor| cursor.uuid().as_u128());
        let beyond = at.map(|at| if backwards { at.saturating_add(1) } else { at.saturating_sub(1) });
        let part = self.side(account, query, now, !backwards, beyond, query.per_page as usize + 1).await?;
        // The reader came from the other side of the cursor, but those records may have expired.
        let mut behind = false;
        if at.is_some() {
            let part = self.side(account, query, now, backwards, at, 1).await?;
            behind = !part.records.is_empty() || part.stopped.is_some();
        }
        Ok(DeliveryPage::new(query, part, behind))
    }

    /// Up to `most` records starting at the id `from`: newest first below it, oldest first above it. Records that are stored,
    /// and those that follow from chunks of skipped messages.
    async fn side(
        &self,
        account: &AccountId,
        query: &DeliveryQuery,
        now: Timestamp,
        descending: bool,
        from: Option<u128>,
        most: usize,
    ) -> PortResult<LogPart> {
        let mut span = span(query, now, self.kept().deliveries);
        span.descending = descending;
        match from {
            Some(from) if descending => span.high = span.high.min(from),
            Some(from) => span.low = span.low.max(from),
            None => {}
        }
        if let DeliveryScope::Event(_) | DeliveryScope::Message(_) = query.scope {
            let mut records = self.of_event_or_message(account, &query.scope, now).await?;
            records
                .retain(|record| (span.low..=span.high).contains(&record.id.uuid().as_u128()) && admits(query, record));
            if descending {
                records.reverse();
            }
            records.truncate(most);
            return Ok(LogPart::new(records, most, None));
        }
        let (stored, skipped) = futures_util::future::try_join(
            self.stored_side(account, query, now, span, most),
            self.skipped_side(account, query, now, span, most),
        )
        .await?;
        Ok(stored.merge(skipped, most, descending))
    }

    /// Skipped messages of the account, or of one of its webhooks.
    async fn skipped_side(
        &self,
        account: &AccountId,
        query: &DeliveryQuery,
        now: Timestamp,
        span: IdSpan,
        most: usize,
    ) -> PortResult<LogPart> {
        if !query.admits_outcome(Outcome::Skipped) {
            return Ok(LogPart::default());
        }
        let webhook = match query.scope {
            DeliveryScope::Webhook(webhook) => Some(webhook),
            DeliveryScope::Unsuccessful | DeliveryScope::Event(_) | DeliveryScope::Message(_) => None,
        };
        let admits = |chunk: &SkippedChunk| query.admits(&chunk.event, Outcome::Skipped, chunk.accepted_at);
        self.search_skipped(&SkippedSearch { account, span, webhook, admits: &admits, most }, now).await
    }

    async fn stored_side(
        &self,
        account: &AccountId,
        query: &DeliveryQuery,
        now: Timestamp,
        span: IdSpan,
        most: usize,
    ) -> PortResult<LogPart> {
        if !Outcome::ALL.into_iter().any(|outcome| outcome != Outcome::Skipped && query.admits_outcome(outcome)) {
            return Ok(LogPart::default());
        }
        let unsuccessful = || MergeWalk::new(self, days(account, span), span, step(query, most));
        match &query.scope {
            DeliveryScope::Event(_) | DeliveryScope::Message(_) => Ok(LogPart::default()),
            DeliveryScope::Unsuccessful => self.by_unsuccessful(account, query, now, unsuccessful(), None, most).await,
            DeliveryScope::Webhook(webhook) if excludes_success(query) => {
                self.by_unsuccessful(account, query, now, unsuccessful(), Some(*webhook), most).await
            }
            DeliveryScope::Webhook(webhook) => {
                let group = (0..SHARDS).map(|shard| keys::deliveries(account, *webhook, shard)).collect();
                let mut walk = MergeWalk::new(self, [group], span, step(query, most));
                let (mut records, mut last, mut read) = (Vec::new(), None, 0);
                while records.len() < most && read < MAX_RECORDS_READ {
                    let Some(item) = walk.next().await? else {
                        last = None;
                        break;
                    };
                    (last, read) = (Some(ItemReader(&item).parsed("sk", DeliveryId::parse)?), read + 1);
                    if may_be(query, &item, now) {
                        records.push(from_item(account, &item)?);
                    }
                }
                Ok(LogPart::new(records, most, last))
            }
        }
    }

    /// The records with an entry among the unsuccessful ones.
    async fn by_unsuccessful(
        &self,
        account: &AccountId,
        query: &DeliveryQuery,
        now: Timestamp,
        mut walk: MergeWalk<'_>,
        webhook: Option<WebhookId>,
        most: usize,
    ) -> PortResult<LogPart> {
        let mut records = Vec::new();
        let (mut last, mut read) = (None, 0);
        while records.len() < most && read < MAX_ENTRIES_READ {
            let mut ids = Vec::new();
            while ids.len() < most - records.len() && read < MAX_ENTRIES_READ {
                let Some(entry) = walk.next().await? else {
                    (last, read) = (None, usize::MAX);
                    break;
                };
                let id = ItemReader(&entry).parsed("sk", DeliveryId::parse)?;
                (last, read) = (Some(id), read + 1);
                if may_be(query, &entry, now) && webhook.is_none_or(|webhook| id.webhook() == webhook) {
                    ids.push(id);
                }
            }
            let found = self.records(account, &ids, now).await?;
            // The record may have another outcome than the entry says.
            records.extend(found.into_iter().filter(|record| admits(query, record)));
        }
        Ok(LogPart::new(records, most, last))
    }

    /// The records of these ids, in their order. Expired ones are left out.
    pub(in crate::store) async fn records(
        &self,
        account: &AccountId,
        ids: &[DeliveryId],
        now: Timestamp,
    ) -> PortResult<Vec<Delivery>> {
        let mut wanted: Vec<ItemKey> = ids.iter().map(|id| keys::delivery(account, *id)).collect();
        wanted.dedup();
        let mut found = self.get_all(wanted.clone()).await?;
        let items = wanted.iter().filter_map(|key| found.remove(key)).filter(|item| !ItemReader(item).is_expired(now));
        items.map(|item| from_item(account, &item)).collect()
    }

    /// All records of an event or a message that have not expired, oldest first.
    pub(in crate::store) async fn of_event_or_message(
        &self,
        account: &AccountId,
        scope: &DeliveryScope,
        now: Timestamp,
    ) -> PortResult<Vec<Delivery>> {
        let mut skipped = Vec::new();
        let ids = match scope {
            DeliveryScope::Event(event) => {
                let (accepted_at, ids) = self.ids_of_event(account, event).await?;
                if let Some(at) = accepted_at {
                    skipped = self.skipped_of_event(account, event, at, now).await?;
                }
                ids
            }
            DeliveryScope::Message(message) => {
                let known = vec![keys::delivery(account, first(message)), keys::message(account, message)];
                let found = self.get_all(known).await?;
                skipped.extend(self.skipped_record(account, DeliveryId::of_skipped(message), now).await?);
                let event = match (found.values().next(), skipped.first()) {
                    (Some(item), _) => ItemReader(item).event_id("event_id")?,
                    (None, Some(record)) => record.event_id.clone(),
                    (None, None) => return Ok(Vec::new()),
                };
                let range = SortKeyRange::Prefix(format!("{}{} ", keys::TRY, keys::ordered(message.webhook())));
                let entries = self.query(PartitionQuery::new(keys::event(account, &event), range)).await?;
                let mut ids = entries.iter().map(entered).collect::<PortResult<Vec<_>>>()?;
                ids.push(first(message));
                ids
            }
            DeliveryScope::Webhook(_) | DeliveryScope::Unsuccessful => Vec::new(),
        };
        let mut ids = ids;
        ids.sort_unstable();
        ids.dedup();
        let mut records = self.records(account, &ids, now).await?;
        if let DeliveryScope::Message(message) = scope {
            records.retain(|record| record.message == *message);
        }
        records.extend(skipped);
        records.sort_by_key(|record| record.id);
        Ok(records)
    }

    /// When an event was accepted, if it is stored, and the ids of all records that it can have.
    async fn ids_of_event(
        &self,
        account: &AccountId,
        event: &EventId,
    ) -> PortResult<(Option<Timestamp>, Vec<DeliveryId>)> {
        let range = SortKeyRange::Between(keys::FAN_OUT.to_owned(), format!("{}~", keys::TRY));
        let items = self.query(PartitionQuery::new(keys::event(account, event), range)).await?;
        let is_try = |item: &&Item| ItemReader(item).sk().starts_with(keys::TRY);
        let mut ids = items.iter().filter(is_try).map(entered).collect::<PortResult<Vec<_>>>()?;
        let fan_out = items.iter().map(ItemReader).find(|read| read.sk() == keys::FAN_OUT);
        let done = fan_out.map(FanOutItem::read).transpose()?;
        let done = done.and_then(|fan_out| Some((fan_out.accepted_at, fan_out.matched?)));
        let (accepted_at, webhooks) = if let Some(done) = done {
            done
        } else {
            // The fan-out is not done, so all current subscribers count.
            let Some(item) = self.get(&keys::of_event(account, event, keys::EVENT)).await? else {
                return Ok((None, ids));
            };
            let head = event_item::head(ItemReader(&item))?;
            let subscribers = self.subscribers(account, &head.event).await?;
            (head.accepted_at, subscribers.into_iter().map(|subscriber| subscriber.webhook).collect())
        };
        let message = |webhook| MessageId::derive(account, event, accepted_at, webhook);
        ids.extend(webhooks.into_iter().map(|webhook| first(&message(webhook))));
        Ok((Some(accepted_at), ids))
    }
}

/// The delivery id in the entry of an attempt.
fn entered(item: &Item) -> PortResult<DeliveryId> {
    ItemReader(item).parsed("delivery", DeliveryId::parse)
}

/// The range of ids that can satisfy the conditions on time.
pub(in crate::store) fn span(query: &DeliveryQuery, now: Timestamp, kept: Duration) -> IdSpan {
    let (lower, upper) = query.created_between();
    let from = lower.map_or(now - kept, |lower| lower.max(now - kept)) - LATEST;
    let to = upper.map_or(now, |upper| upper.min(now)) + SKEW;
    let bits = |at: Timestamp| u128::try_from(at.as_millisecond()).unwrap_or_default() << BELOW_TIME;
    IdSpan { low: bits(from), high: bits(to) | ((1 << BELOW_TIME) - 1), descending: true }
}

/// The partitions of the account's unsuccessful records: one group for each day, in the order of the read.
pub(in crate::store) fn days(account: &AccountId, span: IdSpan) -> Vec<Vec<String>> {
    let group = |day: i64| (0..SHARDS).map(|shard| keys::troubles(account, day, shard)).collect();
    span.days().map(group).collect()
}

/// How many items one query of a partition reads.
fn step(query: &DeliveryQuery, most: usize) -> usize {
    let is_search = !query.event.is_empty() || !query.outcome.is_empty();
    if is_search { most.max(SEARCH_STEP) } else { most }
}

/// Whether the query excludes successes.
fn excludes_success(query: &DeliveryQuery) -> bool {
    !query.admits_outcome(Outcome::Succeeded) && !query.admits_outcome(Outcome::Waiting)
}

/// Whether a record, or the entry of one, can satisfy the conditions.
fn may_be(query: &DeliveryQuery, item: &Item, now: Timestamp) -> bool {
    let read = ItemReader(item);
    let text = |name: &str| read.owned(name).map(FieldValue::Text);
    let created_at = read.maybe_time("created_at").ok().flatten().map(FieldValue::Time);
    !read.is_expired(now)
        && query.event.iter().all(|test| test.is_met_by(text("event").as_ref(), false))
        && query.outcome.iter().all(|test| test.is_met_by(text("outcome").as_ref(), false))
        && query.created_at.iter().all(|test| test.is_met_by(created_at.as_ref(), false))
}

/// Whether a record satisfies the conditions.
fn admits(query: &DeliveryQuery, record: &Delivery) -> bool {
    query.admits(&record.event, record.outcome, record.created_at)
}
