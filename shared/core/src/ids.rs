//! All ids, and how they are made.

use std::fmt;
use std::ops::RangeInclusive;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// Id of a tenant: `^[a-z0-9][a-z0-9-]{0,62}$`, e.g. `wdc`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(transparent)]
pub struct AccountId(Box<str>);

impl AccountId {
    /// Parses an account id; `None` if it is not one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let letter_or_digit = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let valid = (1..=63).contains(&bytes.len())
            && letter_or_digit(bytes[0])
            && bytes.iter().all(|&byte| letter_or_digit(byte) || byte == b'-');
        valid.then(|| Self(text.into()))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for AccountId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not an account id"))
    }
}

/// Id of a delivery: a version 8 UUID (RFC 9562) that holds when the attempt was due (48 bits, milliseconds), a shard
/// (3 bits), the webhook (32 bits) and 39 bits derived from message, run and attempt. So a repeat has the same id, a
/// record is found by its id, and ids of one webhook sort by time. In the id of a skipped message, the 39 bits and the
/// shard are derived from account and event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DeliveryId(Uuid);

impl DeliveryId {
    /// The id of an attempt.
    #[must_use]
    pub fn derive(due_at: Timestamp, webhook: WebhookId, message: &MessageId, run: u64, attempt: u8) -> Self {
        let mut hash = Sha256::new();
        hash.update(message.as_str());
        hash.update(run.to_be_bytes());
        hash.update([attempt]);
        let hash = hash.finalize();
        let millis = u64::try_from(due_at.as_millisecond()).unwrap_or_default();
        let mut bytes = [0; 16];
        bytes[..6].copy_from_slice(&millis.to_be_bytes()[2..]);
        // Version and variant take bits of bytes 6 and 8: shard and hash go around them.
        bytes[6] = hash[0] & 0x0f;
        bytes[7] = hash[1];
        bytes[8] = hash[2] & 0x3f;
        bytes[9..13].copy_from_slice(&webhook.0.to_be_bytes()[4..]);
        bytes[13..].copy_from_slice(&hash[3..6]);
        Self(Uuid::new_v8(bytes))
    }

    /// The id of the record that says that a message was skipped. All but the webhook follows from the event, so the ids
    /// of an event are a [group](Self::group) in the order of the webhooks.
    #[must_use]
    pub fn of_skipped(message: &MessageId) -> Self {
        let [_, _, hash @ ..] = message.bits(24..36).to_be_bytes();
        let mut bytes = [0; 16];
        bytes[..6].copy_from_slice(&message.bits(4..16).to_be_bytes()[2..]);
        bytes[6] = hash[0] & 0x0f;
        bytes[7] = hash[1];
        bytes[8] = hash[2] & 0x3f;
        bytes[13..].copy_from_slice(&hash[3..]);
        Self(Uuid::new_v8(bytes)).of_webhook(message.webhook())
    }

    /// The id with another webhook in it.
    pub(crate) fn of_webhook(self, webhook: WebhookId) -> Self {
        let mut bytes = self.0.into_bytes();
        bytes[9..13].copy_from_slice(&webhook.0.to_be_bytes()[4..]);
        Self(Uuid::from_bytes(bytes))
    }

    /// The ids with the same time and shard, which differ in the webhook and in the last bits. The skipped messages of an
    /// event are in one group.
    #[must_use]
    pub fn group(self) -> RangeInclusive<u128> {
        Self::group_of(self.0.as_u128())
    }

    /// The group of an id, or of the bound of a range of ids.
    #[must_use]
    pub fn group_of(id: u128) -> RangeInclusive<u128> {
        const BELOW_GROUP: u128 = (1 << 56) - 1;
        (id & !BELOW_GROUP)..=(id | BELOW_GROUP)
    }

    /// Reads an id; `None` if it is not a version 8 UUID.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Uuid::try_parse(text).ok().and_then(Self::from_uuid)
    }

    /// Takes a UUID; `None` if it is not of version 8.
    #[must_use]
    pub fn from_uuid(uuid: Uuid) -> Option<Self> {
        (uuid.get_version_num() == 8).then_some(Self(uuid))
    }

    /// The UUID.
    #[must_use]
    pub fn uuid(self) -> Uuid {
        self.0
    }

    /// The webhook whose delivery it is.
    #[must_use]
    pub fn webhook(self) -> WebhookId {
        let bytes = self.0.as_bytes();
        WebhookId(u64::from(u32::from_be_bytes([bytes[9], bytes[10], bytes[11], bytes[12]])))
    }

    /// When the attempt was due.
    #[must_use]
    pub fn due_at(self) -> Timestamp {
        let mut millis = [0; 8];
        millis[2..].copy_from_slice(&self.0.as_bytes()[..6]);
        Timestamp::from_millisecond(i64::from_be_bytes(millis)).unwrap_or(Timestamp::MAX)
    }

    /// The shard of the webhook's records that holds it: 0 to 7.
    #[must_use]
    pub fn shard(self) -> u8 {
        self.0.as_bytes()[7] & 7
    }
}

impl fmt::Display for DeliveryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Idempotency key of an event: 1–128 of `!`–`~`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventId(Box<str>);

impl EventId {
    /// Parses a publisher's id.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let valid = (1..=128).contains(&text.len()) && text.bytes().all(|byte| (b'!'..=b'~').contains(&byte));
        valid.then(|| Self(text.into()))
    }

    /// A UUID v7, for an event that came without an id.
    #[must_use]
    pub fn generate(now: Timestamp, entropy: &dyn crate::values::Entropy) -> Self {
        let mut random = [0; 10];
        entropy.fill(&mut random);
        let millis = u64::try_from(now.as_millisecond()).unwrap_or_default();
        let id = uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid();
        Self(Uuid::to_string(&id).into())
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Id of an event type: one counter per deployment, never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct EventTypeId(pub u64);

/// Id of a message: the same on every attempt and redelivery, so receivers can drop repeats. Sent as `Webhook-Id`.
///
/// `msg_` and 16 bytes in hex: the moment of acceptance (48 bits, milliseconds), the webhook (32 bits), and 48 bits of
/// a hash of account and event id. So the id alone locates the record of the message's first attempt.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MessageId(Box<str>);

impl MessageId {
    /// Made from account, event id, moment of acceptance and webhook, so a repeat of the fan-out makes it again.
    #[must_use]
    pub fn derive(account: &AccountId, event: &EventId, accepted_at: Timestamp, webhook: WebhookId) -> Self {
        let mut hash = Sha256::new();
        hash.update(account.as_str());
        hash.update([0]);
        hash.update(event.as_str());
        let hash = hash.finalize();
        let millis = u64::try_from(accepted_at.as_millisecond()).unwrap_or_default() & 0xffff_ffff_ffff;
        let hash = u64::from_be_bytes([0, 0, hash[0], hash[1], hash[2], hash[3], hash[4], hash[5]]);
        Self(format!("msg_{millis:012x}{:08x}{hash:012x}", webhook.0 & 0xffff_ffff).into())
    }

    /// The webhook that the message is for.
    #[must_use]
    pub fn webhook(&self) -> WebhookId {
        WebhookId(self.bits(16..24))
    }

    /// When the event was accepted.
    #[must_use]
    pub fn accepted_at(&self) -> Timestamp {
        i64::try_from(self.bits(4..16))
            .ok()
            .and_then(|millis| Timestamp::from_millisecond(millis).ok())
            .unwrap_or_default()
    }

    /// A part of the hex digits as a number.
    fn bits(&self, digits: std::ops::Range<usize>) -> u64 {
        self.0.get(digits).and_then(|digits| u64::from_str_radix(digits, 16).ok()).unwrap_or_default()
    }

    /// Reads a message id from a query or a store: `msg_` and 32 hex digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let hex = text.strip_prefix("msg_")?;
        let valid = hex.len() == 32 && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        valid.then(|| Self(text.into()))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Id of a webhook policy: one counter per deployment, never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PolicyId(pub u64);

impl fmt::Display for PolicyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Id of a webhook: one counter per deployment, never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WebhookId(pub u64);

impl fmt::Display for WebhookId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn account_ids() {
        for good in ["a", "0", "wdc", "a-b", "a-", &"x".repeat(63)] {
            assert_eq!(AccountId::parse(good).expect(good).as_str(), good);
        }
        for bad in ["", "-a", "A", "a_b", "a.b", "a/b", "a|b", "ä", "a b", &"x".repeat(64)] {
            assert_eq!(AccountId::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn an_id_holds_its_time_and_its_webhook() {
        let at = Timestamp::from_millisecond(1_764_063_000_123).unwrap();
        let message = MessageId::parse(&format!("msg_{}", "0f".repeat(16))).unwrap();
        let id = DeliveryId::derive(at, WebhookId(4_000_000_000), &message, 0, 1);
        assert_eq!((id.webhook(), id.due_at()), (WebhookId(4_000_000_000), at));
        assert_eq!(DeliveryId::parse(&id.to_string()), Some(id));
        assert_eq!(id, DeliveryId::derive(at, WebhookId(4_000_000_000), &message, 0, 1));
        assert_ne!(id, DeliveryId::derive(at, WebhookId(4_000_000_000), &message, 0, 2));
        let later = Timestamp::from_millisecond(1_764_063_000_124).unwrap();
        assert!(id < DeliveryId::derive(later, WebhookId(1), &message, 0, 1));
        assert_eq!(DeliveryId::parse("2f6cbe1e-0000-4000-8000-000000000000"), None);
    }

    #[test]
    fn ids() {
        assert!(EventId::parse("2f6c!~").is_some());
        for bad in ["", " ", "a b", "ä", "\u{7f}", &"x".repeat(129)] {
            assert!(EventId::parse(bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn an_id_holds_its_moment_and_its_webhook() {
        let (account, event) = (AccountId::parse("wdc").unwrap(), EventId::parse("e").unwrap());
        let at = Timestamp::from_millisecond(1_795_599_000_123).unwrap();
        let id = MessageId::derive(&account, &event, at, WebhookId(4_000_000_000));
        assert_eq!((id.webhook(), id.accepted_at()), (WebhookId(4_000_000_000), at));
        assert_eq!(MessageId::parse(id.as_str()), Some(id.clone()));
        let others = [
            MessageId::derive(&AccountId::parse("wd").unwrap(), &EventId::parse("ce").unwrap(), at, id.webhook()),
            MessageId::derive(&account, &EventId::parse("f").unwrap(), at, id.webhook()),
            MessageId::derive(&account, &event, at, WebhookId(4_000_000_001)),
        ];
        assert!(!others.contains(&id));
    }
}
