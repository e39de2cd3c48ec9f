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

/// The largest number of bytes that the names of a chunk's webhooks have together.
const MAX_NAMES: usize = 65_536;

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

/// A webhook that missed an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkippedWebhook {
    /// The webhook.
    pub id: WebhookId,
    /// Why it missed the event.
    pub reason: SkipReason,
    /// Its name at that time: part of the message, should it be sent later.
    pub name: String,
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
    /// The webhooks by id.
    pub webhooks: Vec<SkippedWebhook>,
}

/// A record that follows from a chunk.
#[derive(Debug, Clone)]
pub struct SkippedEntry<'a> {
    /// Its id.
    pub id: DeliveryId,
    chunk: &'a SkippedChunk,
    webhook: &'a SkippedWebhook,
}

impl SkippedChunk {
    /// The chunks of an event.
    #[must_use]
    pub fn all(event: &EventHead, custom_url: Option<&str>, mut webhooks: Vec<SkippedWebhook>) -> Vec<Self> {
        webhooks.sort_unstable_by_key(|webhook| webhook.id);
        let mut chunks: Vec<Self> = Vec::new();
        let mut names = 0;
        for webhook in webhooks {
            names += webhook.name.len();
            let room = |chunk: &&mut Self| chunk.webhooks.len() < MAX_WEBHOOKS && names <= MAX_NAMES;
            if let Some(chunk) = chunks.last_mut().filter(room) {
                chunk.webhooks.push(webhook);
                continue;
            }
            names = webhook.name.len();
            chunks.push(Self {
                account: event.account.clone(),
                event: event.event.clone(),
                event_id: event.id.clone(),
                accepted_at: event.accepted_at,
                custom_url: custom_url.map(str::to_owned),
                webhooks: vec![webhook],
            });
        }
        chunks
    }

    /// The id under which the chunk is stored: that of its first record.
    #[must_use]
    pub fn id(&self) -> DeliveryId {
        let first = self.webhooks.first().map_or(WebhookId(0), |webhook| webhook.id);
        DeliveryId::of_skipped(&self.message(first))
    }

    fn message(&self, webhook: WebhookId) -> MessageId {
        MessageId::derive(&self.account, &self.event_id, self.accepted_at, webhook)
    }

    /// Webhooks by id, as bytes: how many there are; for each a number of variable length, the distance from the id before
    /// it times four, plus the reason; then their names, parted by newlines. The name of a webhook that is called like the
    /// event is left out.
    #[must_use]
    pub fn encode_webhooks(webhooks: &[SkippedWebhook], event: &EventName) -> Vec<u8> {
        let (mut bytes, mut last) = (Vec::with_capacity(webhooks.len() * 3), 0);
        push_number(&mut bytes, webhooks.len() as u64);
        for webhook in webhooks {
            let reason = match webhook.reason {
                SkipReason::Unverified => 0,
                SkipReason::DisabledByService => 1,
                SkipReason::DisabledByAdministrator => 2,
            };
            push_number(&mut bytes, (webhook.id.0.saturating_sub(last) << 2) | reason);
            last = webhook.id.0;
        }
        let name = |webhook: &SkippedWebhook| {
            if webhook.name == event.as_str() { String::new() } else { webhook.name.clone() }
        };
        bytes.extend(webhooks.iter().map(name).collect::<Vec<_>>().join("\n").into_bytes());
        bytes
    }

    /// Reads what [`encode_webhooks`](Self::encode_webhooks) wrote; `None` if it is something else.
    #[must_use]
    pub fn decode_webhooks(mut bytes: &[u8], event: &EventName) -> Option<Vec<SkippedWebhook>> {
        let count = usize::try_from(take_number(&mut bytes)?).ok()?;
        let (mut webhooks, mut last) = (Vec::new(), 0_u64);
        for _ in 0..count {
            let number = take_number(&mut bytes)?;
            last = last.checked_add(number >> 2)?;
            let reason = *SkipReason::ALL.get(usize::try_from(number & 3).ok()?)?;
            webhooks.push(SkippedWebhook { id: WebhookId(last), reason, name: event.to_string() });
        }
        let names = std::str::from_utf8(bytes).ok()?;
        for (webhook, name) in webhooks.iter_mut().zip(names.split('\n')).filter(|(_, name)| !name.is_empty()) {
            name.clone_into(&mut webhook.name);
        }
        (names.split('\n').count() == webhooks.len().max(1)).then_some(webhooks)
    }
}

/// Writes a number in groups of seven bits, the low ones first.
fn push_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(u8::try_from(number & 0x7f).unwrap_or_default() | 0x80);
        number >>= 7;
    }
    bytes.push(u8::try_from(number).unwrap_or_default());
}

/// Reads such a number from the beginning.
fn take_number(bytes: &mut &[u8]) -> Option<u64> {
    let (mut number, mut shift) = (0_u64, 0);
    loop {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f).checked_shl(shift)?;
        shift += 7;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
}

impl SkippedEntry<'_> {
    /// The record.
    #[must_use]
    pub fn record(&self) -> Delivery {
        let Self { id, chunk, webhook } = self;
        Delivery {
            id: *id,
            account: chunk.account.clone(),
            webhook: webhook.id,
            webhook_name: webhook.name.clone(),
            custom_url: chunk.custom_url.clone(),
            event: chunk.event.clone(),
            event_id: chunk.event_id.clone(),
            message: chunk.message(webhook.id),
            run: 0,
            // Not that of the first attempt: if the fan-out is repeated after the webhook was enabled, there is one.
            attempt: 0,
            kind: MessageKind::Event,
            outcome: Outcome::Skipped,
            created_at: chunk.accepted_at,
            retry_of: None,
            redelivery_of: None,
            next_attempt_at: None,
            failure: Some(Failure::new(ErrorClass::Cancelled, webhook.reason.as_str())),
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
            Some(webhook) => match chunk.webhooks.binary_search_by_key(&webhook, |webhook| webhook.id) {
                Ok(at) => &chunk.webhooks[at..=at],
                Err(_) => continue,
            },
        };
        let any = chunk.message(WebhookId(0));
        for webhook in wanted {
            let id = DeliveryId::of_skipped(&any).of_webhook(webhook.id);
            if range.contains(&id.uuid().as_u128()) {
                entries.push(SkippedEntry { id, chunk, webhook });
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
                .map(|id| SkippedWebhook {
                    id: WebhookId(*id),
                    reason: SkipReason::ALL[usize::try_from(id % 3).unwrap()],
                    name: "request.create".to_owned(),
                })
                .collect(),
        }
    }

    #[test]
    fn webhooks_and_reasons_come_back_and_take_little_room() {
        let ids: Vec<u64> = (1..=1000).map(|n| n * 9).chain([4_294_967_295]).collect();
        let mut chunk = chunk("e", &ids);
        let bytes = SkippedChunk::encode_webhooks(&chunk.webhooks, &chunk.event);
        assert_eq!(SkippedChunk::decode_webhooks(&bytes, &chunk.event).as_ref(), Some(&chunk.webhooks));
        assert!(bytes.len() < 2 * 1024 + 10, "{}", bytes.len());
        for (webhook, name) in chunk.webhooks.iter_mut().zip(["Orders \"1\"", "Ж 🚀", " ", "request.create"]) {
            name.clone_into(&mut webhook.name);
        }
        let bytes = SkippedChunk::encode_webhooks(&chunk.webhooks, &chunk.event);
        assert_eq!(SkippedChunk::decode_webhooks(&bytes, &chunk.event), Some(chunk.webhooks));
        for bad in [&[][..], &[0x80], &[1, 3], &[2, 4, 4, b'a'], &[1, 4, 0xff], &[0xff; 11], &[0xff, 0xff, 0xff, 0x7f]]
        {
            assert_eq!(SkippedChunk::decode_webhooks(bad, &chunk.event), None, "{bad:?}");
        }
    }

    #[test]
    fn records_follow_from_the_chunk_in_the_order_of_the_webhooks() {
        let chunk = chunk("e", &[1, 300, 4_000_000_000]);
        let chunks = [chunk.clone()];
        let found = entries(&chunks, None, &ALL);
        assert_eq!(found[0].id, chunk.id());
        for (entry, SkippedWebhook { id: webhook, reason, name }) in found.iter().zip(&chunk.webhooks) {
            let record = entry.record();
            assert_eq!((record.webhook, record.id.webhook()), (*webhook, *webhook));
            assert_eq!((record.failure.unwrap().text.as_str(), &record.webhook_name), (reason.as_str(), name));
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
        let webhooks: Vec<u64> = entries(&chunks, None, &ALL).iter().map(|entry| entry.webhook.id.0).collect();
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
        let webhook = |id, name: &str| SkippedWebhook {
            id: WebhookId(id),
            reason: SkipReason::Unverified,
            name: name.to_owned(),
        };
        let long = (1..=100).map(|id| webhook(id, &"🚀".repeat(128))).collect();
        assert_eq!(SkippedChunk::all(&head, None, long).len(), 1);
        let long = (1..=1000).map(|id| webhook(id, &"🚀".repeat(128))).collect();
        assert_eq!(SkippedChunk::all(&head, None, long).len(), 8, "128 names of 512 bytes in each");
        let chunks = SkippedChunk::all(&head, None, (1..=10_000).rev().map(|id| webhook(id, "n")).collect());
        assert_eq!(chunks.len(), 10);
        assert!(chunks.iter().all(|chunk| chunk.webhooks.len() == MAX_WEBHOOKS));
        assert!(chunks.is_sorted_by_key(SkippedChunk::id));
        let groups: Vec<_> = chunks.iter().map(|chunk| chunk.id().group()).collect();
        assert!(groups.iter().all(|group| *group == groups[0]), "one piece of the log");
    }
}
