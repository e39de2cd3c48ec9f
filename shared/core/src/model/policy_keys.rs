//! The keys of a policy, and when which of them signs (section 7, *Rotation*).
//!
//! A policy keeps its keys in the order in which they were made. A new key is published at once. For webhooks with
//! discovery it signs two hours later, when every cached key set contains it, or at once in an emergency. For webhooks
//! without discovery it signs once an administrator activates it, because people must first install it at the
//! receivers. The newest key that may sign does so. A key that can no longer sign stays published for seven days.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::sealed::Sealed;
use crate::signing::PublicKey;
use crate::values::Entropy;

/// How long a new key is published before it signs with discovery: longer than any cache keeps a key set.
pub const PUBLISHED_BEFORE: Duration = Duration::from_hours(2);

/// How long a key stays published after it last signed.
pub const PUBLISHED_AFTER: Duration = Duration::from_hours(7 * 24);

/// How many keys a policy can have at once.
pub const MAX_KEYS: usize = 20;

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
pub struct NewPolicyKey {
    kid: Uuid,
    public: Option<PublicKey>,
    sealed: Sealed,
}

impl NewPolicyKey {
    /// Gives a key its `kid`: a version 4 UUID.
    #[must_use]
    pub fn new(public: Option<PublicKey>, sealed: Sealed, entropy: &dyn Entropy) -> Self {
        Self { kid: entropy.uuid(), public, sealed }
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<PolicyKey>")]
pub struct PolicyKeys(Vec<PolicyKey>);

impl PolicyKeys {
    /// The first key of a new policy, which signs at once.
    #[must_use]
    pub fn first(fresh: NewPolicyKey, now: Timestamp) -> Self {
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

    /// Takes in a new key: published now, signing with discovery after two hours or `at_once`, without discovery when
    /// it is activated. Keys that are no longer published are removed. `false` if too many are still published.
    #[must_use]
    pub fn rotate(&mut self, fresh: NewPolicyKey, now: Timestamp, at_once: bool) -> bool {
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

    /// From now on the newest key signs for webhooks without discovery, and `at_once` for those with it. A key that
    /// already signs stays as it is.
    pub fn activate(&mut self, now: Timestamp, at_once: bool) {
        let Some(newest) = self.0.last_mut() else { return };
        newest.without_discovery_from.get_or_insert(now);
        if at_once {
            newest.with_discovery_from = newest.with_discovery_from.min(now);
        }
    }

    /// Lets the newest key sign with discovery at once, if it is published and has never signed. False if there is no such key.
    pub fn promote(&mut self, now: Timestamp) -> bool {
        let Some(newest) = self.0.last_mut() else { return false };
        let is_unused = newest.with_discovery_from > now && newest.without_discovery_from.is_none();
        let is_published = newest.public.is_some() && newest.published_at <= now;
        if is_unused && is_published {
            newest.with_discovery_from = now;
        }
        is_unused && is_published
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

    /// From when on a key can no longer sign; `None` while that is unknown. For a key that never signed it is the time
    /// when the next key was made.
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

impl TryFrom<Vec<PolicyKey>> for PolicyKeys {
    type Error = &'static str;

    fn try_from(keys: Vec<PolicyKey>) -> Result<Self, Self::Error> {
        if keys.is_empty() { Err("a policy without keys") } else { Ok(Self(keys)) }
    }
}

/// A public key as base64 in JSON.
mod in_base64 {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    use super::PublicKey;

    #[expect(clippy::ref_option, reason = "serde passes a reference to the field")]
    pub(super) fn serialize<S: Serializer>(key: &Option<PublicKey>, serializer: S) -> Result<S::Ok, S::Error> {
        key.as_ref().map(|key| STANDARD.encode(&key.0)).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<PublicKey>, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        STANDARD.decode(&*text).map(|bytes| Some(PublicKey(bytes))).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::System;

    /// A time in minutes after the policy was created.
    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + minutes * 60).unwrap()
    }

    const HOURS: i64 = 60;

    const DAYS: i64 = 24 * HOURS;

    fn fresh() -> NewPolicyKey {
        NewPolicyKey::new(Some(PublicKey(vec![1, 2])), Sealed(vec![3, 4]), &System)
    }

    fn made() -> PolicyKeys {
        PolicyKeys::first(fresh(), at(0))
    }

    fn rotate(keys: &mut PolicyKeys, minutes: i64, at_once: bool) {
        assert!(keys.rotate(fresh(), at(minutes), at_once));
    }

    /// Which key signs, with discovery and without.
    fn signing(keys: &PolicyKeys, minutes: i64) -> (u64, u64) {
        (keys.signing(true, at(minutes)).number, keys.signing(false, at(minutes)).number)
    }

    fn published(keys: &PolicyKeys, minutes: i64) -> Vec<u64> {
        keys.published(at(minutes)).map(|key| key.number).collect()
    }

    #[test]
    fn the_first_key_signs_at_once_and_for_ever() {
        let keys = made();
        for minutes in [0, 10, 1000 * DAYS] {
            assert_eq!((signing(&keys, minutes), published(&keys, minutes)), ((1, 1), vec![1]));
        }
        // A clock that runs behind.
        assert_eq!(signing(&keys, -1), (1, 1));
    }

    #[test]
    fn a_new_key_is_published_at_once_and_signs_with_discovery_after_two_hours() {
        let mut keys = made();
        rotate(&mut keys, 10, false);
        for (minutes, with_discovery) in [(10, 1), (10 + 2 * HOURS - 1, 1), (10 + 2 * HOURS, 2), (100 * DAYS, 2)] {
            assert_eq!(signing(&keys, minutes), (with_discovery, 1), "after {minutes}");
            assert_eq!(published(&keys, minutes), [1, 2], "the old one still signs without discovery");
        }
    }

    #[test]
    fn without_discovery_a_new_key_signs_when_it_is_activated() {
        let mut keys = made();
        rotate(&mut keys, 0, false);
        keys.activate(at(30), false);
        assert_eq!(signing(&keys, 29), (1, 1));
        assert_eq!(signing(&keys, 30), (1, 2));
        // It last signed with discovery.
        assert_eq!(published(&keys, 2 * HOURS + 7 * DAYS - 1), [1, 2]);
        assert_eq!(published(&keys, 2 * HOURS + 7 * DAYS), [2]);
        let before = keys.clone();
        keys.activate(at(60), false);
        assert_eq!(keys, before, "what is active stays as it is");
    }

    #[test]
    fn an_old_key_is_published_for_seven_days_after_it_last_signed() {
        let mut keys = made();
        rotate(&mut keys, 0, false);
        keys.activate(at(3 * DAYS), false);
        // It last signed without discovery.
        assert_eq!(published(&keys, 10 * DAYS - 1), [1, 2]);
        assert_eq!(published(&keys, 10 * DAYS), [2]);
    }

    #[test]
    fn in_an_emergency_a_new_key_signs_at_once() {
        let mut keys = made();
        rotate(&mut keys, 10, true);
        assert_eq!((signing(&keys, 9), signing(&keys, 10)), ((1, 1), (2, 1)));
        // One that was made before may become urgent.
        rotate(&mut keys, 20, false);
        assert_eq!(signing(&keys, 20), (2, 1));
        keys.activate(at(21), true);
        assert_eq!(signing(&keys, 21), (3, 3));
    }

    #[test]
    fn the_newest_published_key_that_was_never_used_can_be_promoted() {
        let mut keys = made();
        let before = keys.clone();
        assert!(!keys.promote(at(5)) && keys == before, "the only key signs already");
        rotate(&mut keys, 10, false);
        assert!(keys.promote(at(20)));
        assert_eq!((signing(&keys, 19), signing(&keys, 20)), ((1, 1), (2, 1)));
        assert!(!keys.promote(at(21)), "it is used");
        rotate(&mut keys, 30, false);
        keys.activate(at(31), false);
        assert!(!keys.promote(at(32)), "it signs without discovery");
        let mut secret = PolicyKeys::first(NewPolicyKey::new(None, Sealed(Vec::new()), &System), at(0));
        assert!(secret.rotate(NewPolicyKey::new(None, Sealed(Vec::new()), &System), at(1), false));
        assert!(!secret.promote(at(2)), "a secret is never published");
    }

    #[test]
    fn of_many_new_keys_the_newest_signs() {
        let mut keys = made();
        rotate(&mut keys, 0, false);
        rotate(&mut keys, HOURS, false);
        assert_eq!(signing(&keys, 2 * HOURS), (2, 1));
        assert_eq!(signing(&keys, 3 * HOURS), (3, 1));
        rotate(&mut keys, 3 * HOURS, true);
        assert_eq!(signing(&keys, 3 * HOURS), (4, 1));
        keys.activate(at(3 * HOURS), false);
        assert_eq!(signing(&keys, 3 * HOURS), (4, 4));
        assert_eq!(published(&keys, 3 * HOURS + 7 * DAYS - 1), [1, 2, 3, 4]);
        assert_eq!(published(&keys, 3 * HOURS + 7 * DAYS), [4]);
    }

    #[test]
    fn a_key_that_never_signed_goes_seven_days_after_it_was_passed_over() {
        let mut keys = made();
        rotate(&mut keys, 0, false);
        // It was to sign at two hours; this one does so before.
        rotate(&mut keys, HOURS, true);
        assert_eq!(published(&keys, HOURS + 7 * DAYS - 1), [1, 2, 3]);
        assert_eq!(published(&keys, HOURS + 7 * DAYS), [1, 3]);
    }

    #[test]
    fn a_rotation_forgets_keys_whose_time_is_over_and_numbers_go_on() {
        let mut keys = made();
        rotate(&mut keys, 0, true);
        keys.activate(at(0), false);
        rotate(&mut keys, 8 * DAYS, true);
        assert_eq!(keys.0.iter().map(|key| key.number).collect::<Vec<_>>(), [2, 3]);
        assert_eq!(signing(&keys, 8 * DAYS), (3, 2));
        for _ in 2..MAX_KEYS {
            rotate(&mut keys, 8 * DAYS, true);
        }
        let before = keys.clone();
        assert!(!keys.rotate(fresh(), at(8 * DAYS), true), "there are too many");
        assert_eq!(keys, before);
        assert!(keys.rotate(fresh(), at(16 * DAYS), true), "until the time of some is over");
    }

    #[test]
    fn keys_come_back_from_their_text() {
        let mut keys = made();
        rotate(&mut keys, 10, false);
        assert_eq!(PolicyKeys::decode(&keys.encode()), Some(keys));
        let secret = PolicyKeys::first(NewPolicyKey::new(None, Sealed(Vec::new()), &System), at(0));
        assert_eq!(PolicyKeys::decode(&secret.encode()), Some(secret));
        for bad in ["", "[]", "{}", "[{}]"] {
            assert_eq!(PolicyKeys::decode(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_kid_is_a_random_uuid() {
        let kids = [fresh().kid, fresh().kid];
        assert!(kids[0] != kids[1] && kids.iter().all(|kid| kid.get_version_num() == 4));
    }
}
