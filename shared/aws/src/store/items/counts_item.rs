//! The items of counts (section 12): one per webhook and hour for its deliveries, and one per thousand webhooks and hour
//! for what they missed.
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

/// Adds to the item of a webhook. `None` if there is nothing but what the webhook missed.
pub(in crate::store) fn add(account: &AccountId, hour: Hour, webhook: WebhookId, counts: &HourCounts) -> Option<Write> {
    let HourCounts { succeeded, failed, dropped, cancelled, skipped: _, durations } = counts;
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
pub(in crate::store) fn add_skipped(account: &AccountId, hour: Hour, skipped: &[(WebhookId, u64)]) -> Option<Write> {
    let mut numbers: BTreeMap<u64, u128> = BTreeMap::new();
    for (webhook, count) in skipped {
        let place = webhook.0 % keys::SKIPPED_RANGE;
        let digits = RADIX.pow(u32::try_from(place % PER_NUMBER).unwrap_or_default());
        *numbers.entry(place / PER_NUMBER).or_default() += u128::from(*count) * digits;
    }
    let key = keys::skipped(account, hour, skipped.first()?.0);
    Some(increment(key, hour, numbers.into_iter().map(|(at, sum)| (format!("s{at}"), sum))))
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
pub(in crate::store) fn skipped_from_item(item: &Item) -> PortResult<HashMap<WebhookId, u64>> {
    let read = ItemReader(item);
    let (_, range) = place(read)?;
    let mut skipped = HashMap::new();
    for name in item.keys() {
        let Some(at) = name.strip_prefix('s').and_then(|at| at.parse::<u64>().ok()) else { continue };
        let mut sum: u128 = read.number(name)?;
        for webhook in (range * keys::SKIPPED_RANGE + at * PER_NUMBER)..=u64::MAX {
            if sum == 0 {
                break;
            }
            if let Some(count) = u64::try_from(sum % RADIX).ok().filter(|count| *count > 0) {
                skipped.insert(WebhookId(webhook), count);
            }
            sum /= RADIX;
        }
    }
    Ok(skipped)
}

/// The hour of an item, and the id in its key: of its webhook, or of its range.
pub(in crate::store) fn place(read: ItemReader<'_>) -> PortResult<(Hour, u64)> {
    let parts = read.sk().split_once(' ').and_then(|(hour, id)| Some((Hour(hour.parse().ok()?), id.parse().ok()?)));
    parts.ok_or_else(|| corrupt("sk"))
}

fn duration(bucket: usize) -> String {
    format!("d{bucket}")
}
