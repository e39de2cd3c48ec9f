//! Parts of the delivery log, newest first: the order of the ids, which begin with their time.
//!
//! A webhook's records lie in eight partitions, the account's troubles in eight for each day; both are merged while they
//! are read. What is asked for as a trouble is looked for among the troubles, since those are fewer. The records of an
//! event or a message are few, and are found by their keys.

use std::time::Duration;

use hookline_core::account::AccountId;
use hookline_core::delivery::{Delivery, DeliveryId, Outcome};
use hookline_core::event::EventId;
use hookline_core::listing::{Test, Value};
use hookline_core::message::MessageId;
use hookline_core::ports::{Answer, DeliveryPage, DeliveryQuery, DeliveryScope, Webhooks as _};
use hookline_core::webhook::WebhookId;
use jiff::Timestamp;

use super::in_memory::meets;
use crate::store::dynamo::{IdSpan, Item, ItemKey, ItemReader, MergeWalk, PartitionQuery, SortKeyRange, Table};
use crate::store::items::delivery_item::from_item;
use crate::store::items::delivery_item::{first, is_unsuccessful, skipped};
use crate::store::items::event_item;
use crate::store::items::event_item::FanOutItem;
use crate::store::keys;
use crate::store::keys::SHARDS;

/// An attempt begins at most so long after it was due: the length of a run, and a day for a queue that stood still.
const LATEST: Duration = Duration::from_hours(96);
/// How much the clocks of two machines may differ.
const SKEW: Duration = Duration::from_mins(1);
/// The bits of an id below its time.
const BELOW_TIME: u32 = 80;

impl Table {
    pub(in crate::store) async fn delivery_page(
        &self,
        account: &AccountId,
        query: &DeliveryQuery,
        now: Timestamp,
    ) -> Answer<DeliveryPage> {
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
        // On the other side of the cursor lies what the reader came from, unless it is gone by now.
        let behind = match at {
            None => false,
            Some(_) => !self.side(account, query, now, backwards, at, 1).await?.is_empty(),
        };
        let (older, newer) = if backwards { (behind, more) } else { (more, behind) };
        Ok(DeliveryPage { items, older, newer })
    }

    /// Up to `most` records from an id on, which belongs to them: newest first below it, oldest first above it.
    async fn side(
        &self,
        account: &AccountId,
        query: &DeliveryQuery,
        now: Timestamp,
        descending: bool,
        from: Option<u128>,
        most: usize,
    ) -> Answer<Vec<Delivery>> {
        let mut span = span(query, now, self.kept().deliveries);
        span.descending = descending;
        match from {
            Some(from) if descending => span.high = span.high.min(from),
            Some(from) => span.low = span.low.max(from),
            None => {}
        }
        let troubles = || MergeWalk::new(self, days(account, span), span, most);
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
            DeliveryScope::Unsuccessful => self.by_troubles(account, query, now, troubles(), None, most).await,
            DeliveryScope::Webhook(webhook) if asks_for_troubles(query) => {
                self.by_troubles(account, query, now, troubles(), Some(*webhook), most).await
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

    /// Records that are found by their entries among the troubles.
    async fn by_troubles(
        &self,
        account: &AccountId,
        query: &DeliveryQuery,
        now: Timestamp,
        mut walk: MergeWalk<'_>,
        webhook: Option<WebhookId>,
        most: usize,
    ) -> Answer<Vec<Delivery>> {
        let mut records = Vec::new();
        let mut read_out = false;
        while records.len() < most && !read_out {
            let mut ids = Vec::new();
            while ids.len() < most - records.len() {
                let Some(entry) = walk.next().await? else {
                    read_out = true;
                    break;
                };
                let id = ItemReader(&entry).parsed("sk", DeliveryId::parse)?;
                if may_be(query, &entry, now) && webhook.is_none_or(|webhook| id.webhook() == webhook) {
                    ids.push(id);
                }
            }
            let found = self.records(account, &ids, now).await?;
            // An entry may speak of an attempt whose record came out otherwise.
            records.extend(found.into_iter().filter(|record| admits(query, record)));
        }
        Ok(records)
    }

    /// The records of these ids, in their order, without those whose time is over.
    pub(in crate::store) async fn records(
        &self,
        account: &AccountId,
        ids: &[DeliveryId],
        now: Timestamp,
    ) -> Answer<Vec<Delivery>> {
        let mut wanted: Vec<ItemKey> = ids.iter().map(|id| keys::delivery(account, *id)).collect();
        wanted.dedup();
        let mut found = self.get_all(wanted.clone()).await?;
        let items = wanted.iter().filter_map(|key| found.remove(key)).filter(|item| !ItemReader(item).is_expired(now));
        items.map(|item| from_item(account, &item)).collect()
    }

    /// All living records of an event or a message.
    pub(in crate::store) async fn of_event_or_message(
        &self,
        account: &AccountId,
        scope: &DeliveryScope,
        now: Timestamp,
    ) -> Answer<Vec<Delivery>> {
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
                let mut ids = entries.iter().map(entered).collect::<Answer<Vec<_>>>()?;
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

    /// The ids of all records that an event may have.
    async fn ids_of_event(&self, account: &AccountId, event: &EventId) -> Answer<Vec<DeliveryId>> {
        let range = SortKeyRange::Between(keys::FAN_OUT.to_owned(), format!("{}~", keys::TRY));
        let items = self.query(PartitionQuery::new(keys::event(account, event), range)).await?;
        let is_try = |item: &&Item| ItemReader(item).sk().starts_with(keys::TRY);
        let mut ids = items.iter().filter(is_try).map(entered).collect::<Answer<Vec<_>>>()?;
        let fan_out = items.iter().map(ItemReader).find(|read| read.sk() == keys::FAN_OUT);
        let done = fan_out.map(FanOutItem::read).transpose()?;
        let done = done.and_then(|fan_out| Some((fan_out.accepted_at, fan_out.matched?)));
        let (accepted_at, webhooks) = if let Some(done) = done {
            done
        } else {
            // Not yet done: whoever may get it.
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

/// The delivery that an attempt's entry speaks of.
fn entered(item: &Item) -> Answer<DeliveryId> {
    ItemReader(item).parsed("delivery", DeliveryId::parse)
}

/// The ids that the conditions on the time leave.
pub(in crate::store) fn span(query: &DeliveryQuery, now: Timestamp, kept: Duration) -> IdSpan {
    let (mut from, mut to) = (now - kept - LATEST, now + SKEW);
    for test in &query.created_at {
        if let Test::Between { lower, upper } = test {
            if let Some((Value::Time(lower), _)) = lower {
                from = from.max(*lower - LATEST);
            }
            if let Some((Value::Time(upper), _)) = upper {
                to = to.min(*upper + SKEW);
            }
        }
    }
    let bits = |at: Timestamp| u128::try_from(at.as_millisecond()).unwrap_or_default() << BELOW_TIME;
    IdSpan { low: bits(from), high: bits(to) | ((1 << BELOW_TIME) - 1), descending: true }
}

/// The partitions of the account's troubles, a group for each day, in the order of the walk.
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

/// Whether only troubles are asked for.
fn asks_for_troubles(query: &DeliveryQuery) -> bool {
    let admitted = |outcome: Outcome| {
        let value = Value::Text(outcome.as_str().to_owned());
        query.outcome.iter().all(|test| meets(test, false, Some(&value)))
    };
    !admitted(Outcome::Succeeded) && !admitted(Outcome::Waiting)
}

/// Whether a record, or the entry of one, meets the conditions.
fn may_be(query: &DeliveryQuery, item: &Item, now: Timestamp) -> bool {
    let read = ItemReader(item);
    let text = |name: &str| read.owned(name).map(Value::Text);
    let created_at = read.maybe_time("created_at").ok().flatten().map(Value::Time);
    !read.is_expired(now)
        && query.event.iter().all(|test| meets(test, false, text("event").as_ref()))
        && query.outcome.iter().all(|test| meets(test, false, text("outcome").as_ref()))
        && query.created_at.iter().all(|test| meets(test, false, created_at.as_ref()))
}

/// Whether a record meets the conditions.
fn admits(query: &DeliveryQuery, record: &Delivery) -> bool {
    let text = |text: &str| Value::Text(text.to_owned());
    let all = |tests: &[Test], value: &Value| tests.iter().all(|test| meets(test, false, Some(value)));
    let is_unsuccessful = is_unsuccessful(record.outcome);
    (query.scope != DeliveryScope::Unsuccessful || is_unsuccessful)
        && all(&query.event, &text(record.event.as_str()))
        && all(&query.outcome, &text(record.outcome.as_str()))
        && all(&query.created_at, &Value::Time(record.created_at))
}
