//! The port for accepted events and their fan-out.
//!
//! An event has two items. The conditional put that claims it writes the first one, once: the event with its payload.
//! The second one is small. It holds the state of the fan-out: progress, a lease that was taken over, and at the end
//! the webhooks that matched. An expired event counts as absent although its items may still exist, so the second item
//! names the acceptance that it belongs to.

use async_trait::async_trait;
use hookline_core::errors::PortResult;
use hookline_core::ids::{AccountId, EventId, WebhookId};
use hookline_core::model::{Event, EventHead};
use hookline_core::ports::{EventClaim, Events, StoredEvent};
use jiff::Timestamp;

use crate::encoding::pack;
use crate::store::dynamo::nonce;
use crate::store::dynamo::{
    Item, ItemBuilder, ItemReader, PartitionQuery, ReturnItem, SortKeyRange, Table, Write, WriteOutcome, bytes,
    corrupt, item, time,
};
use crate::store::items::event_item::{FanOutItem, from_item};
use crate::store::keys;

#[async_trait]
impl Events for Table {
    async fn claim_event(&self, event: &Event, now: Timestamp, lease_ends: Timestamp) -> PortResult<EventClaim> {
        let nonce = nonce();
        let item = self.event_item(event).time("lease", lease_ends).text("claimed_by", &nonce).done();
        let claim = Write::put(item).when("attribute_not_exists(#pk) OR #accepted_at <= :over");
        let claim = claim.with("over", time(now - self.kept().events));
        let old = match self.write(claim, ReturnItem::Old).await? {
            WriteOutcome::Applied(_) => return Ok(EventClaim::Begun { event: event.clone(), after: None }),
            WriteOutcome::ConditionFailed(Some(old)) => old,
            WriteOutcome::ConditionFailed(None) => return Err(corrupt("a conflicting event")),
        };
        let old = ItemReader(&old);
        if old.maybe_text("claimed_by") == Some(&nonce) {
            // The SDK repeated a call whose first attempt had succeeded.
            return Ok(EventClaim::Begun { event: event.clone(), after: None });
        }
        let first = from_item(old)?;
        if !event.head.repeats(&first.head) {
            return Ok(EventClaim::Conflict);
        }
        self.take_over(first, old.time("lease")?, now, lease_ends).await
    }

    async fn event_progress(&self, event: &Event, after: WebhookId, lease_ends: Timestamp) -> PortResult<()> {
        let item = self.fan_out_item(&event.head).time("lease", lease_ends).number("after", after).done();
        self.note(&event.head, item).await
    }

    async fn event_done(&self, event: &Event, matched: &[WebhookId]) -> PortResult<()> {
        let matched: Vec<u8> = matched.iter().flat_map(|webhook| webhook.0.to_be_bytes()).collect();
        let item = self.fan_out_item(&event.head).set("matched", bytes(pack(&matched))).done();
        self.note(&event.head, item).await
    }

    async fn event(&self, account: &AccountId, id: &EventId, now: Timestamp) -> PortResult<Option<StoredEvent>> {
        let range = SortKeyRange::Between(keys::EVENT.to_owned(), keys::FAN_OUT.to_owned());
        let items = self.query(PartitionQuery::new(keys::event(account, id), range)).await?;
        let of = |sk: &str| items.iter().map(ItemReader).find(|read| read.sk() == sk);
        let Some(item) = of(keys::EVENT) else { return Ok(None) };
        let event = from_item(item)?;
        if event.head.accepted_at + self.kept().events <= now {
            return Ok(None);
        }
        let fan_out = of(keys::FAN_OUT).map(|read| FanOutItem::of(read, &event.head)).transpose()?.flatten();
        Ok(Some(StoredEvent { event, matched: fan_out.and_then(|fan_out| fan_out.matched) }))
    }
}

impl Table {
    fn event_item(&self, event: &Event) -> ItemBuilder {
        let Event { head, payload } = event;
        let text = serde_json::to_string(&**head).unwrap_or_default();
        ItemBuilder::at(&keys::of_event(&head.account, &head.id, keys::EVENT))
            .time("accepted_at", head.accepted_at)
            .text("head", text)
            .set("payload", bytes(pack(payload.as_bytes())))
            .expires(head.accepted_at + self.kept().events)
    }

    fn fan_out_item(&self, head: &EventHead) -> ItemBuilder {
        ItemBuilder::at(&keys::of_event(&head.account, &head.id, keys::FAN_OUT))
            .time("accepted_at", head.accepted_at)
            .expires(head.accepted_at + self.kept().events)
    }

    /// Claims an event that was claimed before: it is done, another process works on it, or this process continues at
    /// the mark.
    async fn take_over(
        &self,
        event: Event,
        first_lease: Timestamp,
        now: Timestamp,
        lease_ends: Timestamp,
    ) -> PortResult<EventClaim> {
        let key = keys::of_event(&event.head.account, &event.head.id, keys::FAN_OUT);
        let stored = self.get(&key).await?;
        let stored = stored.as_ref().map(|item| FanOutItem::of(ItemReader(item), &event.head)).transpose()?.flatten();
        let (lease, after) = match stored {
            Some(FanOutItem { matched: Some(_), .. }) => return Ok(EventClaim::Done),
            Some(FanOutItem { lease, after, .. }) => (lease.unwrap_or(first_lease), after),
            None => (first_lease, None),
        };
        if lease > now {
            return Ok(EventClaim::Busy { until: lease });
        }
        let nonce = nonce();
        let item = self.fan_out_item(&event.head).time("lease", lease_ends).text("claimed_by", &nonce);
        let item = item.maybe("after", after.map(item::number)).done();
        let free = "attribute_not_exists(#pk) OR #accepted_at <> :mine \
                    OR (attribute_not_exists(#matched) AND #lease <= :now)";
        let take = Write::put(item).when(free).with("mine", time(event.head.accepted_at)).with("now", time(now));
        match self.write(take, ReturnItem::Old).await? {
            WriteOutcome::Applied(old) => {
                // The progress may have been noted since the state was read.
                let old = old.as_ref().map(|item| FanOutItem::of(ItemReader(item), &event.head)).transpose()?.flatten();
                let after = old.and_then(|old| old.after).max(after);
                Ok(EventClaim::Begun { event, after })
            }
            WriteOutcome::ConditionFailed(Some(other)) => {
                let other = ItemReader(&other);
                if other.maybe_text("claimed_by") == Some(&nonce) {
                    return Ok(EventClaim::Begun { event, after });
                }
                match FanOutItem::of(other, &event.head)? {
                    Some(FanOutItem { matched: Some(_), .. }) => Ok(EventClaim::Done),
                    Some(FanOutItem { lease: Some(lease), .. }) => Ok(EventClaim::Busy { until: lease }),
                    Some(FanOutItem { lease: None, .. }) | None => Ok(EventClaim::Busy { until: lease_ends }),
                }
            }
            WriteOutcome::ConditionFailed(None) => Err(corrupt("a conflicting fan-out")),
        }
    }

    /// Writes the state of a fan-out, unless that is done.
    async fn note(&self, head: &EventHead, item: Item) -> PortResult<()> {
        let open = "attribute_not_exists(#matched) OR #accepted_at <> :mine";
        let put = Write::put(item).when(open).with("mine", time(head.accepted_at));
        self.write(put, ReturnItem::Old).await.map(|_| ())
    }
}
