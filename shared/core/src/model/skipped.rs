//! Skipped messages (section 10, *Skipped*).
//!
//! An event that many webhooks miss leaves one [`SkippedChunk`] for each 1,000 of them, and no record for each. The
//! records follow from the chunk: the event and the reason are in it, and the id is made from both. The ids of one event
//! follow each other in the order of the webhooks, so a chunk is a piece of the delivery log.

use std::ops::RangeInclusive;

use jiff::Timestamp;

use super::delivery::{Delivery, Outcome};
use super::event::{EventHead, EventName};
use super::failure::{ErrorClass, Failure};
use super::message::MessageKind;
use crate::ids::{AccountId, DeliveryId, EventId, MessageId, WebhookId};

/// The largest number of webhooks in a chunk.
pub const MAX_WEBHOOKS: usize = 1000;

/// How many chunks a page of a list reads before it ends, even if it has found nothing.
pub const MAX_CHUNKS_READ: usize = 1000;

/// Why a webhook missed an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SkipReason {
    /// Its endpoint has not proved that it wants our messages.
    Unverified,
    /// The service disabled it.
    DisabledByService,
    /// An administrator disabled it.
    DisabledByAdministrator,
}

impl SkipReason {
    /// All reasons. A stored reason is its place here, so the order never changes.
    const ALL: [Self; 3] = [Self::Unverified, Self::DisabledByService, Self::DisabledByAdministrator];

    /// As a record shows it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unverified => "Webhook not verified",
            Self::DisabledByService => "Webhook disabled by the service",
            Self::DisabledByAdministrator => "Webhook disabled",
        }
    }

    /// The reason that a record shows.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == text)
    }
}

/// Some of the webhooks that missed an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkippedChunk {
    /// The account.
    pub account: AccountId,
    /// What happened.
    pub event: EventName,
    /// The event.
    pub event_id: EventId,
    /// When the event was accepted.
    pub accepted_at: Timestamp,
    /// The account's `custom_url` at that time.
    pub custom_url: Option<String>,
    /// The webhooks by id, each with the reason.
    pub webhooks: Vec<(WebhookId, SkipReason)>,
}

/// A record that follows from a chunk.
#[derive(Debug, Clone)]
pub struct SkippedEntry<'a> {
    /// Its id.
    pub id: DeliveryId,
    chunk: &'a SkippedChunk,
    webhook: WebhookId,
    reason: SkipReason,
}

impl SkippedChunk {
    /// The chunks of an event.
    #[must_use]
    pub fn all(event: &EventHead, custom_url: Option<&str>, mut webhooks: Vec<(WebhookId, SkipReason)>) -> Vec<Self> {
        webhooks.sort_unstable_by_key(|(webhook, _)| *webhook);
        let chunk = |webhooks: &[(WebhookId, SkipReason)]| Self {
            account: event.account.clone(),
            event: event.event.clone(),
            event_id: event.id.clone(),
            accepted_at: event.accepted_at,
            custom_url: custom_url.map(str::to_owned),
            webhooks: webhooks.to_vec(),
        };
        webhooks.chunks(MAX_WEBHOOKS).map(chunk).collect()
    }

    /// The id under which the chunk is stored: that of its first record.
    #[must_use]
    pub fn id(&self) -> DeliveryId {
        let first = self.webhooks.first().map_or(WebhookId(0), |(webhook, _)| *webhook);
        DeliveryId::of_skipped(&self.message(first))
    }

    fn message(&self, webhook: WebhookId) -> MessageId {
        MessageId::derive(&self.account, &self.event_id, self.accepted_at, webhook)
    }

    /// Webhooks by id with their reasons, as bytes: for each a number of variable length, the distance from the id before it
    /// times four, plus the reason.
    #[must_use]
    pub fn encode_webhooks(webhooks: &[(WebhookId, SkipReason)]) -> Vec<u8> {
        let (mut bytes, mut last) = (Vec::with_capacity(webhooks.len() * 2), 0);
        for (webhook, reason) in webhooks {
            let reason = match reason {
                SkipReason::Unverified => 0,
                SkipReason::DisabledByService => 1,
                SkipReason::DisabledByAdministrator => 2,
            };
            let mut number = (webhook.0.saturating_sub(last) << 2) | reason;
            last = webhook.0;
            while number >= 0x80 {
                bytes.push(u8::try_from(number & 0x7f).unwrap_or_default() | 0x80);
                number >>= 7;
            }
            bytes.push(u8::try_from(number).unwrap_or_default());
        }
        bytes
    }

    /// Reads what [`encode_webhooks`](Self::encode_webhooks) wrote; `None` if it is something else.
    #[must_use]
    pub fn decode_webhooks(bytes: &[u8]) -> Option<Vec<(WebhookId, SkipReason)>> {
        let (mut webhooks, mut last, mut number, mut shift) = (Vec::new(), 0_u64, 0_u64, 0);
        for byte in bytes {
            number |= u64::from(byte & 0x7f).checked_shl(shift)?;
            shift += 7;
            if byte & 0x80 == 0 {
                last = last.checked_add(number >> 2)?;
                webhooks.push((WebhookId(last), *SkipReason::ALL.get(usize::try_from(number & 3).ok()?)?));
                (number, shift) = (0, 0);
            }
        }
        (shift == 0).then_some(webhooks)
    }
}

impl SkippedEntry<'_> {
    /// The record. Its message was not made, so the record has no name of the webhook.
    #[must_use]
    pub fn record(&self) -> Delivery {
        let Self { id, chunk, webhook, reason } = self;
        Delivery {
            id: *id,
            account: chunk.account.clone(),
            webhook: *webhook,
            webhook_name: String::new(),
            custom_url: chunk.custom_url.clone(),
            event: chunk.event.clone(),
            event_id: chunk.event_id.clone(),
            message: chunk.message(*webhook),
            run: 0,
            // Not that of the first attempt: if the fan-out is repeated after the webhook was enabled, there is one.
            attempt: 0,
            kind: MessageKind::Event,
            outcome: Outcome::Skipped,
            created_at: chunk.accepted_at,
            retry_of: None,
            redelivery_of: None,
            next_attempt_at: None,
            failure: Some(Failure::new(ErrorClass::Cancelled, reason.as_str())),
            request: None,
            response: None,
            timings: None,
            address: None,
        }
    }
}

/// The records of these chunks, or those of one webhook, with ids in a range; oldest first. A fan-out that was repeated
/// may have written a webhook into two chunks, which is one record.
#[must_use]
pub fn entries<'a>(
    chunks: &'a [SkippedChunk],
    webhook: Option<WebhookId>,
    range: &RangeInclusive<u128>,
) -> Vec<SkippedEntry<'a>> {
    let mut entries = Vec::new();
    for chunk in chunks {
        let wanted = match webhook {
            None => chunk.webhooks.as_slice(),
            Some(webhook) => match chunk.webhooks.binary_search_by_key(&webhook, |(id, _)| *id) {
                Ok(at) => &chunk.webhooks[at..=at],
                Err(_) => continue,
            },
        };
        let any = chunk.message(WebhookId(0));
        for (webhook, reason) in wanted {
            let id = DeliveryId::of_skipped(&any).of_webhook(*webhook);
            if range.contains(&id.uuid().as_u128()) {
                entries.push(SkippedEntry { id, chunk, webhook: *webhook, reason: *reason });
            }
        }
    }
    entries.sort_by_key(|entry| entry.id);
    entries.dedup_by_key(|entry| entry.id);
    entries
}

#[cfg(test)]
mod tests {
    use std::ops::RangeInclusive;

    use super::*;

    const ALL: RangeInclusive<u128> = 0..=u128::MAX;

    fn chunk(event_id: &str, webhooks: &[u64]) -> SkippedChunk {
        SkippedChunk {
            account: AccountId::parse("wdc").unwrap(),
            event: EventName::builtin("request.create").unwrap(),
            event_id: EventId::parse(event_id).unwrap(),
            accepted_at: Timestamp::from_millisecond(1_795_599_000_123).unwrap(),
            custom_url: None,
            webhooks: webhooks
                .iter()
                .map(|id| (WebhookId(*id), SkipReason::ALL[usize::try_from(id % 3).unwrap()]))
                .collect(),
        }
    }

    #[test]
    fn webhooks_and_reasons_come_back_and_take_little_room() {
        let ids: Vec<u64> = (1..=1000).map(|n| n * 9).chain([4_294_967_295]).collect();
        let chunk = chunk("e", &ids);
        let bytes = SkippedChunk::encode_webhooks(&chunk.webhooks);
        assert_eq!(SkippedChunk::decode_webhooks(&bytes), Some(chunk.webhooks));
        assert!(bytes.len() < 1024, "{}", bytes.len());
        for bad in [&[0x80][..], &[3], &[0xff; 11]] {
            assert_eq!(SkippedChunk::decode_webhooks(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn records_follow_from_the_chunk_in_the_order_of_the_webhooks() {
        let chunk = chunk("e", &[1, 300, 4_000_000_000]);
        let chunks = [chunk.clone()];
        let found = entries(&chunks, None, &ALL);
        assert_eq!(found[0].id, chunk.id());
        for (entry, (webhook, reason)) in found.iter().zip(&chunk.webhooks) {
            let record = entry.record();
            assert_eq!((record.webhook, record.id.webhook()), (*webhook, *webhook));
            assert_eq!(record.failure.unwrap().text, reason.as_str());
            assert_eq!(SkipReason::parse(reason.as_str()), Some(*reason));
            assert_eq!(record.id, DeliveryId::of_skipped(&record.message));
            assert_eq!(record.id.due_at(), chunk.accepted_at);
            assert_eq!(entries(&chunks, Some(*webhook), &ALL).len(), 1);
        }
        assert_eq!(entries(&chunks, Some(WebhookId(2)), &ALL).len(), 0);
        let from_second = found[1].id.uuid().as_u128()..=u128::MAX;
        assert_eq!(entries(&chunks, None, &from_second).len(), 2);
    }

    #[test]
    fn what_two_fan_outs_of_an_event_wrote_is_one_record() {
        let chunks = [chunk("e", &[1, 2]), chunk("e", &[2, 3])];
        let webhooks: Vec<u64> = entries(&chunks, None, &ALL).iter().map(|entry| entry.webhook.0).collect();
        assert_eq!(webhooks, [1, 2, 3]);
    }

    #[test]
    fn ten_thousand_webhooks_are_ten_chunks() {
        let chunk = chunk("e", &[]);
        let head = super::super::event::test_event(
            &super::super::account::Account {
                id: chunk.account.clone(),
                name: "A".to_owned(),
                admin_mails: Vec::new(),
                time_zone: crate::values::TimeZone::parse("UTC").unwrap(),
                custom_url: None,
                disabled: false,
                created_at: chunk.accepted_at,
            },
            chunk.event.clone(),
            chunk.event_id.clone(),
            chunk.accepted_at,
        );
        let webhooks = (1..=10_000).rev().map(|id| (WebhookId(id), SkipReason::Unverified)).collect();
        let chunks = SkippedChunk::all(&head, None, webhooks);
        assert_eq!(chunks.len(), 10);
        assert!(chunks.iter().all(|chunk| chunk.webhooks.len() == MAX_WEBHOOKS));
        assert!(chunks.is_sorted_by_key(SkippedChunk::id));
        let groups: Vec<_> = chunks.iter().map(|chunk| chunk.id().group()).collect();
        assert!(groups.iter().all(|group| *group == groups[0]), "one piece of the log");
    }
}
