//! The delivery log, and who works on a retry.

use std::time::Duration;

use hookline_core::ids::{AccountId, WebhookId};
use hookline_core::model::{
    Attempt, Delivery, ErrorClass, Event, Failure, Jwt, Message, Outcome, PolicyName, RequestRecord, ResponseRecord,
    Timings,
};
use hookline_core::ports::{AttemptClaim, DeliveryPage, DeliveryQuery, DeliveryScope};
use hookline_core::service::Service;
use hookline_core::signing::Algorithm;
use hookline_core::values::{Condition, FieldValue, System, TraceParent};
use jiff::Timestamp;

use super::{MINUTE, at_once, event, fresh_account};

/// A stored event of a new account.
async fn stored_event(service: &Service, account: &AccountId, id: &str, accepted_at: Timestamp) -> Event {
    let event = event(account, id, "request.create", accepted_at, "{\"a\":1}");
    service.events.claim_event(&event, accepted_at, accepted_at + MINUTE).await.expect("the store works");
    event
}

/// Run, attempt and outcome of each record of a message.
type Records = &'static [(u64, u8, Outcome)];

/// An attempt to send an event to a webhook.
fn attempt(event: &Event, webhook: u64, number: u8, due_at: Timestamp) -> Attempt {
    let message = Message::new(&event.head, WebhookId(webhook), "hook Ж".to_owned(), None);
    Attempt { number, due_at, ..Attempt::first(message, &event.payload, due_at) }
}

async fn record(service: &Service, delivery: &Delivery) {
    service.deliveries.record(delivery).await.expect("the store works");
}

async fn read(service: &Service, delivery: &Delivery) -> Option<Delivery> {
    let now = service.clock.now();
    service.deliveries.delivery(&delivery.account, delivery.id, now).await.expect("the store works")
}

fn query(scope: DeliveryScope, per_page: u32) -> DeliveryQuery {
    DeliveryQuery {
        scope,
        event: Vec::new(),
        outcome: Vec::new(),
        created_at: Vec::new(),
        older_than: None,
        newer_than: None,
        per_page,
    }
}

async fn page(service: &Service, account: &AccountId, query: &DeliveryQuery) -> DeliveryPage {
    service.deliveries.list_deliveries(account, query, service.clock.now()).await.expect("the store works")
}

/// The others see when its lease ends; after it, one of them wins.
pub async fn of_fifty_claims_of_an_attempt_one_wins(service: &Service) {
    let account = fresh_account(service).await;
    let now = service.clock.now();
    let event = stored_event(service, &account.id, "e", now).await;
    let attempt = attempt(&event, 7, 2, now);
    for round in 0..3 {
        let now = now + MINUTE * round;
        let claim =
            async || service.deliveries.claim_attempt(&attempt, now, now + MINUTE).await.expect("the store works");
        let claims = at_once(50, |_| claim()).await;
        assert_eq!(claims.iter().filter(|claim| **claim == AttemptClaim::Won).count(), 1, "round {round}");
        let busy = AttemptClaim::Busy { until: now + MINUTE };
        assert_eq!(claims.iter().filter(|claim| **claim == busy).count(), 49, "round {round}");
    }
    // Another attempt, run or webhook is claimed by itself.
    for other in [
        Attempt { number: 3, ..attempt.clone() },
        Attempt { run: 5, ..attempt.clone() },
        self::attempt(&event, 8, 2, now),
    ] {
        let claim = service.deliveries.claim_attempt(&other, now, now + MINUTE).await.expect("the store works");
        assert_eq!(claim, AttemptClaim::Won);
    }
}

/// In one step with the record; what is final stays, what waits is replaced.
pub async fn a_final_record_ends_the_claim_and_stays(service: &Service) {
    let account = fresh_account(service).await;
    let now = service.clock.now();
    let event = stored_event(service, &account.id, "e", now).await;
    let attempt = attempt(&event, 7, 2, now);
    service.deliveries.claim_attempt(&attempt, now, now + MINUTE).await.expect("the store works");
    let waiting = Delivery::of_attempt(&attempt, now, Outcome::Waiting);
    record(service, &waiting).await;
    assert_eq!(read(service, &waiting).await, Some(waiting.clone()));
    let failed = Delivery {
        failure: Some(Failure::new(ErrorClass::Timeout, "Timeout")),
        next_attempt_at: Some(now + MINUTE),
        ..Delivery::of_attempt(&attempt, now, Outcome::Failed)
    };
    record(service, &failed).await;
    assert_eq!(read(service, &failed).await, Some(failed.clone()));
    for later in [Outcome::Succeeded, Outcome::Waiting, Outcome::Dropped] {
        record(service, &Delivery::of_attempt(&attempt, now + MINUTE, later)).await;
        assert_eq!(read(service, &failed).await, Some(failed.clone()), "{later:?} comes too late");
    }
    for at in [now, now + MINUTE * 2] {
        let claim = service.deliveries.claim_attempt(&attempt, at, at + MINUTE).await.expect("the store works");
        assert_eq!(claim, AttemptClaim::Final { next_attempt_at: failed.next_attempt_at });
    }
    let records = at_once(20, |number| {
        let attempt = self::attempt(&event, 9, 1, now);
        let outcome = if number % 2 == 0 { Outcome::Succeeded } else { Outcome::Dropped };
        let delivery = Delivery::of_attempt(&attempt, now, outcome);
        async move { record(service, &delivery).await }
    });
    records.await;
    let log = page(service, &account.id, &query(DeliveryScope::Webhook(WebhookId(9)), 10)).await;
    assert_eq!(log.items.len(), 1, "one record of an attempt");
}

/// Every field, absent and as large as may be.
pub async fn a_record_comes_back_whole(service: &Service) {
    let account = fresh_account(service).await;
    let now = service.clock.now();
    let event = stored_event(service, &account.id, "!~\"\\", now).await;
    let attempt = Attempt {
        run: (1 << 62) + 12_345,
        retry_of: Some(attempt(&event, 7, 1, now).delivery_id()),
        redelivery_of: Some(attempt(&event, 7, 3, now).delivery_id()),
        message: Message {
            custom_url: Some("https://example.com/Ж".to_owned()),
            ..Message::new(&event.head, WebhookId(4_294_967_295), "\"Ж\" 🚀".to_owned(), None)
        },
        ..attempt(&event, 7, 10, now)
    };
    let bare = Delivery::of_attempt(&attempt, now, Outcome::Cancelled);
    record(service, &bare).await;
    assert_eq!(read(service, &bare).await, Some(bare));
    let full = Delivery {
        next_attempt_at: Some(now + MINUTE),
        failure: Some(Failure::new(ErrorClass::HttpStatus, "503 Service Unavailable")),
        request: Some(RequestRecord {
            uri: "https://ada:***@example.com/Ж?x".to_owned(),
            header_names: vec!["X-B".to_owned(), "x-a".to_owned()],
            sent_at: now.as_second(),
            jwt: Some(Jwt {
                alg: Algorithm::Es512,
                kid: uuid::Uuid::from_u128(7),
                jti: "0f".repeat(32),
                iss: Some(PolicyName::generate(&System)),
                exp: Some(1),
                aud: Some("Ж\"".to_owned()),
            }),
            trace: TraceParent::parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        }),
        response: Some(ResponseRecord {
            status: 503,
            headers: (0..50).map(|number| (format!("X-{number}"), "x\u{fffd}\"".repeat(30))).collect(),
            body: "\u{1}\"Ж".repeat(256),
        }),
        timings: Some(Timings {
            dns: Some(Duration::from_micros(1)),
            connect: Some(Duration::from_micros(1_234_567)),
            tls: None,
            first_byte: Some(Duration::from_secs(10)),
            total: Duration::from_micros(10_123_456),
            reconnected: true,
        }),
        address: Some("[2001:4860:4860::8888]:443".parse().expect("an address")),
        ..Delivery::of_attempt(
            &Attempt { number: 9, ..attempt.clone() },
            now + Duration::from_millis(3),
            Outcome::Failed,
        )
    };
    record(service, &full).await;
    assert_eq!(read(service, &full).await, Some(full.clone()));
    for outcome in Outcome::ALL {
        let attempt = Attempt { run: 5, number: 1, ..self::attempt(&event, 100 + outcome as u64, 1, now) };
        let delivery = Delivery::of_attempt(&attempt, now, outcome);
        record(service, &delivery).await;
        assert_eq!(read(service, &delivery).await, Some(delivery));
    }
    let other = fresh_account(service).await;
    let foreign = service.deliveries.delivery(&other.id, full.id, now).await.expect("the store works");
    assert_eq!(foreign, None, "another account's id finds nothing");
}

/// By the time in their ids, across all shards, in both directions.
pub async fn logs_are_listed_newest_first_with_cursors(service: &Service) {
    let account = fresh_account(service).await;
    let now = service.clock.now();
    let mut expected = Vec::new();
    for number in 0..25_u32 {
        let at = now - MINUTE * 30 + MINUTE * number;
        let event = stored_event(service, &account.id, &format!("e{number}"), at).await;
        let outcome = if number % 5 == 0 { Outcome::Dropped } else { Outcome::Succeeded };
        let delivery = Delivery::of_attempt(&attempt(&event, 7, 1, at), at, outcome);
        record(service, &delivery).await;
        record(service, &Delivery::of_attempt(&attempt(&event, 8, 1, at), at, Outcome::Succeeded)).await;
        expected.insert(0, delivery.id);
    }
    let ids = |page: &DeliveryPage| page.items.iter().map(|delivery| delivery.id).collect::<Vec<_>>();
    let of_webhook = query(DeliveryScope::Webhook(WebhookId(7)), 4);
    let mut part = page(service, &account.id, &of_webhook).await;
    assert!(part.newer.is_none() && part.older.is_some());
    let mut pages = vec![ids(&part)];
    while part.older.is_some() {
        let older_than = part.items.last().map(|delivery| delivery.id);
        part = page(service, &account.id, &DeliveryQuery { older_than, ..of_webhook.clone() }).await;
        assert!(part.newer.is_some(), "what it came from is newer");
        pages.push(ids(&part));
    }
    assert_eq!(pages.concat(), expected);
    assert!(pages.iter().rev().skip(1).all(|page| page.len() == 4), "every page but the last is full");
    while part.newer.is_some() {
        pages.pop();
        let newer_than = part.items.first().map(|delivery| delivery.id);
        part = page(service, &account.id, &DeliveryQuery { newer_than, ..of_webhook.clone() }).await;
        assert_eq!(Some(&ids(&part)), pages.last());
        assert!(part.older.is_some());
    }
    assert_eq!(pages.len(), 1);
    let unsuccessful = page(service, &account.id, &query(DeliveryScope::Unsuccessful, 100)).await;
    let dropped: Vec<_> = expected.iter().copied().rev().step_by(5).collect();
    assert_eq!(ids(&unsuccessful).into_iter().rev().collect::<Vec<_>>(), dropped);
    assert!(page(service, &fresh_account(service).await.id, &of_webhook).await.items.is_empty());
}

/// By event, outcome and time; and everything about one event or message.
pub async fn logs_are_filtered(service: &Service) {
    let account = fresh_account(service).await;
    let now = service.clock.now();
    let mut deliveries = Vec::new();
    for (number, name) in ["request.create", "risk.create", "request.create"].into_iter().enumerate() {
        let at = now - MINUTE * 10 + MINUTE * u32::try_from(number).expect("small");
        let event = event(&account.id, &format!("e{number}"), name, at, "{}");
        service.events.claim_event(&event, at, at + MINUTE).await.expect("the store works");
        for (attempt_number, outcome) in [(1, Outcome::Failed), (2, Outcome::Succeeded)] {
            let attempt = attempt(&event, 7, attempt_number, at + Duration::from_secs(u64::from(attempt_number)));
            let delivery = Delivery::of_attempt(&attempt, attempt.due_at, outcome);
            record(service, &delivery).await;
            deliveries.push(delivery);
        }
    }
    let text = |text: &str| FieldValue::Text(text.to_owned());
    let of_webhook = || query(DeliveryScope::Webhook(WebhookId(7)), 100);
    let one = |value: FieldValue| vec![Condition::OneOf(vec![value])];
    let cases = [
        (of_webhook(), vec![5, 4, 3, 2, 1, 0]),
        (DeliveryQuery { event: one(text("risk.create")), ..of_webhook() }, vec![3, 2]),
        (DeliveryQuery { event: vec![Condition::NoneOf(vec![text("risk.create")])], ..of_webhook() }, vec![5, 4, 1, 0]),
        (DeliveryQuery { outcome: one(text("failed")), ..of_webhook() }, vec![4, 2, 0]),
        (DeliveryQuery { outcome: one(text("nonsense")), ..of_webhook() }, vec![]),
        (DeliveryQuery { outcome: vec![Condition::NoneOf(vec![text("failed")])], ..of_webhook() }, vec![5, 3, 1]),
        (
            DeliveryQuery { outcome: one(text("failed")), event: one(text("request.create")), ..of_webhook() },
            vec![4, 0],
        ),
        (
            DeliveryQuery {
                created_at: vec![Condition::Between {
                    lower: Some((FieldValue::Time(deliveries[2].created_at), true)),
                    upper: None,
                }],
                ..of_webhook()
            },
            vec![5, 4, 3, 2],
        ),
        (query(DeliveryScope::Event(deliveries[2].event_id.clone()), 100), vec![3, 2]),
        (query(DeliveryScope::Message(deliveries[4].message.clone()), 100), vec![5, 4]),
        (query(DeliveryScope::Unsuccessful, 100), vec![4, 2, 0]),
    ];
    for (asked, expected) in cases {
        let found = page(service, &account.id, &asked).await;
        let expected: Vec<_> = expected.iter().map(|at: &usize| deliveries[*at].id).collect();
        let found: Vec<_> = found.items.iter().map(|delivery| delivery.id).collect();
        assert_eq!(found, expected, "{asked:?}");
    }
}

/// Older pages stay as they are.
pub async fn a_page_is_stable_while_newer_records_come(service: &Service) {
    let account = fresh_account(service).await;
    let now = service.clock.now();
    let event = stored_event(service, &account.id, "e", now - MINUTE * 60).await;
    let write = async |webhook: u64, run: u64, at: Timestamp| {
        let attempt = Attempt { run, ..attempt(&event, webhook, 1, at) };
        record(service, &Delivery::of_attempt(&attempt, at, Outcome::Dropped)).await;
        attempt.delivery_id()
    };
    let mut lasting = Vec::new();
    for number in 0..12_u32 {
        lasting.insert(0, write(7, u64::from(number), now - MINUTE * 50 + MINUTE * number).await);
    }
    for scope in [DeliveryScope::Webhook(WebhookId(7)), DeliveryScope::Unsuccessful] {
        let asked = query(scope, 5);
        let mut part = page(service, &account.id, &asked).await;
        let mut seen: Vec<_> = part.items.iter().map(|delivery| delivery.id).collect();
        let mut round = 100;
        while part.older.is_some() {
            round += 1;
            write(7, round, now - MINUTE * 20).await;
            let older_than = part.items.last().map(|delivery| delivery.id);
            part = page(service, &account.id, &DeliveryQuery { older_than, ..asked.clone() }).await;
            seen.extend(part.items.iter().map(|delivery| delivery.id));
        }
        seen.retain(|id| lasting.contains(id));
        assert_eq!(seen, lasting);
    }
}

/// The newest of each message, and success before all.
pub async fn outcomes_of_an_event(service: &Service) {
    let account = fresh_account(service).await;
    let now = service.clock.now();
    let event = stored_event(service, &account.id, "e", now).await;
    let other = stored_event(service, &account.id, "other", now).await;
    record(service, &Delivery::of_attempt(&attempt(&other, 1, 1, now), now, Outcome::Dropped)).await;
    let runs: [(u64, Records, Outcome); 5] = [
        (1, &[(0, 1, Outcome::Failed)], Outcome::Failed),
        (2, &[(0, 1, Outcome::Failed), (0, 2, Outcome::Dropped)], Outcome::Dropped),
        (3, &[(0, 1, Outcome::Succeeded), (9, 1, Outcome::Failed)], Outcome::Succeeded),
        (4, &[(0, 10, Outcome::Dropped), (9, 1, Outcome::Waiting)], Outcome::Waiting),
        (5, &[(0, 1, Outcome::Cancelled), (9, 1, Outcome::Succeeded)], Outcome::Succeeded),
    ];
    let mut expected = Vec::new();
    for (webhook, records, outcome) in runs {
        for (run, number, outcome) in records {
            let attempt = Attempt { run: *run, ..attempt(&event, webhook, *number, now) };
            record(service, &Delivery::of_attempt(&attempt, now, *outcome)).await;
        }
        expected.push((attempt(&event, webhook, 1, now).message.id, outcome));
    }
    let matched = runs.map(|(webhook, ..)| WebhookId(webhook));
    service.events.event_done(&event, &matched).await.expect("the store works");
    let mut found =
        service.deliveries.outcomes_of_event(&account.id, &event.head.id, now).await.expect("the store works");
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    expected.sort_by(|(one, _), (other, _)| one.cmp(other));
    assert_eq!(found, expected);
}

/// And never longer than its event.
pub async fn a_record_is_kept_for_its_time(service: &Service) {
    let account = fresh_account(service).await;
    let (deliveries_kept, events_kept) = (service.settings.deliveries_kept, service.settings.events_kept);
    let now = service.clock.now();
    // An event and its record of now, and a record of today about an event that is nearly over.
    let event = stored_event(service, &account.id, "new", now).await;
    let fresh = Delivery::of_attempt(&attempt(&event, 7, 1, now), now, Outcome::Succeeded);
    let old_event = stored_event(service, &account.id, "old", now - events_kept + MINUTE).await;
    let late = Delivery::of_attempt(&Attempt { run: 9, ..attempt(&old_event, 7, 1, now) }, now, Outcome::Succeeded);
    record(service, &fresh).await;
    record(service, &late).await;
    let at = async |delivery: &Delivery, at: Timestamp| {
        let one = service.deliveries.delivery(&account.id, delivery.id, at).await.expect("the store works").is_some();
        let asked = query(DeliveryScope::Webhook(WebhookId(7)), 100);
        let log = service.deliveries.list_deliveries(&account.id, &asked, at).await.expect("the store works");
        assert_eq!(one, log.items.iter().any(|listed| listed.id == delivery.id));
        one
    };
    assert!(at(&fresh, now).await && at(&late, now).await);
    assert!(!at(&late, now + MINUTE * 2).await, "its event is over");
    assert!(at(&fresh, now + deliveries_kept - MINUTE).await);
    assert!(!at(&fresh, now + deliveries_kept + MINUTE).await);
}
