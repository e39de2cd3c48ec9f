//! Lists of delivery records, newest first. That is the order of their ids, which start with a time.
//!
//! The records of a webhook are in eight partitions. The unsuccessful records of an account have entries in eight
//! partitions per day. Both are merged while they are read. A query that excludes successes reads the entries, which
//! are fewer. The records of an event or a message are few, and are read by their keys.

use std::time::Duration;

use hookline_core::errors::PortResult;
use hookline_core::ids::{AccountId, DeliveryId, EventId, MessageId, WebhookId};
use hookline_core::model::{Delivery, Outcome};
use hookline_core::ports::{DeliveryPage, DeliveryQuery, DeliveryScope, Webhooks as _};
use hookline_core::values::{Condition, FieldValue};
use jiff::Timestamp;

use super::in_memory::meets;
use crate::store::dynamo::{IdSpan, Item, ItemKey, ItemReader, MergeWalk, PartitionQuery, SortKeyRange, Table};
use crate::store::items::delivery_item::from_item;
use crate::store::items::delivery_item::{first, is_unsuccessful, skipped};
use crate::store::items::event_item;
use crate::store::items::event_item::FanOutItem;
use crate::store::keys;
use crate::store::keys::SHARDS;

/// The longest time between the due time of an attempt and its start: the length of a run, and a day in which the queue
/// did not move.
const LATEST: Duration = Duration::from_hours(96);
/// The largest difference between the clocks of two machines.
const SKEW: Duration = Duration::from_mins(1);
/// The bits of an id below its time.
const BELOW_TIME: u32 = 80;

impl Table {
    pub(in crate::store) async fn delivery_page(
        &self,
        account: &AccountId,
        query: &DeliveryQuery,
        now: Timestamp,
    ) -> PortResult<DeliveryPage> {
        let most = query.per_page as usize;
        let backwards = query.newer_than.is_some();
        let cursor = query.newer_than.or(query.older_than);
        let at = cursor.map(|cursor| cursor.uuid().as_u128());
        let beyond = at.map(|at| if backwards { at.saturating_add(1) } else { at.saturating_sub(1) });
        let mut items = self.side(account, query, now, !backwards, beyond, most + 1).await?;
        let more = items.len() > most;
        items.truncate(most);
        if backwards {
            items.reverse();
        }
        // The reader came from the other side of the cursor, but those records may have expired.
        let behind = match at {
            None => false,
            Some(_) => !self.side(account, query, now, backwards, at, 1).await?.is_empty(),
        };
        let (older, newer) = if backwards { (behind, more) } else { (more, behind) };
        Ok(DeliveryPage { items, older, newer })
    }

    /// Up to `most` records starting at the id `from`: newest first below it, oldest first above it.
    async fn side(
        &self,
        account: &AccountId,
        query: &DeliveryQuery,
        now: Timestamp,
        descending: bool,
        from: Option<u128>,
        most: usize,
    ) -> PortResult<Vec<Delivery>> {
        let mut span = span(query, now, self.kept().deliveries);
        span.descending = descending;
        match from {
            Some(from) if descending => span.high = span.high.min(from),
            Some(from) => span.low = span.low.max(from),
            None => {}
        }
        let unsuccessful = || MergeWalk::new(self, days(account, span), span, most);
        match &query.scope {
            DeliveryScope::Event(_) | DeliveryScope::Message(_) => {
                let mut records = self.of_event_or_message(account, &query.scope, now).await?;
                records.retain(|record| {
                    (span.low..=span.high).contains(&record.id.uuid().as_u128()) && admits(query, record)
                });
                records.sort_by_key(|record| record.id);
                if descending {
                    records.reverse();
                }
                records.truncate(most);
                Ok(records)
            }
            DeliveryScope::Unsuccessful => self.by_unsuccessful(account, query, now, unsuccessful(), None, most).await,
            DeliveryScope::Webhook(webhook) if excludes_success(query) => {
                self.by_unsuccessful(account, query, now, unsuccessful(), Some(*webhook), most).await
            }
            DeliveryScope::Webhook(webhook) => {
                let group = (0..SHARDS).map(|shard| keys::deliveries(account, *webhook, shard)).collect();
                let mut walk = MergeWalk::new(self, [group], span, most);
                let mut records = Vec::new();
                while records.len() < most {
                    let Some(item) = walk.next().await? else { break };
                    if may_be(query, &item, now) {
                        records.push(from_item(account, &item)?);
                    }
                }
                Ok(records)
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
    ) -> PortResult<Vec<Delivery>> {
        let mut records = Vec::new();
        let mut is_exhausted = false;
        while records.len() < most && !is_exhausted {
            let mut ids = Vec::new();
            while ids.len() < most - records.len() {
                let Some(entry) = walk.next().await? else {
                    is_exhausted = true;
                    break;
                };
                let id = ItemReader(&entry).parsed("sk", DeliveryId::parse)?;
                if may_be(query, &entry, now) && webhook.is_none_or(|webhook| id.webhook() == webhook) {
                    ids.push(id);
                }
            }
            let found = self.records(account, &ids, now).await?;
            // The record may have another outcome than the entry says.
            records.extend(found.into_iter().filter(|record| admits(query, record)));
        }
        Ok(records)
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

    /// All records of an event or a message that have not expired.
    pub(in crate::store) async fn of_event_or_message(
        &self,
        account: &AccountId,
        scope: &DeliveryScope,
        now: Timestamp,
    ) -> PortResult<Vec<Delivery>> {
        let ids = match scope {
            DeliveryScope::Event(event) => self.ids_of_event(account, event).await?,
            DeliveryScope::Message(message) => {
                let derived = [first(message), skipped(message)];
                let mut known: Vec<ItemKey> = derived.iter().map(|id| keys::delivery(account, *id)).collect();
                known.push(keys::message(account, message));
                let found = self.get_all(known).await?;
                let Some(item) = found.values().next() else { return Ok(Vec::new()) };
                let range = SortKeyRange::Prefix(format!("{}{} ", keys::TRY, keys::ordered(message.webhook())));
                let event = keys::event(account, &ItemReader(item).event_id("event_id")?);
                let entries = self.query(PartitionQuery::new(event, range)).await?;
                let mut ids = entries.iter().map(entered).collect::<PortResult<Vec<_>>>()?;
                ids.extend(derived);
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
        Ok(records)
    }

    /// The ids of all records that an event can have.
    async fn ids_of_event(&self, account: &AccountId, event: &EventId) -> PortResult<Vec<DeliveryId>> {
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
            let Some(item) = self.get(&keys::of_event(account, event, keys::EVENT)).await? else { return Ok(ids) };
            let head = event_item::head(ItemReader(&item))?;
            let subscribers = self.subscribers(account, &head.event).await?;
            (head.accepted_at, subscribers.into_iter().map(|subscriber| subscriber.webhook).collect())
        };
        let message = |webhook| MessageId::derive(account, event, accepted_at, webhook);
        ids.extend(webhooks.into_iter().map(|webhook| first(&message(webhook))));
        Ok(ids)
    }
}

/// The delivery id in the entry of an attempt.
fn entered(item: &Item) -> PortResult<DeliveryId> {
    ItemReader(item).parsed("delivery", DeliveryId::parse)
}

/// The range of ids that can satisfy the conditions on time.
pub(in crate::store) fn span(query: &DeliveryQuery, now: Timestamp, kept: Duration) -> IdSpan {
    let (mut from, mut to) = (now - kept - LATEST, now + SKEW);
    for test in &query.created_at {
        if let Condition::Between { lower, upper } = test {
            if let Some((FieldValue::Time(lower), _)) = lower {
                from = from.max(*lower - LATEST);
            }
            if let Some((FieldValue::Time(upper), _)) = upper {
                to = to.min(*upper + SKEW);
            }
        }
    }
    let bits = |at: Timestamp| u128::try_from(at.as_millisecond()).unwrap_or_default() << BELOW_TIME;
    IdSpan { low: bits(from), high: bits(to) | ((1 << BELOW_TIME) - 1), descending: true }
}

/// The partitions of the account's unsuccessful records: one group for each day, in the order of the read.
pub(in crate::store) fn days(account: &AccountId, span: IdSpan) -> Vec<Vec<String>> {
    let at = |id: u128| {
        let millis = i64::try_from(id >> BELOW_TIME).unwrap_or(i64::MAX);
        keys::day(Timestamp::from_millisecond(millis).unwrap_or(Timestamp::MAX))
    };
    let group = |day: i64| (0..SHARDS).map(|shard| keys::troubles(account, day, shard)).collect();
    let days = at(span.low)..=at(span.high);
    if span.low > span.high {
        Vec::new()
    } else if span.descending {
        days.rev().map(group).collect()
    } else {
        days.map(group).collect()
    }
}

/// Whether the query excludes successes.
fn excludes_success(query: &DeliveryQuery) -> bool {
    let admitted = |outcome: Outcome| {
        let value = FieldValue::Text(outcome.as_str().to_owned());
        query.outcome.iter().all(|test| meets(test, false, Some(&value)))
    };
    !admitted(Outcome::Succeeded) && !admitted(Outcome::Waiting)
}

/// Whether a record, or the entry of one, can satisfy the conditions.
fn may_be(query: &DeliveryQuery, item: &Item, now: Timestamp) -> bool {
    let read = ItemReader(item);
    let text = |name: &str| read.owned(name).map(FieldValue::Text);
    let created_at = read.maybe_time("created_at").ok().flatten().map(FieldValue::Time);
    !read.is_expired(now)
        && query.event.iter().all(|test| meets(test, false, text("event").as_ref()))
        && query.outcome.iter().all(|test| meets(test, false, text("outcome").as_ref()))
        && query.created_at.iter().all(|test| meets(test, false, created_at.as_ref()))
}

/// Whether a record satisfies the conditions.
fn admits(query: &DeliveryQuery, record: &Delivery) -> bool {
    let text = |text: &str| FieldValue::Text(text.to_owned());
    let all = |tests: &[Condition], value: &FieldValue| tests.iter().all(|test| meets(test, false, Some(value)));
    let is_unsuccessful = is_unsuccessful(record.outcome);
    (query.scope != DeliveryScope::Unsuccessful || is_unsuccessful)
        && all(&query.event, &text(record.event.as_str()))
        && all(&query.outcome, &text(record.outcome.as_str()))
        && all(&query.created_at, &FieldValue::Time(record.created_at))
}
