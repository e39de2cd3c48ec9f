//! Counts of ended deliveries, per webhook and hour (section 12).
//!
//! A process adds to [`PendingCounts`] in memory, and its store writes them from time to time. Durations are kept in
//! fixed buckets, so counts can be added up and percentiles still be told.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::delivery::Outcome;
use crate::ids::{AccountId, WebhookId};

/// The upper limits of the buckets for durations, in milliseconds. A longer duration belongs to the last one.
pub const DURATION_LIMITS: [u32; 20] =
    [1, 2, 5, 10, 20, 35, 50, 75, 100, 150, 200, 300, 500, 750, 1000, 2000, 3000, 5000, 10_000, 20_000];

/// An hour, counted from the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hour(pub i64);

impl Hour {
    /// The hour of a time.
    #[must_use]
    pub fn of(at: Timestamp) -> Self {
        Self(at.as_second().div_euclid(3600))
    }

    /// When it begins.
    #[must_use]
    pub fn begins_at(self) -> Timestamp {
        Timestamp::from_second(self.0.saturating_mul(3600)).unwrap_or(Timestamp::MAX)
    }
}

/// What was counted in an hour.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HourCounts {
    /// Attempts that succeeded.
    pub succeeded: u64,
    /// Attempts that failed and are followed by another.
    pub failed: u64,
    /// Messages that ended without success.
    pub dropped: u64,
    /// Messages that were cancelled.
    pub cancelled: u64,
    /// Messages that were not made.
    pub skipped: u64,
    /// Events that a filter kept out.
    pub filtered: u64,
    /// The durations of the requests, by bucket.
    pub durations: [u64; DURATION_LIMITS.len()],
}

impl HourCounts {
    /// Counts a delivery that ended, with the duration of its request if there was one.
    pub fn count(&mut self, outcome: Outcome, duration: Option<Duration>) {
        match outcome {
            Outcome::Waiting => return,
            Outcome::Succeeded => self.succeeded += 1,
            Outcome::Failed => self.failed += 1,
            Outcome::Dropped => self.dropped += 1,
            Outcome::Cancelled => self.cancelled += 1,
            Outcome::Skipped => self.skipped += 1,
        }
        if let Some(duration) = duration {
            let bucket = DURATION_LIMITS.partition_point(|limit| Duration::from_millis((*limit).into()) < duration);
            self.durations[bucket.min(DURATION_LIMITS.len() - 1)] += 1;
        }
    }

    /// Adds other counts to these.
    pub fn add(&mut self, other: &Self) {
        let Self { succeeded, failed, dropped, cancelled, skipped, filtered, durations } = other;
        self.succeeded += succeeded;
        self.failed += failed;
        self.dropped += dropped;
        self.cancelled += cancelled;
        self.skipped += skipped;
        self.filtered += filtered;
        self.durations.iter_mut().zip(durations).for_each(|(sum, count)| *sum += count);
    }

    /// Attempts and messages that failed.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.failed + self.dropped
    }

    /// The duration that this share of the requests did not exceed, interpolated within its bucket. `None` without a
    /// request.
    #[must_use]
    pub fn duration_of(&self, share: f64) -> Option<Duration> {
        let total: u64 = self.durations.iter().sum();
        #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
        let (mut rank, width) = (total as f64 * share, |count: u64| count as f64);
        let (mut from, mut found) = (0, None);
        for (limit, count) in DURATION_LIMITS.into_iter().zip(self.durations) {
            if count > 0 {
                let part = (rank / width(count)).clamp(0.0, 1.0);
                found = Some(Duration::from_millis(1).mul_f64(f64::from(from) + part * f64::from(limit - from)));
                if rank <= width(count) {
                    break;
                }
                rank -= width(count);
            }
            from = limit;
        }
        found
    }
}

/// The counts of one hour: of an account, or of one of its webhooks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HourlyCounts {
    /// The hour.
    pub hour: Hour,
    /// The webhook; `None` for the whole account.
    pub webhook: Option<WebhookId>,
    /// What was counted.
    pub counts: HourCounts,
}

impl HourlyCounts {
    /// How many webhooks of an hour [`most_failures`](Self::most_failures) keeps.
    const LISTED: usize = 100;

    /// Of the counts of the webhooks in one hour, those with most failures: the worst first, then by id.
    #[must_use]
    pub fn most_failures(mut webhooks: Vec<Self>) -> Vec<Self> {
        webhooks.sort_by_key(|line| (std::cmp::Reverse(line.counts.failures()), line.webhook));
        webhooks.truncate(Self::LISTED);
        webhooks
    }
}

/// The counts of an account's webhooks and hours.
type CountsOfAccount = HashMap<(WebhookId, Hour), HourCounts>;

/// What was counted and is not stored yet.
#[derive(Debug, Default)]
pub struct PendingCounts(Mutex<HashMap<AccountId, CountsOfAccount>>);

impl PendingCounts {
    /// Changes the counts of a webhook in an hour.
    pub fn change(&self, account: &AccountId, webhook: WebhookId, hour: Hour, change: impl FnOnce(&mut HourCounts)) {
        let mut pending = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Nearly always the account is there, so its id is copied only if it is not.
        if !pending.contains_key(account) {
            pending.insert(account.clone(), HashMap::new());
        }
        if let Some(webhooks) = pending.get_mut(account) {
            change(webhooks.entry((webhook, hour)).or_default());
        }
    }

    /// Counts an event that the filters of these webhooks kept out.
    pub fn count_filtered(&self, account: &AccountId, webhooks: &[WebhookId], hour: Hour) {
        for webhook in webhooks {
            self.change(account, *webhook, hour, |counts| counts.filtered += 1);
        }
    }

    /// Takes everything out, in the order of accounts, hours and webhooks.
    #[must_use]
    pub fn take(&self) -> Vec<(AccountId, Hour, WebhookId, HourCounts)> {
        let pending = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let mut taken: Vec<_> = pending
            .into_iter()
            .flat_map(|(account, webhooks)| {
                let line = move |((webhook, hour), counts)| (account.clone(), hour, webhook, counts);
                webhooks.into_iter().map(line)
            })
            .collect();
        taken.sort_unstable_by(|a, b| (&a.0, a.1, a.2).cmp(&(&b.0, b.1, b.2)));
        taken
    }

    /// Puts back what could not be stored.
    pub fn put_back(&self, lines: &[(AccountId, Hour, WebhookId, HourCounts)]) {
        for (account, hour, webhook, counts) in lines {
            self.change(account, *webhook, *hour, |pending| pending.add(counts));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_durations(millis: &[u64]) -> HourCounts {
        let mut counts = HourCounts::default();
        for millis in millis {
            counts.count(Outcome::Succeeded, Some(Duration::from_millis(*millis)));
        }
        counts
    }

    #[test]
    fn every_outcome_of_ended_work_is_counted() {
        let mut counts = HourCounts::default();
        for outcome in Outcome::ALL {
            counts.count(outcome, None);
        }
        let HourCounts { succeeded, failed, dropped, cancelled, skipped, filtered, durations } = &counts;
        assert_eq!([succeeded, failed, dropped, cancelled, skipped, filtered], [&1, &1, &1, &1, &1, &0]);
        assert_eq!((counts.failures(), durations.iter().sum::<u64>()), (2, 0));
    }

    #[test]
    fn a_duration_belongs_to_the_first_bucket_that_holds_it() {
        for (at, limit) in DURATION_LIMITS.into_iter().enumerate() {
            let counts = of_durations(&[limit.into(), u64::from(limit) + 1]);
            assert_eq!(counts.durations[at], if at == 19 { 2 } else { 1 }, "{limit} ms");
        }
        assert_eq!(of_durations(&[0]).durations[0], 1);
        assert_eq!(of_durations(&[3_600_000]).durations[19], 1);
    }

    #[test]
    fn percentiles_are_interpolated() {
        let millis = |counts: &HourCounts, share| counts.duration_of(share).map(|duration| duration.as_micros() / 1000);
        assert_eq!(millis(&HourCounts::default(), 0.5), None);
        // All in the bucket from 100 to 150 ms: the median is in its middle.
        assert_eq!(millis(&of_durations(&[120; 10]), 0.5), Some(125));
        assert_eq!(millis(&of_durations(&[120; 10]), 0.95), Some(147));
        // Nine in 75 to 100 ms, one in 3 to 5 s.
        let mixed = of_durations(&[80, 80, 80, 80, 80, 80, 80, 80, 80, 4000]);
        assert_eq!((millis(&mixed, 0.5), millis(&mixed, 0.95)), (Some(88), Some(4000)));
        assert_eq!(millis(&of_durations(&[60_000]), 0.95), Some(19_500));
    }

    #[test]
    fn what_is_put_back_is_taken_again() {
        let (pending, account) = (PendingCounts::default(), AccountId::parse("wdc").unwrap());
        let success = |counts: &mut HourCounts| counts.count(Outcome::Succeeded, None);
        pending.change(&account, WebhookId(2), Hour(7), success);
        pending.change(&account, WebhookId(1), Hour(7), success);
        let taken = pending.take();
        assert_eq!(taken.iter().map(|line| line.2.0).collect::<Vec<_>>(), [1, 2]);
        assert!(pending.take().is_empty());
        pending.change(&account, WebhookId(2), Hour(7), success);
        pending.put_back(&taken);
        assert_eq!(pending.take().iter().map(|line| line.3.succeeded).collect::<Vec<_>>(), [1, 2]);
    }

    #[test]
    fn the_hundred_with_most_failures_are_listed() {
        let line = |webhook: u64, failed| HourlyCounts {
            hour: Hour(1),
            webhook: Some(WebhookId(webhook)),
            counts: HourCounts { failed, ..HourCounts::default() },
        };
        let listed = HourlyCounts::most_failures((0..150).map(|webhook| line(webhook, webhook / 2)).collect());
        let ids: Vec<u64> = listed.iter().filter_map(|line| line.webhook).map(|webhook| webhook.0).collect();
        assert_eq!((ids.len(), &ids[..4]), (100, &[148, 149, 146, 147][..]));
    }

    #[test]
    fn hours_begin_on_the_hour() {
        let at: Timestamp = "2026-11-25T09:59:59.999Z".parse().unwrap();
        assert_eq!(Hour::of(at).begins_at().to_string(), "2026-11-25T09:00:00Z");
        assert_eq!(Hour::of(Timestamp::from_second(-1).unwrap()), Hour(-1));
    }
}
