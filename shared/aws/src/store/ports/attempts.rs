//! The entries of attempts in their event's partition: the lease of an attempt, and the id of its record.

use hookline_core::errors::PortResult;
use hookline_core::ids::{AccountId, DeliveryId};
use hookline_core::model::{Attempt, Delivery, MessageKind};
use hookline_core::ports::AttemptClaim;
use jiff::Timestamp;

use crate::store::dynamo::{
    ItemKey, ItemReader, ReturnItem, Table, Write, WriteOutcome, corrupt, expiry, item, nonce, text, time,
};
use crate::store::items::delivery_item::from_item;
use crate::store::items::delivery_item::{ends, first};
use crate::store::keys;

/// The key of the entry for a record.
pub(in crate::store) fn key(delivery: &Delivery) -> ItemKey {
    keys::attempt(&delivery.account, &delivery.event_id, delivery.webhook, delivery.run, delivery.attempt)
}

/// Whether the record needs an entry to be found. The first attempt of a matched message does not.
pub(in crate::store) fn is_entered(delivery: &Delivery) -> bool {
    delivery.kind != MessageKind::Event || delivery.id != first(&delivery.message)
}

impl Table {
    /// Claims an attempt with one conditional write.
    pub(in crate::store) async fn claim(
        &self,
        attempt: &Attempt,
        now: Timestamp,
        lease_ends: Timestamp,
    ) -> PortResult<AttemptClaim> {
        let message = &attempt.message;
        let key = keys::attempt(message.account(), &message.event.id, message.webhook, attempt.run, attempt.number);
        let nonce = nonce();
        let change = "SET #lease = :lease, #claimed_by = :nonce, #delivery = :delivery, #expires_at = :end \
                      REMOVE #final";
        let free = "attribute_not_exists(#pk) OR #expires_at <= :second \
                    OR (attribute_not_exists(#final) AND (attribute_not_exists(#lease) OR #lease <= :now))";
        let claim = Write::update(key, change)
            .when(free)
            .with("lease", time(lease_ends))
            .with("nonce", text(&nonce))
            .with("delivery", text(attempt.delivery_id().to_string()))
            .with("end", expiry(ends(self.kept(), now, &message.id)))
            .with("second", item::number(now.as_second()))
            .with("now", time(now));
        let entry = match self.write(claim, ReturnItem::Old).await? {
            WriteOutcome::Applied(_) => return Ok(AttemptClaim::Won),
            WriteOutcome::ConditionFailed(Some(entry)) => entry,
            WriteOutcome::ConditionFailed(None) => return Err(corrupt("a conflicting claim")),
        };
        let entry = ItemReader(&entry);
        Ok(if entry.flag("final") {
            let next_attempt_at = self.next_attempt_at(message.account(), attempt.delivery_id()).await?;
            AttemptClaim::Final { next_attempt_at }
        } else if entry.maybe_text("claimed_by") == Some(&nonce) {
            // The SDK repeated a call whose first attempt had succeeded.
            AttemptClaim::Won
        } else {
            AttemptClaim::Busy { until: entry.time("lease")? }
        })
    }

    /// The due time of the attempt that follows a final one.
    pub(in crate::store) async fn next_attempt_at(
        &self,
        account: &AccountId,
        id: DeliveryId,
    ) -> PortResult<Option<Timestamp>> {
        let record = self.get(&keys::delivery(account, id)).await?;
        let record = record.map(|item| from_item(account, &item)).transpose()?;
        Ok(record.and_then(|record| record.next_attempt_at))
    }

    /// The write of the entry for a record.
    pub(in crate::store) fn enter(&self, delivery: &Delivery, is_final: bool) -> Write {
        let change = if is_final {
            "SET #delivery = :delivery, #expires_at = :end, #final = :yes"
        } else {
            "SET #delivery = :delivery, #expires_at = :end"
        };
        let write = Write::update(key(delivery), change)
            .with("delivery", text(delivery.id.to_string()))
            .with("end", expiry(ends(self.kept(), delivery.created_at, &delivery.message)));
        if is_final { write.with("yes", aws_sdk_dynamodb::types::AttributeValue::Bool(true)) } else { write }
    }
}
