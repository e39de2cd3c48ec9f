//! The port for delivery records and for claims of retries (section 10).
//!
//! The record of a first success is one write. Every other record also has an entry: among the account's unsuccessful
//! records, in its event's partition, or both. The entry is written first. An entry without a record is harmless, since
//! lists only contain records. The record of a retry and the end of its claim are one transaction.

use async_trait::async_trait;
use hookline_core::errors::PortResult;
use hookline_core::ids::{AccountId, DeliveryId, EventId, MessageId};
use hookline_core::model::{Attempt, Delivery, Outcome, SkippedChunk};
use hookline_core::ports::{AttemptClaim, Deliveries, DeliveryPage, DeliveryQuery, DeliveryScope, RecordOutcome};
use jiff::Timestamp;

use super::attempts::is_entered;
use crate::store::dynamo::{Item, ItemBuilder, ItemReader, ReturnItem, Table, Write, WriteOutcome, number, text, time};
use crate::store::items::delivery_item::{ends, first, is_unsuccessful};
use crate::store::items::delivery_item::{from_item, to_item};
use crate::store::items::skipped_item;
use crate::store::keys;

#[async_trait]
impl Deliveries for Table {
    async fn claim_attempt(
        &self,
        attempt: &Attempt,
        now: Timestamp,
        lease_ends: Timestamp,
    ) -> PortResult<AttemptClaim> {
        self.claim(attempt, now, lease_ends).await
    }

    async fn record(&self, delivery: &Delivery) -> PortResult<RecordOutcome> {
        let is_final = delivery.outcome != Outcome::Waiting;
        if is_unsuccessful(delivery.outcome) {
            self.write(Write::put(self.unsuccessful_entry(delivery)), ReturnItem::Old).await?;
        }
        if delivery.attempt == 1 && delivery.id != first(&delivery.message) {
            let message = ItemBuilder::at(&keys::message(&delivery.account, &delivery.message))
                .text("event_id", delivery.event_id.as_str())
                .expires(delivery.message.accepted_at() + self.kept().events)
                .done();
            self.write(Write::put(message), ReturnItem::Old).await?;
        }
        let absent = "attribute_not_exists(#pk) OR #expires_at <= :second";
        let mut put =
            Write::put(to_item(delivery, self.kept())).with("second", number(delivery.created_at.as_second()));
        put = if is_final {
            put.when(format!("{absent} OR #outcome = :waiting")).with("waiting", text(Outcome::Waiting.as_str()))
        } else {
            put.when(absent)
        };
        let written = if (delivery.attempt > 1 || delivery.run > 0) && is_final {
            self.transact(&[put, self.enter(delivery, true)]).await?.is_ok()
        } else {
            if is_entered(delivery) {
                self.write(self.enter(delivery, is_final), ReturnItem::Old).await?;
            }
            matches!(self.write(put, ReturnItem::Old).await?, WriteOutcome::Applied(_))
        };
        if written {
            return Ok(RecordOutcome::Written);
        }
        // The condition was false, so the record is final already, and its claim as well.
        let next_attempt_at = self.next_attempt_at(&delivery.account, delivery.id).await?;
        Ok(RecordOutcome::Stands { next_attempt_at })
    }

    async fn record_skipped(&self, chunks: &[SkippedChunk]) -> PortResult<()> {
        self.put_all(chunks.iter().map(|chunk| skipped_item::to_item(chunk, self.kept())).collect()).await
    }

    async fn delivery(&self, account: &AccountId, id: DeliveryId, now: Timestamp) -> PortResult<Option<Delivery>> {
        let item = self.get(&keys::delivery(account, id)).await?;
        match item.filter(|item| !ItemReader(item).is_expired(now)) {
            Some(item) => from_item(account, &item).map(Some),
            None => self.skipped_record(account, id, now).await,
        }
    }

    async fn list_deliveries(
        &self,
        account: &AccountId,
        query: &DeliveryQuery,
        now: Timestamp,
    ) -> PortResult<DeliveryPage> {
        self.delivery_page(account, query, now).await
    }

    async fn outcomes_of_event(
        &self,
        account: &AccountId,
        event: &EventId,
        now: Timestamp,
    ) -> PortResult<Vec<(MessageId, Outcome)>> {
        let mut records = self.of_event_or_message(account, &DeliveryScope::Event(event.clone()), now).await?;
        records.sort_by_key(|record| (record.webhook, record.run, record.attempt, record.id));
        let mut outcomes: Vec<(MessageId, Outcome)> = Vec::new();
        for record in records {
            match outcomes.last_mut() {
                Some((message, outcome)) if *message == record.message => {
                    if *outcome != Outcome::Succeeded {
                        *outcome = record.outcome;
                    }
                }
                Some(_) | None => outcomes.push((record.message, record.outcome)),
            }
        }
        Ok(outcomes)
    }
}

impl Table {
    /// The entry among the account's unsuccessful records.
    fn unsuccessful_entry(&self, delivery: &Delivery) -> Item {
        ItemBuilder::at(&keys::trouble(&delivery.account, delivery.id))
            .text("event", delivery.event.as_str())
            .text("outcome", delivery.outcome.as_str())
            .set("created_at", time(delivery.created_at))
            .expires(ends(self.kept(), delivery.created_at, &delivery.message))
            .done()
    }
}
