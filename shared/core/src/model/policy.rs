//! Webhook policies: how the messages of their webhooks are signed (section 7, *Policies*). [`PolicyKeys`] decides
//! which key of a policy signs, and when.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::policy_keys::PolicyKeys;
use super::sealed::SealContext;
use crate::ids::{AccountId, PolicyId};
use crate::settings::CoreSettings;
use crate::signing::Algorithm;
use crate::values::Entropy;
use crate::values::milliseconds;

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
    pub fn issuer(&self, settings: &CoreSettings, account: &AccountId) -> String {
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Its id.
    pub id: PolicyId,
    /// Whose it is.
    pub account: AccountId,
    /// Its name.
    pub name: PolicyName,
    /// It may no longer be linked to webhooks; linked ones go on being signed.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub disabled: bool,
    /// How it signs. Never changes.
    pub algorithm: Algorithm,
    /// `aud` of its tokens, at most 2 KiB.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub audience: Option<String>,
    /// How long its tokens are valid, in minutes; at least 1.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expires_in: Option<u32>,
    /// Its keys.
    pub keys: PolicyKeys,
    /// When it was created.
    #[serde(with = "milliseconds")]
    pub created_at: Timestamp,
    /// When an administrator last changed it.
    #[serde(with = "milliseconds")]
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::System;

    #[test]
    fn a_name_is_random_hex() {
        let name = PolicyName::generate(&System);
        assert_eq!(PolicyName::parse(name.as_str()), Some(name.clone()));
        assert_ne!(PolicyName::generate(&System), name);
        for bad in
            ["", &name.as_str()[1..], &format!("{name}0", name = name.as_str()), &"A".repeat(56), &"g".repeat(56)]
        {
            assert_eq!(PolicyName::parse(bad), None, "{bad}");
        }
    }
}
