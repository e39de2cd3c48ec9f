//! Counts of deliveries per hour.

use std::time::Duration;

use hookline_core::ids::{AccountId, WebhookId};
use hookline_core::model::{Hour, HourCounts, HourlyCounts, Outcome};
use hookline_core::ports::CountsScope;
use hookline_core::service::Service;

use super::{at_once, fresh_account};

/// An hour that no clock of a test shows, so that nothing else is counted in it.
const HOUR: Hour = Hour(500_000);

async fn read(service: &Service, account: &AccountId, scope: CountsScope, hours: i64) -> Vec<HourlyCounts> {
    let hours = HOUR..=Hour(HOUR.0 + hours - 1);
    service.counts.counts(account, scope, hours).await.expect("the store works")
}

async fn store(service: &Service) {
    service.counts.store_counts().await.expect("the store works");
}

/// Many count and store at once; each hour has its own sums, and another account sees nothing.
pub async fn counts_add_up_by_hour_whoever_counts(service: &Service) {
    let account = &fresh_account(service).await.id;
    let duration = Some(Duration::from_millis(120));
    let (one, two) = (WebhookId(1), WebhookId(2));
    at_once(20, |number| async move {
        let hour = Hour(HOUR.0 + if number % 2 == 1 { 30 } else { 0 });
        service.counts.count(account, one, hour, Outcome::Succeeded, duration);
        service.counts.count(account, two, hour, Outcome::Failed, duration);
        store(service).await;
        for outcome in [Outcome::Dropped, Outcome::Cancelled, Outcome::Skipped] {
            service.counts.count(account, two, hour, outcome, None);
        }
        store(service).await;
    })
    .await;
    // What another one took out of memory may not be stored yet.
    let all = async || {
        let found = read(service, account, CountsScope::Account, 31).await;
        let complete = found.iter().map(|line| line.counts.skipped).sum::<u64>() == 20;
        complete.then_some(found)
    };
    let total = crate::wait_until::until("all is stored", Duration::from_secs(20), all).await;
    let mut expected = HourCounts { succeeded: 10, ..HourCounts::default() };
    expected.durations[9] = 10;
    let line = |hours, webhook, counts: &HourCounts| HourlyCounts {
        hour: Hour(HOUR.0 + hours),
        webhook,
        counts: counts.clone(),
    };
    let found = read(service, account, CountsScope::Webhook(one), 744).await;
    assert_eq!(found, [line(0, Some(one), &expected), line(30, Some(one), &expected)]);
    let others = HourCounts { succeeded: 0, failed: 10, dropped: 10, cancelled: 10, skipped: 10, ..expected.clone() };
    let found = read(service, account, CountsScope::Webhook(two), 1).await;
    assert_eq!(found, [line(0, Some(two), &others)]);
    expected.add(&others);
    assert_eq!(total, [line(0, None, &expected), line(30, None, &expected)]);
    assert_eq!(read(service, account, CountsScope::Account, 30).await, [line(0, None, &expected)]);
    let other = fresh_account(service).await.id;
    for scope in [CountsScope::Account, CountsScope::MostFailures, CountsScope::Webhook(one)] {
        assert_eq!(read(service, &other, scope, 1).await, []);
    }
    assert_eq!(read(service, account, CountsScope::Webhook(WebhookId(3)), 31).await, []);
}

/// A hundred of each hour, whatever else they did.
pub async fn the_webhooks_with_most_failures_come_first(service: &Service) {
    let account = fresh_account(service).await.id;
    for webhook in (1..=105).map(WebhookId) {
        service.counts.count(&account, webhook, HOUR, Outcome::Succeeded, None);
        let outcome = if webhook.0 % 2 == 0 { Outcome::Failed } else { Outcome::Dropped };
        for _ in 0..webhook.0.saturating_sub(100) {
            service.counts.count(&account, webhook, HOUR, outcome, None);
        }
    }
    let next = Hour(HOUR.0 + 1);
    service.counts.count(&account, WebhookId(7), next, Outcome::Skipped, None);
    store(service).await;
    let found = read(service, &account, CountsScope::MostFailures, 2).await;
    let ids: Vec<u64> = found.iter().filter_map(|line| line.webhook).map(|webhook| webhook.0).collect();
    assert_eq!(ids[..7], [105, 104, 103, 102, 101, 1, 2]);
    assert_eq!((ids.len(), ids[99], ids[100], found[100].hour), (101, 95, 7, next));
    assert_eq!((found[0].counts.dropped, found[1].counts.failed, found[100].counts.skipped), (5, 4, 1));
}

/// Events that a filter kept out, among others that were skipped.
pub async fn filtered_events_are_counted_per_webhook(service: &Service) {
    let account = &fresh_account(service).await.id;
    let all: Vec<WebhookId> = [1, 2, 3, 5, 999, 1000, 4_000_000_000].map(WebhookId).into();
    at_once(10, |_| async {
        service.counts.count_filtered(account, &all, HOUR);
        service.counts.count_filtered(account, &all[1..3], HOUR);
        service.counts.count(account, all[0], HOUR, Outcome::Skipped, None);
        store(service).await;
    })
    .await;
    let stored = async || {
        let found = read(service, account, CountsScope::Account, 1).await;
        let (filtered, skipped) = found.first().map(|line| (line.counts.filtered, line.counts.skipped))?;
        (filtered == 90 && skipped == 10).then_some(found)
    };
    let total = crate::wait_until::until("all is stored", Duration::from_secs(20), stored).await;
    assert_eq!(total[0].counts, HourCounts { filtered: 90, skipped: 10, ..HourCounts::default() });
    for webhook in all {
        let found = read(service, account, CountsScope::Webhook(webhook), 1).await;
        let (filtered, skipped) = match webhook.0 {
            1 => (10, 10),
            2 | 3 => (20, 0),
            _ => (10, 0),
        };
        let expected = HourCounts { filtered, skipped, ..HourCounts::default() };
        assert_eq!(found, [HourlyCounts { hour: HOUR, webhook: Some(webhook), counts: expected }]);
    }
    assert_eq!(read(service, account, CountsScope::Webhook(WebhookId(4)), 1).await, []);
    assert_eq!(read(service, account, CountsScope::MostFailures, 1).await.len(), 7);
}

/// Neighbours and webhooks far apart.
pub async fn counts_of_skipped_messages_do_not_touch_each_other(service: &Service) {
    let account = fresh_account(service).await.id;
    let webhooks: Vec<(WebhookId, u64)> = [1, 2, 3, 4, 5, 998, 999, 1000, 1001, 4_000_000_000]
        .into_iter()
        .zip([3, 1, 2000, 1, 1, 2, 1, 5, 1, 2])
        .map(|(webhook, times)| (WebhookId(webhook), times))
        .collect();
    for _ in 0..2 {
        for (webhook, times) in &webhooks {
            for _ in 0..*times {
                service.counts.count(&account, *webhook, HOUR, Outcome::Skipped, None);
            }
        }
        store(service).await;
    }
    for (webhook, times) in &webhooks {
        let found = read(service, &account, CountsScope::Webhook(*webhook), 1).await;
        assert_eq!(found.iter().map(|line| line.counts.skipped).sum::<u64>(), 2 * times, "{webhook}");
    }
    assert_eq!(read(service, &account, CountsScope::Webhook(WebhookId(6)), 1).await, []);
    let all = read(service, &account, CountsScope::Account, 1).await;
    assert_eq!(all[0].counts.skipped, 2 * webhooks.iter().map(|(_, times)| times).sum::<u64>());
    assert_eq!(read(service, &account, CountsScope::MostFailures, 1).await.len(), webhooks.len());
}
