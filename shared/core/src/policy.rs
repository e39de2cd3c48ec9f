//! Webhook policies: how the messages of their webhooks are signed, and when which of their keys signs (section 7,
//! *Policies* and *Rotation*).
//!
//! A policy keeps its keys in the order in which they were made. A new key is published at once. For webhooks with
//! discovery it signs two hours later, when every cached key set has it, or at once in an emergency; for the others it
//! signs when it is activated, since only people can carry it to their receivers. Of the keys that may sign, the newest
//! does. One that can sign no more stays published for seven days.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::account::AccountId;
use crate::clock::Entropy;
use crate::secret::{SealContext, Sealed};
use crate::settings::Settings;
use crate::signing::keys::{Algorithm, PublicKey};

/// How long a new key is published before it signs with discovery: longer than any cache keeps a key set.
pub const PUBLISHED_BEFORE: Duration = Duration::from_hours(2);
/// How long a key stays published after it last signed.
pub const PUBLISHED_AFTER: Duration = Duration::from_hours(7 * 24);
/// How many keys a policy can have at once.
pub const MAX_KEYS: usize = 20;

/// Id of a webhook policy: one counter per deployment, never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PolicyId(pub u64);

impl fmt::Display for PolicyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Name of a policy: 56 random lower-case hex characters. It is part of a public URL.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct PolicyName(Box<str>);

impl PolicyName {
    /// A new name.
    #[must_use]
    pub fn generate(entropy: &dyn Entropy) -> Self {
        Self(entropy.hex(56).into())
    }

    /// Reads a name from a path or a store.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let valid = text.len() == 56 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        valid.then(|| Self(text.into()))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The issuer of tokens with discovery: the URL below which the policy's documents are.
    #[must_use]
    pub fn issuer(&self, settings: &Settings, account: &AccountId) -> String {
        format!("{}/webhook_policies/{}", settings.account_url(account), self.0)
    }
}

impl<'de> Deserialize<'de> for PolicyName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not the name of a policy"))
    }
}

/// A policy as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Its id.
    pub id: PolicyId,
    /// Whose it is.
    pub account: AccountId,
    /// Its name.
    pub name: PolicyName,
    /// It may no longer be linked to webhooks; linked ones go on being signed.
    pub disabled: bool,
    /// How it signs. Never changes.
    pub algorithm: Algorithm,
    /// `aud` of its tokens, at most 2 KiB.
    pub audience: Option<String>,
    /// How long its tokens are valid, in minutes; at least 1.
    pub expires_in: Option<u32>,
    /// Its keys.
    pub keys: PolicyKeys,
    /// When it was created.
    pub created_at: Timestamp,
    /// When an administrator last changed it.
    pub updated_at: Timestamp,
    /// Counts the changes by administrators: the optimistic lock.
    pub version: u64,
}

impl Policy {
    /// Whether the messages of a webhook are signed for discovery: the webhook wants it, and the keys are public.
    #[must_use]
    pub fn serves_discovery(&self, wanted: bool) -> bool {
        wanted && self.algorithm.has_public_key()
    }

    /// What its key of that number is sealed for.
    #[must_use]
    pub fn seal_context(&self, number: u64) -> SealContext<'_> {
        seal_context(&self.account, self.id, number)
    }
}

/// What the key of that number of a policy is sealed for.
#[must_use]
pub fn seal_context(account: &AccountId, id: PolicyId, number: u64) -> SealContext<'_> {
    SealContext { account, kind: "policy", id: id.0, version: number }
}

/// A key of a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyKey {
    /// Counts the keys of the policy, from 1; authenticated with the sealed key.
    pub number: u64,
    /// Its `kid`.
    pub kid: Uuid,
    /// Its public half, if it has one.
    #[serde(with = "in_base64", default, skip_serializing_if = "Option::is_none")]
    pub public: Option<PublicKey>,
    /// The private key or secret, sealed.
    #[serde(with = "in_base64")]
    pub sealed: Sealed,
    /// Since when it is published.
    pub published_at: Timestamp,
    /// From when on it signs for webhooks with discovery.
    pub with_discovery_from: Timestamp,
    /// From when on it signs for webhooks without discovery; `None` until it is activated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub without_discovery_from: Option<Timestamp>,
}

impl PolicyKey {
    fn may_sign(&self, discovery: bool, now: Timestamp) -> bool {
        if discovery {
            self.with_discovery_from <= now
        } else {
            self.without_discovery_from.is_some_and(|from| from <= now)
        }
    }
}

/// A key that was just made and sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FreshKey {
    kid: Uuid,
    public: Option<PublicKey>,
    sealed: Sealed,
}

impl FreshKey {
    /// Gives a key its `kid`: a version 4 UUID.
    #[must_use]
    pub fn new(public: Option<PublicKey>, sealed: Sealed, entropy: &dyn Entropy) -> Self {
        let mut bytes = [0; 16];
        entropy.fill(&mut bytes);
        Self { kid: uuid::Builder::from_random_bytes(bytes).into_uuid(), public, sealed }
    }

    fn published(
        self,
        number: u64,
        now: Timestamp,
        with_discovery_from: Timestamp,
        without_discovery_from: Option<Timestamp>,
    ) -> PolicyKey {
        let Self { kid, public, sealed } = self;
        PolicyKey { number, kid, public, sealed, published_at: now, with_discovery_from, without_discovery_from }
    }
}

/// The keys of a policy in the order in which they were made. There is always one that signs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyKeys(Vec<PolicyKey>);

impl PolicyKeys {
    /// The first key of a new policy, which signs at once.
    #[must_use]
    pub fn first(fresh: FreshKey, now: Timestamp) -> Self {
        Self(vec![fresh.published(1, now, now, Some(now))])
    }

    /// As text, to be stored.
    ///
    /// # Panics
    /// Never: texts and numbers always become JSON.
    #[must_use]
    pub fn encode(&self) -> String {
        serde_json::to_string(&self.0).expect("texts and numbers always become JSON")
    }

    /// From a text that was stored; `None` if it holds no keys.
    #[must_use]
    pub fn decode(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok().filter(|keys: &Vec<PolicyKey>| !keys.is_empty()).map(Self)
    }

    /// The number of the next key.
    #[must_use]
    pub fn next_number(&self) -> u64 {
        self.newest().number + 1
    }

    /// The key that signs now. A clock that runs behind the one that made the first key finds that key all the same.
    #[must_use]
    pub fn signing(&self, discovery: bool, now: Timestamp) -> &PolicyKey {
        self.0.iter().rev().find(|key| key.may_sign(discovery, now)).unwrap_or(&self.0[0])
    }

    /// The keys that receivers may need, oldest first: those that sign or will, and those that signed of late.
    pub fn published(&self, now: Timestamp) -> impl Iterator<Item = &PolicyKey> {
        self.0.iter().enumerate().filter(move |(at, _)| self.is_published(*at, now)).map(|(_, key)| key)
    }

    /// Takes in a new key: published now, signing with discovery after two hours or `at_once`, without discovery when it
    /// is activated. Keys whose time is over go. `false` if there are too many whose time is not over.
    #[must_use]
    pub fn rotate(&mut self, fresh: FreshKey, now: Timestamp, at_once: bool) -> bool {
        let kept: Vec<PolicyKey> = self.published(now).cloned().collect();
        if kept.len() >= MAX_KEYS {
            return false;
        }
        let signs_from = if at_once { now } else { now + PUBLISHED_BEFORE };
        let key = fresh.published(self.next_number(), now, signs_from, None);
        self.0 = kept;
        self.0.push(key);
        true
    }

    /// From now on the newest key signs for webhooks without discovery, and `at_once` for those with it. A key that signs
    /// already goes on as it is.
    pub fn activate(&mut self, now: Timestamp, at_once: bool) {
        let Some(newest) = self.0.last_mut() else { return };
        newest.without_discovery_from.get_or_insert(now);
        if at_once {
            newest.with_discovery_from = newest.with_discovery_from.min(now);
        }
    }

    /// The newest key that was activated for webhooks without discovery.
    #[must_use]
    pub fn activated(&self) -> Option<&PolicyKey> {
        self.0.iter().rev().find(|key| key.without_discovery_from.is_some())
    }

    /// The newest key.
    #[must_use]
    pub fn newest(&self) -> &PolicyKey {
        &self.0[self.0.len() - 1]
    }

    fn is_published(&self, at: usize, now: Timestamp) -> bool {
        match self.superseded_at(at) {
            None => true,
            Some(superseded) => now < superseded + PUBLISHED_AFTER,
        }
    }

    /// From when on a key can sign no more; `None` while no such moment is known. One that never came to sign counts from
    /// when the next one was made.
    fn superseded_at(&self, at: usize) -> Option<Timestamp> {
        let (key, newer) = (&self.0[at], &self.0[at + 1..]);
        let mut last = newer.first()?.published_at;
        let mut signed = |from: Timestamp, until: Timestamp| {
            if until > from {
                last = last.max(until);
            }
        };
        signed(key.with_discovery_from, newer.iter().map(|key| key.with_discovery_from).min()?);
        // Only the newest key can still be activated: one that was passed over never signs without discovery.
        if let Some(from) = key.without_discovery_from {
            signed(from, newer.iter().filter_map(|key| key.without_discovery_from).min()?);
        }
        Some(last)
    }
}

/// Bytes as base64 in JSON.
mod in_base64 {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize as _, Deserializer, Serializer};

    use super::{PublicKey, Sealed};

    /// What is bytes, or may be.
    pub(super) trait Bytes: Sized {
        fn bytes(&self) -> Option<&[u8]>;
        fn of(bytes: Vec<u8>) -> Self;
    }

    impl Bytes for Sealed {
        fn bytes(&self) -> Option<&[u8]> {
            Some(&self.0)
        }

        fn of(bytes: Vec<u8>) -> Self {
            Self(bytes)
        }
    }

    impl Bytes for Option<PublicKey> {
        fn bytes(&self) -> Option<&[u8]> {
            self.as_ref().map(|key| key.0.as_slice())
        }

        fn of(bytes: Vec<u8>) -> Self {
            Some(PublicKey(bytes))
        }
    }

    pub(super) fn serialize<T: Bytes, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
        match value.bytes() {
            Some(bytes) => serializer.serialize_str(&STANDARD.encode(bytes)),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, T: Bytes, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        STANDARD.decode(&*text).map(T::of).map_err(serde::de::Error::custom)
    }
}
