//! Mails that wait until more can join them (section 9): several webhooks that the service disabled or enabled within a
//! minute, and the digest of what the limits on mails held back in an hour.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::mail::MailKind;
use crate::ids::{AccountId, WebhookId};
use crate::values::MailAddress;
use crate::values::clock::after_wait;

/// What a mail that waits is about. A batch takes constant space, however much joins it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailBatch {
    /// How many mails of each kind it stands for.
    pub counts: BTreeMap<MailKind, u32>,
    /// Messages that the webhooks missed.
    pub missed: u64,
    /// The first [`MailBatch::LISTED`] webhooks that it is about.
    pub webhooks: BTreeSet<WebhookId>,
    /// It is about other webhooks as well.
    pub more: bool,
}

impl MailBatch {
    /// How many webhooks are listed.
    pub const LISTED: usize = 50;

    /// About one webhook.
    #[must_use]
    pub fn of(kind: MailKind, webhook: WebhookId) -> Self {
        Self { counts: [(kind, 1)].into(), webhooks: [webhook].into(), ..Self::default() }
    }

    /// How many mails of a kind it stands for.
    #[must_use]
    pub fn count(&self, kind: MailKind) -> u32 {
        self.counts.get(&kind).copied().unwrap_or_default()
    }

    /// Adds what another one is about.
    pub fn join(&mut self, other: &Self) {
        for (kind, count) in &other.counts {
            let sum = self.counts.entry(*kind).or_default();
            *sum = sum.saturating_add(*count);
        }
        self.missed = self.missed.saturating_add(other.missed);
        self.more |= other.more;
        for webhook in &other.webhooks {
            if self.webhooks.len() < Self::LISTED {
                self.webhooks.insert(*webhook);
            } else if !self.webhooks.contains(webhook) {
                self.more = true;
            }
        }
    }
}

/// Work on the deliveries queue: sends the mail of a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailStep {
    /// Whose mail it is.
    pub account: AccountId,
    /// The name of the batch among those of the account.
    pub batch: String,
    /// The kind of all that is in the batch; `None` for a digest.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub kind: Option<MailKind>,
    /// The addressees, separated by commas. A digest goes to the administrators.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub to: String,
    /// When it is due.
    pub due_at: Timestamp,
}

impl MailStep {
    /// The mail about the state of webhooks that goes to these addresses, after `wait`. The same addresses in another
    /// order or case have the same batch.
    #[must_use]
    pub fn of_state(account: &AccountId, kind: MailKind, to: &[MailAddress], now: Timestamp, wait: Duration) -> Self {
        let addresses: BTreeSet<String> = to.iter().map(|address| address.as_str().to_ascii_lowercase()).collect();
        let mut hash = Sha256::new();
        for address in addresses {
            hash.update(address);
            hash.update([0]);
        }
        let digest: [u8; 32] = hash.finalize().into();
        let hash = digest.iter().take(16).fold(0_u128, |number, byte| number << 8 | u128::from(*byte));
        let to: Vec<&str> = to.iter().map(MailAddress::as_str).collect();
        Self {
            account: account.clone(),
            batch: format!("{} {hash:032x}", kind.as_str()),
            kind: Some(kind),
            to: to.join(","),
            due_at: after_wait(now, wait),
        }
    }

    /// The digest of the hour that `now` is in. It is sent when the hour is over.
    #[must_use]
    pub fn digest(account: &AccountId, now: Timestamp, hour: Duration) -> Self {
        let length = i64::try_from(hour.as_millis()).unwrap_or(i64::MAX).max(1);
        let number = now.as_millisecond().div_euclid(length);
        let begin = Timestamp::from_millisecond(number.saturating_mul(length)).unwrap_or(now);
        Self {
            account: account.clone(),
            batch: format!("digest {number}"),
            kind: None,
            to: String::new(),
            due_at: after_wait(begin, hour),
        }
    }

    /// Where the batch is kept while this step sends it: apart from what joins meanwhile.
    #[must_use]
    pub fn claimed_batch(&self) -> String {
        format!("{} claimed {}", self.batch, self.due_at.as_millisecond())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account() -> AccountId {
        AccountId::parse("wdc").unwrap()
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(millis).unwrap()
    }

    #[test]
    fn a_batch_adds_up_in_constant_space() {
        let mut batch = MailBatch::default();
        for webhook in 0..1000 {
            batch.join(&MailBatch { missed: 2, ..MailBatch::of(MailKind::Disabled, WebhookId(webhook % 500)) });
        }
        assert_eq!((batch.count(MailKind::Disabled), batch.count(MailKind::Failed), batch.missed), (1000, 0, 2000));
        assert_eq!((batch.webhooks.len(), batch.more), (MailBatch::LISTED, true));
        let mut few = MailBatch::default();
        for _ in 0..100 {
            few.join(&MailBatch::of(MailKind::Failed, WebhookId(7)));
        }
        assert_eq!((few.webhooks.len(), few.more), (1, false));
    }

    #[test]
    fn the_same_addresses_have_the_same_batch() {
        let step = |kind, to: &str| {
            let to = MailAddress::parse_list(to, 3).unwrap();
            MailStep::of_state(&account(), kind, &to, at(5), Duration::from_mins(1))
        };
        let one = step(MailKind::Disabled, "ada@example.com,bob@example.com");
        assert_eq!((one.to.as_str(), one.due_at), ("ada@example.com,bob@example.com", at(60_005)));
        assert_eq!(one.batch, step(MailKind::Disabled, "Bob@example.com,ada@example.com").batch);
        assert_ne!(one.batch, step(MailKind::Recovered, "ada@example.com,bob@example.com").batch);
        assert_ne!(one.batch, step(MailKind::Disabled, "ada@example.com").batch);
        assert_ne!(one.batch, step(MailKind::Disabled, "a@example.com,da@example.com").batch);
    }

    #[test]
    fn an_hour_has_one_digest_and_it_is_sent_when_the_hour_is_over() {
        let hour = Duration::from_hours(1);
        let step = |millis| MailStep::digest(&account(), at(millis), hour);
        assert_eq!(step(0), step(3_599_999));
        assert_eq!((step(0).due_at, step(3_600_000).due_at), (at(3_600_000), at(7_200_000)));
        assert_ne!(step(0).batch, step(3_600_000).batch);
    }
}
