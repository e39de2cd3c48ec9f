//! Skipped messages: chunks of webhooks, and the records that follow from them.

use hookline_core::ids::{AccountId, DeliveryId, WebhookId};
use hookline_core::model::skipped::{MAX_CHUNKS_READ, entries};
use hookline_core::model::{
    Attempt, Delivery, Event, EventName, Message, Outcome, SkipReason, SkippedChunk, SkippedEntry, SkippedWebhook,
};
use hookline_core::ports::{DeliveryQuery, DeliveryScope, RedeliveryQuery};
use hookline_core::service::Service;
use hookline_core::values::{Condition, FieldValue};
use jiff::Timestamp;

use super::{MINUTE, at_once, event, fresh_account};

/// An event that these webhooks missed, and the records of that.
async fn missed(
    service: &Service,
    account: &AccountId,
    id: &str,
    at: Timestamp,
    webhooks: impl IntoIterator<Item = u64>,
) -> (Event, Vec<Delivery>) {
    let event = event(account, id, "request.create", at, "{}");
    service.events.claim_event(&event, at, at + MINUTE).await.expect("the store works");
    let webhook = |id| SkippedWebhook {
        id: WebhookId(id),
        reason: SkipReason::DisabledByAdministrator,
        name: format!("Webhook {id}"),
    };
    let webhooks = webhooks.into_iter().map(webhook).collect();
    let chunks = SkippedChunk::all(&event.head, Some("https://custom.example"), webhooks);
    service.deliveries.record_skipped(&chunks).await.expect("the store works");
    let records = entries(&chunks, None, &(0..=u128::MAX)).iter().map(SkippedEntry::record).collect();
    (event, records)
}

/// The record of an attempt to send an event to a webhook.
async fn record(service: &Service, event: &Event, webhook: u64, run: u64, at: Timestamp, outcome: Outcome) -> Delivery {
    let message = Message::new(&event.head, WebhookId(webhook), "w".to_owned(), None);
    let attempt = Attempt { run, due_at: at, ..Attempt::first(message, &event.payload, at) };
    let record = Delivery::of_attempt(&attempt, at, outcome);
    service.deliveries.record(&record).await.expect("the store works");
    record
}

fn query(scope: DeliveryScope, outcomes: &[Outcome], per_page: u32) -> DeliveryQuery {
    let outcomes: Vec<_> = outcomes.iter().map(|outcome| FieldValue::Text(outcome.as_str().to_owned())).collect();
    DeliveryQuery {
        scope,
        event: Vec::new(),
        outcome: if outcomes.is_empty() { Vec::new() } else { vec![Condition::OneOf(outcomes)] },
        created_at: Vec::new(),
        older_than: None,
        newer_than: None,
        per_page,
    }
}

/// All ids of a list: the pages forwards; the pages back must be the same.
async fn all(service: &Service, account: &AccountId, asked: &DeliveryQuery) -> Vec<DeliveryId> {
    let now = service.clock.now();
    let mut pages = Vec::new();
    let mut asked = asked.clone();
    loop {
        let page = service.deliveries.list_deliveries(account, &asked, now).await.expect("the store works");
        assert!(page.items.len() <= asked.per_page as usize);
        assert_eq!(page.newer.is_some(), asked.older_than.is_some());
        let older = page.older;
        pages.push(page);
        match older {
            Some(older) => asked.older_than = Some(older),
            None => break,
        }
    }
    for at in (1..pages.len()).rev() {
        let back = DeliveryQuery { older_than: None, newer_than: pages[at].newer, ..asked.clone() };
        let page = service.deliveries.list_deliveries(account, &back, now).await.expect("the store works");
        assert_eq!(page.items, pages[at - 1].items, "the page before page {at}");
    }
    pages.into_iter().flat_map(|page| page.items).map(|record| record.id).collect()
}

/// All at once, and again after a crash.
pub async fn skipped_messages_are_recorded_together(service: &Service) {
    let account = fresh_account(service).await.id;
    let now = service.clock.now();
    let (event, records) = missed(service, &account, "e", now, 1..=60).await;
    missed(service, &account, "e", now, 1..=60).await;
    let read = async |account: &AccountId, id, at| {
        service.deliveries.delivery(account, id, at).await.expect("the store works")
    };
    for record in [&records[0], &records[59]] {
        assert_eq!(read(&account, record.id, now).await.as_ref(), Some(record));
        assert_eq!(read(&account, record.id, now + service.settings.deliveries_kept + MINUTE).await, None, "expired");
    }
    let other = fresh_account(service).await.id;
    assert_eq!(read(&other, records[0].id, now).await, None);
    let mut expected: Vec<_> = records.iter().map(|record| record.id).collect();
    expected.reverse();
    for scope in [DeliveryScope::Event(event.head.id.clone()), DeliveryScope::Unsuccessful] {
        assert_eq!(all(service, &account, &query(scope, &[], 7)).await, expected);
    }
    let of_message = || query(DeliveryScope::Message(records[7].message.clone()), &[], 7);
    assert_eq!(all(service, &account, &of_message()).await, [records[7].id]);
    // A message that was skipped is found as well once it has been sent.
    let sent = record(service, &event, 8, 5, now, Outcome::Succeeded).await;
    assert_eq!(sent.message, records[7].message);
    let mut found = all(service, &account, &of_message()).await;
    found.sort_unstable();
    let mut both = [records[7].id, sent.id];
    both.sort_unstable();
    assert_eq!(found, both);
    service.events.event_done(&event, &[WebhookId(3)]).await.expect("the store works");
    // The webhook was enabled, and the fan-out repeated.
    record(service, &event, 3, 0, now, Outcome::Succeeded).await;
    let found = service.deliveries.outcomes_of_event(&account, &event.head.id, now).await.expect("the store works");
    let webhooks: Vec<u64> = found.iter().map(|(message, _)| message.webhook().0).collect();
    assert_eq!(webhooks, (1..=60).collect::<Vec<_>>());
    for (message, outcome) in found {
        let expected = if [3, 8].contains(&message.webhook().0) { Outcome::Succeeded } else { Outcome::Skipped };
        assert_eq!(outcome, expected, "{message}");
    }
}

/// In the order of ids, in both directions, with cursors in the middle of a chunk, and filtered.
pub async fn skipped_messages_are_listed_among_the_others(service: &Service) {
    let account = fresh_account(service).await.id;
    let now = service.clock.now();
    let mut records = Vec::new();
    for number in 0..6_u32 {
        // Two events at each time, as published together.
        let at = now - MINUTE * 10 + MINUTE * (number / 2);
        let webhooks = (1..=9).map(|webhook| webhook + u64::from(number));
        let (event, skipped) = missed(service, &account, &format!("e{number}"), at, webhooks).await;
        records.extend(skipped);
        for (webhook, outcome) in [(30, Outcome::Dropped), (31, Outcome::Succeeded)] {
            records.push(record(service, &event, webhook, 0, at, outcome).await);
        }
        service.events.event_done(&event, &[WebhookId(30), WebhookId(31)]).await.expect("the store works");
        // A skipped message that was redelivered in vain.
        records.push(record(service, &event, 9, 77, at + MINUTE, Outcome::Dropped).await);
    }
    records.sort_by_key(|record| std::cmp::Reverse(record.id));
    let expected = |of: &dyn Fn(&Delivery) -> bool| {
        records.iter().filter(|record| of(record)).map(|record| record.id).collect::<Vec<_>>()
    };
    let webhook = DeliveryScope::Webhook(WebhookId(9));
    let event_id = records[0].event_id.clone();
    let since = vec![Condition::Between { lower: Some((FieldValue::Time(now - MINUTE * 9), true)), upper: None }];
    for per_page in [1, 4, 100] {
        for (asked, wanted) in [
            (query(DeliveryScope::Unsuccessful, &[], per_page), expected(&|r| r.outcome != Outcome::Succeeded)),
            (query(DeliveryScope::Event(event_id.clone()), &[], per_page), expected(&|r| r.event_id == event_id)),
            (query(webhook.clone(), &[], per_page), expected(&|r| r.webhook.0 == 9)),
            (
                query(webhook.clone(), &[Outcome::Skipped], per_page),
                expected(&|r| r.webhook.0 == 9 && r.outcome == Outcome::Skipped),
            ),
            (
                query(webhook.clone(), &[Outcome::Dropped], per_page),
                expected(&|r| r.webhook.0 == 9 && r.outcome == Outcome::Dropped),
            ),
            (query(webhook.clone(), &[Outcome::Dropped, Outcome::Skipped], per_page), expected(&|r| r.webhook.0 == 9)),
            (
                DeliveryQuery { created_at: since.clone(), ..query(DeliveryScope::Unsuccessful, &[], per_page) },
                expected(&|r| r.outcome != Outcome::Succeeded && r.created_at >= now - MINUTE * 9),
            ),
        ] {
            assert_eq!(all(service, &account, &asked).await, wanted, "{asked:?}");
        }
    }
    let other = Condition::OneOf(vec![FieldValue::Text("risk.create".to_owned())]);
    let asked = DeliveryQuery { event: vec![other], ..query(DeliveryScope::Unsuccessful, &[], 100) };
    assert_eq!(all(service, &account, &asked).await, []);
}

fn missing(webhook: u64, now: Timestamp) -> RedeliveryQuery {
    RedeliveryQuery {
        webhook: WebhookId(webhook),
        outcomes: Outcome::REDELIVERABLE.to_vec(),
        event: None,
        since: None,
        before: now,
        accepted_from: now - MINUTE * 60,
        but_run: 99,
        after: None,
        most: 2,
        now,
    }
}

/// A message that was skipped is sent again once, unless it has succeeded since or is being sent.
pub async fn skipped_messages_can_be_sent_again(service: &Service) {
    let account = fresh_account(service).await.id;
    let now = service.clock.now();
    let mut expected = Vec::new();
    let cases: [(&[(u64, Outcome)], bool); 7] = [
        (&[], true),
        (&[(5, Outcome::Dropped)], true),
        (&[(0, Outcome::Dropped)], true),
        (&[(5, Outcome::Succeeded)], false),
        (&[(5, Outcome::Waiting)], false),
        (&[(0, Outcome::Failed)], false),
        (&[(99, Outcome::Succeeded)], true),
    ];
    for (number, (records, is_found)) in (0_u32..).zip(cases) {
        let at = now - MINUTE * 30 + MINUTE * number;
        let (event, skipped) = missed(service, &account, &format!("e{number}"), at, [6, 7, 8]).await;
        for (run, outcome) in records {
            record(service, &event, 7, *run, at, *outcome).await;
        }
        if is_found {
            expected.push(skipped[1].id);
        }
    }
    let found = async |mut query: RedeliveryQuery| {
        let mut found = Vec::new();
        loop {
            let page = service.redeliveries.redeliverable(&account, &query).await.expect("the store works");
            found.extend(page.items.iter().map(|record| record.id));
            match page.next {
                Some(next) => query.after = Some(next),
                None => return found,
            }
        }
    };
    assert_eq!(found(missing(7, now)).await, expected);
    let only = RedeliveryQuery { outcomes: vec![Outcome::Skipped], ..missing(7, now) };
    assert_eq!(found(only).await, expected);
    let none = RedeliveryQuery { outcomes: vec![Outcome::Cancelled], ..missing(7, now) };
    assert_eq!(found(none).await, []);
    let of = |name| RedeliveryQuery { event: EventName::builtin(name), ..missing(7, now) };
    assert_eq!(found(of("request.create")).await, expected);
    assert_eq!(found(of("risk.create")).await, []);
    let since = RedeliveryQuery { since: Some(now - MINUTE * 29), ..missing(7, now) };
    assert_eq!(found(since).await, expected[1..]);
    assert_eq!(found(missing(9, now)).await, []);
    let counted = service.redeliveries.count_redeliverable(&account, &missing(7, now), 3).await;
    assert_eq!(counted.expect("the store works"), 3);
    let counted = service.redeliveries.count_redeliverable(&account, &missing(7, now), 100).await;
    assert_eq!(counted.expect("the store works"), expected.len() as u64);
}

/// How many events are written at once.
const AT_ONCE: usize = 16;

/// A page of a webhook that missed little in an account that missed much is found, in bounded steps.
pub async fn a_search_for_skipped_messages_ends_and_goes_on(service: &Service) {
    let account = fresh_account(service).await.id;
    let now = service.clock.now();
    let (_, oldest) = missed(service, &account, "oldest", now - MINUTE * 50, [7]).await;
    let many = MAX_CHUNKS_READ + MAX_CHUNKS_READ / 4;
    for begin in (0..many).step_by(AT_ONCE) {
        at_once(AT_ONCE.min(many - begin), |number| {
            let (account, number) = (&account, u32::try_from(begin + number).expect("small"));
            async move {
                let at = now - MINUTE * 40 + std::time::Duration::from_millis(u64::from(number));
                missed(service, account, &format!("e{number}"), at, [8]).await;
            }
        })
        .await;
    }
    let asked = query(DeliveryScope::Webhook(WebhookId(7)), &[Outcome::Skipped], 10);
    let page = service.deliveries.list_deliveries(&account, &asked, now).await.expect("the store works");
    assert_eq!(page.items, []);
    assert!(page.older.is_some(), "the search goes on");
    let asked = DeliveryQuery { older_than: page.older, ..asked };
    let page = service.deliveries.list_deliveries(&account, &asked, now).await.expect("the store works");
    assert_eq!((page.items, page.older), (oldest, None));
    let query = RedeliveryQuery { most: 10, ..missing(8, now) };
    let counted = service.redeliveries.count_redeliverable(&account, &query, 10_000).await.expect("the store works");
    assert_eq!(counted, many as u64);
}
