//! The items of counts (section 12): one per webhook and hour for its deliveries, and one per thousand webhooks and hour
//! for the events that were skipped for them or kept from them by their filters.
//!
//! An event can miss thousands of webhooks, so their counts share items, and four of them share an attribute: its number
//! has nine digits for each. One update with `ADD` then counts for all webhooks of an item, at the same time as others.
//! An item knows the last call that changed it, so a call that the client repeats does not count twice.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use hookline_core::errors::PortResult;
use hookline_core::ids::{AccountId, WebhookId};
use hookline_core::model::{Hour, HourCounts};

use crate::store::dynamo::{Item, ItemKey, ItemReader, Write, corrupt, expiry, nonce, number, text};
use crate::store::keys;

/// How long an item is kept after its hour: 31 days, and the hour itself.
const KEPT: Duration = Duration::from_hours(31 * 24 + 1);
/// How many counts share a number.
const PER_NUMBER: u64 = 4;
/// One more than the largest count of a webhook in an hour.
const RADIX: u128 = 1_000_000_000;
/// How the names of numbers begin that count skipped messages.
const SKIPPED: char = 's';
/// The same for events that a filter kept out.
const FILTERED: char = 'f';

/// What was counted of the events that a webhook did not get.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::store) struct MissedCounts {
    skipped: u64,
    filtered: u64,
}

impl MissedCounts {
    /// Takes these counts out of others.
    pub(in crate::store) fn take_from(counts: &mut HourCounts) -> Self {
        Self { skipped: std::mem::take(&mut counts.skipped), filtered: std::mem::take(&mut counts.filtered) }
    }

    /// These counts alone.
    pub(in crate::store) fn counts(self) -> HourCounts {
        HourCounts { skipped: self.skipped, filtered: self.filtered, ..HourCounts::default() }
    }
}

/// Adds to the item of a webhook. `None` if there is nothing but what the webhook missed.
pub(in crate::store) fn add(account: &AccountId, hour: Hour, webhook: WebhookId, counts: &HourCounts) -> Option<Write> {
    let HourCounts { succeeded, failed, dropped, cancelled, skipped: _, filtered: _, durations } = counts;
    let named = [("succeeded", succeeded), ("failed", failed), ("dropped", dropped), ("cancelled", cancelled)];
    let named = named.into_iter().map(|(name, count)| (name.to_owned(), *count));
    let buckets = durations.iter().enumerate().map(|(bucket, count)| (duration(bucket), *count));
    let changes: Vec<(String, u64)> = named.chain(buckets).filter(|(_, count)| *count > 0).collect();
    (!changes.is_empty()).then(|| {
        let key = keys::counts(account, hour, webhook);
        increment(key, hour, changes.into_iter().map(|(name, count)| (name, count.into())))
    })
}

/// Adds what webhooks of one item missed.
pub(in crate::store) fn add_missed(
    account: &AccountId,
    hour: Hour,
    missed: &[(WebhookId, MissedCounts)],
) -> Option<Write> {
    let mut numbers: BTreeMap<(char, u64), u128> = BTreeMap::new();
    for (webhook, counts) in missed {
        let place = webhook.0 % keys::SKIPPED_RANGE;
        let digits = RADIX.pow(u32::try_from(place % PER_NUMBER).unwrap_or_default());
        for (kind, count) in [(SKIPPED, counts.skipped), (FILTERED, counts.filtered)] {
            if count > 0 {
                *numbers.entry((kind, place / PER_NUMBER)).or_default() += u128::from(count) * digits;
            }
        }
    }
    let key = keys::skipped(account, hour, missed.first()?.0);
    Some(increment(key, hour, numbers.into_iter().map(|((kind, at), sum)| (format!("{kind}{at}"), sum))))
}

fn increment(key: ItemKey, hour: Hour, changes: impl Iterator<Item = (String, u128)>) -> Write {
    let changes: Vec<(String, u128)> = changes.collect();
    let added: Vec<String> = changes.iter().map(|(name, _)| format!("#{name} :{name}")).collect();
    let update = Write::update(key, format!("SET #expires_at = :end, #call = :call ADD {}", added.join(", ")))
        .when("attribute_not_exists(#call) OR #call <> :call")
        .with("end", expiry(hour.begins_at() + KEPT))
        .with("call", text(nonce()));
    changes.into_iter().fold(update, |update, (name, count)| update.with(&name, number(count)))
}

/// The counts of a webhook's item.
pub(in crate::store) fn from_item(item: &Item) -> PortResult<HourCounts> {
    let read = ItemReader(item);
    let count = |name: &str| read.maybe_number(name).map(Option::unwrap_or_default);
    let mut counts = HourCounts {
        succeeded: count("succeeded")?,
        failed: count("failed")?,
        dropped: count("dropped")?,
        cancelled: count("cancelled")?,
        ..HourCounts::default()
    };
    for (bucket, found) in counts.durations.iter_mut().enumerate() {
        *found = count(&duration(bucket))?;
    }
    Ok(counts)
}

/// What each webhook of an item missed.
pub(in crate::store) fn missed_from_item(item: &Item) -> PortResult<HashMap<WebhookId, MissedCounts>> {
    let read = ItemReader(item);
    let (_, range) = place(read)?;
    let mut missed: HashMap<WebhookId, MissedCounts> = HashMap::new();
    for name in item.keys() {
        let Some((kind, at)) = name.split_at_checked(1) else { continue };
        let is_skipped = kind.starts_with(SKIPPED);
        let Some(at) = at.parse::<u64>().ok().filter(|_| is_skipped || kind.starts_with(FILTERED)) else { continue };
        let mut sum: u128 = read.number(name)?;
        for webhook in (range * keys::SKIPPED_RANGE + at * PER_NUMBER)..=u64::MAX {
            if sum == 0 {
                break;
            }
            if let Some(count) = u64::try_from(sum % RADIX).ok().filter(|count| *count > 0) {
                let counts = missed.entry(WebhookId(webhook)).or_default();
                *(if is_skipped { &mut counts.skipped } else { &mut counts.filtered }) = count;
            }
            sum /= RADIX;
        }
    }
    Ok(missed)
}

/// The hour of an item, and the id in its key: of its webhook, or of its range.
pub(in crate::store) fn place(read: ItemReader<'_>) -> PortResult<(Hour, u64)> {
    let parts = read.sk().split_once(' ').and_then(|(hour, id)| Some((Hour(hour.parse().ok()?), id.parse().ok()?)));
    parts.ok_or_else(|| corrupt("sk"))
}

fn duration(bucket: usize) -> String {
    format!("d{bucket}")
}
