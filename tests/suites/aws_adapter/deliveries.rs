//! The delivery log: found by id, by webhook, by event and message, and as the account's troubles.

use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::join_all;
use hookline_core::ids::{DeliveryId, WebhookId};
use hookline_core::model::skipped::entries;
use hookline_core::model::{
    Attempt, Delivery, ErrorClass, Failure, Message, MessageKind, Outcome, SkipReason, SkippedChunk, SkippedWebhook,
};
use hookline_core::ports::{AttemptClaim, Deliveries as _, DeliveryQuery, DeliveryScope, Events as _};
use hookline_core::values::{Condition, FieldValue};
use hookline_tests::local_aws::fault_proxy::FaultProxy;
use uuid::Uuid;

use crate::fixture::{StoreFixture, at, event, first, id};

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

fn record(attempt: &Attempt, outcome: Outcome) -> Delivery {
    let failure = (outcome != Outcome::Succeeded).then(|| Failure::new(ErrorClass::Timeout, "Timeout"));
    Delivery { failure, ..Delivery::of_attempt(attempt, attempt.due_at, outcome) }
}

fn retry(of: &Attempt, number: u8, seconds: i64) -> Attempt {
    Attempt { number, due_at: at(seconds), retry_of: Some(of.delivery_id()), ..of.clone() }
}

#[tokio::test]
async fn a_retry_is_claimed_once_and_final_with_its_record() {
    let fixture = StoreFixture::new().await;
    let attempt = retry(&first(&event("a", "e", 0), WebhookId(1)), 2, 15);
    let claim =
        async |seconds: i64| fixture.table.claim_attempt(&attempt, at(seconds), at(seconds + 60)).await.unwrap();
    let claims = join_all((0..20).map(|_| claim(15))).await;
    assert_eq!(claims.iter().filter(|claim| **claim == AttemptClaim::Won).count(), 1);
    assert_eq!(claim(74).await, AttemptClaim::Busy { until: at(75) });
    assert_eq!(claim(75).await, AttemptClaim::Won, "the lease is over");
    let failed = record(&attempt, Outcome::Failed);
    fixture.table.record(&failed).await.unwrap();
    assert_eq!(claim(100_000).await, AttemptClaim::Final { next_attempt_at: None });
    fixture.table.record(&record(&attempt, Outcome::Succeeded)).await.unwrap();
    assert_eq!(fixture.table.delivery(&id("a"), failed.id, at(20)).await.unwrap(), Some(failed.clone()));
    assert_eq!(fixture.table.delivery(&id("b"), failed.id, at(20)).await.unwrap(), None);
    assert_eq!(fixture.table.delivery(&id("a"), failed.id, at(31 * 86_400)).await.unwrap(), None, "its time is over");
    // One that was never claimed: its record ends it all the same.
    let cancelled = retry(&attempt, 3, 90);
    fixture.table.record(&record(&cancelled, Outcome::Cancelled)).await.unwrap();
    let late = fixture.table.claim_attempt(&cancelled, at(91), at(151)).await.unwrap();
    assert_eq!(late, AttemptClaim::Final { next_attempt_at: None });
}

#[tokio::test]
async fn a_first_success_is_one_write() {
    let fixture = StoreFixture::new().await;
    let before = fixture.size().await;
    fixture.table.record(&record(&first(&event("a", "e", 0), WebhookId(1)), Outcome::Succeeded)).await.unwrap();
    assert_eq!(fixture.size().await, before + 1);
}

/// A page of a filtered list ends after it has read 5,000 records, with a cursor to go on.
#[tokio::test]
async fn a_search_among_many_successes_ends_after_a_while() {
    let fixture = StoreFixture::new().await;
    let success = record(&first(&event("a", "e", 0), WebhookId(1)), Outcome::Succeeded);
    fixture.table.record(&success).await.unwrap();
    let rare = record(&first(&event("a", "rare", -3600), WebhookId(1)), Outcome::Waiting);
    fixture.table.record(&rare).await.unwrap();
    let ids = (1..=6000).map(|number| Uuid::from_u128(success.id.uuid().as_u128() + number).to_string());
    fixture.copies("sk", &success.id.to_string(), ids.map(AttributeValue::S)).await;
    let waiting = Condition::OneOf(vec![FieldValue::Text("waiting".to_owned())]);
    let mut query = DeliveryQuery { outcome: vec![waiting], ..query(DeliveryScope::Webhook(WebhookId(1)), 20) };
    let page = fixture.table.list_deliveries(&id("a"), &query, at(60)).await.unwrap();
    assert!(page.items.is_empty() && page.older.is_some(), "{page:?}");
    query.older_than = page.older;
    let page = fixture.table.list_deliveries(&id("a"), &query, at(60)).await.unwrap();
    assert_eq!((page.items, page.older), (vec![rare], None));
}

fn skipped(id: u64, name: &str) -> SkippedWebhook {
    SkippedWebhook { id: WebhookId(id), reason: SkipReason::DisabledByService, name: name.to_owned() }
}

#[tokio::test]
async fn an_event_that_ten_thousand_webhooks_miss_is_ten_small_writes() {
    let fixture = StoreFixture::new().await;
    let before = fixture.size().await;
    let webhooks = (1..=10_000).map(|id| skipped(id, "request.create")).collect();
    let chunks = SkippedChunk::all(&event("a", "e", 0).head, None, webhooks);
    let proxy = FaultProxy::start(|_| None).await;
    fixture.behind(&proxy.url()).record_skipped(&chunks).await.unwrap();
    assert_eq!(fixture.size().await, before + 10);
    assert_eq!(proxy.calls(), 1, "in one call");
    assert!(chunks.iter().all(|chunk| SkippedChunk::encode_webhooks(&chunk.webhooks, &chunk.event).len() < 3072));
}

#[tokio::test]
async fn a_waiting_record_becomes_final_and_stays_so() {
    let fixture = StoreFixture::new().await;
    let again = Attempt { run: 77, due_at: at(50), ..first(&event("a", "e", 0), WebhookId(1)) };
    let outcome =
        async || fixture.table.delivery(&id("a"), again.delivery_id(), at(60)).await.unwrap().unwrap().outcome;
    fixture.table.record(&record(&again, Outcome::Waiting)).await.unwrap();
    assert_eq!(outcome().await, Outcome::Waiting);
    fixture.table.record(&record(&again, Outcome::Dropped)).await.unwrap();
    fixture.table.record(&record(&again, Outcome::Waiting)).await.unwrap();
    fixture.table.record(&record(&again, Outcome::Succeeded)).await.unwrap();
    assert_eq!(outcome().await, Outcome::Dropped);
}

/// Records of two webhooks over three days, oldest first.
async fn log(fixture: &StoreFixture) -> Vec<Delivery> {
    let mut records = Vec::new();
    for number in 0..40_i64 {
        let happened = event("a", &format!("e{number}"), number * 6000);
        let outcome = [Outcome::Succeeded, Outcome::Succeeded, Outcome::Dropped, Outcome::Failed]
            [usize::try_from(number % 4).unwrap()];
        for webhook in [1, 2] {
            records.push(record(&first(&happened, WebhookId(webhook)), outcome));
        }
    }
    join_all(records.iter().map(|record| fixture.table.record(record))).await;
    records.sort_by_key(|record| record.id);
    records
}

#[tokio::test]
async fn pages_go_both_ways_through_all_shards_and_days() {
    let fixture = StoreFixture::new().await;
    let now = at(250_000);
    let all = log(&fixture).await;
    for scope in [DeliveryScope::Webhook(WebhookId(1)), DeliveryScope::Unsuccessful] {
        let belongs = |record: &&Delivery| match scope {
            DeliveryScope::Webhook(webhook) => record.webhook == webhook,
            _ => record.outcome != Outcome::Succeeded,
        };
        let expected: Vec<DeliveryId> = all.iter().filter(belongs).rev().map(|record| record.id).collect();
        let (mut seen, mut cursor) = (Vec::new(), None);
        loop {
            let query = DeliveryQuery { older_than: cursor, ..query(scope.clone(), 7) };
            let page = fixture.table.list_deliveries(&id("a"), &query, now).await.unwrap();
            assert_eq!(page.newer.is_some(), cursor.is_some());
            seen.extend(page.items.iter().map(|record| record.id));
            cursor = seen.last().copied();
            if page.older.is_none() {
                break;
            }
        }
        assert_eq!(seen, expected);
        let back = DeliveryQuery { newer_than: seen.get(9).copied(), ..query(scope.clone(), 4) };
        let page = fixture.table.list_deliveries(&id("a"), &back, now).await.unwrap();
        assert_eq!(page.items.iter().map(|record| record.id).collect::<Vec<_>>(), expected[5..9]);
        assert!(page.newer.is_some() && page.older.is_some());
    }
    let none = fixture.table.list_deliveries(&id("b"), &query(DeliveryScope::Unsuccessful, 9), now).await.unwrap();
    assert!(none.items.is_empty() && none.older.is_none() && none.newer.is_none());
}

#[tokio::test]
async fn conditions_are_met_whichever_way_the_records_are_found() {
    let fixture = StoreFixture::new().await;
    let now = at(250_000);
    let all = log(&fixture).await;
    let dropped = vec![Condition::OneOf(vec![FieldValue::Text("dropped".to_owned())])];
    let since = vec![Condition::Between { lower: Some((FieldValue::Time(at(100_000)), true)), upper: None }];
    let mut asked = query(DeliveryScope::Webhook(WebhookId(2)), 100);
    let found = async |query: &DeliveryQuery| {
        let page = fixture.table.list_deliveries(&id("a"), query, now).await.unwrap();
        page.items.into_iter().map(|record| record.id).collect::<Vec<_>>()
    };
    let expected = |test: &dyn Fn(&Delivery) -> bool| {
        all.iter().rev().filter(|record| test(record)).map(|record| record.id).collect::<Vec<_>>()
    };
    asked.created_at = since;
    assert_eq!(found(&asked).await, expected(&|r| r.webhook.0 == 2 && r.created_at >= at(100_000)));
    asked.outcome = dropped;
    let both = |r: &Delivery| r.webhook.0 == 2 && r.created_at >= at(100_000) && r.outcome == Outcome::Dropped;
    assert_eq!(found(&asked).await, expected(&both));
    asked.scope = DeliveryScope::Unsuccessful;
    assert_eq!(found(&asked).await, expected(&|r| r.created_at >= at(100_000) && r.outcome == Outcome::Dropped));
    asked.event = vec![Condition::NoneOf(vec![FieldValue::Text("request.create".to_owned())])];
    assert_eq!(found(&asked).await, []);
}

#[tokio::test]
async fn everything_about_an_event_or_a_message_is_found_by_its_key() {
    let fixture = StoreFixture::new().await;
    let happened = event("a", "e", 0);
    fixture.table.claim_event(&happened, at(0), at(60)).await.unwrap();
    let (one, two) = (first(&happened, WebhookId(1)), first(&happened, WebhookId(2)));
    let second = retry(&one, 2, 15);
    let again = Attempt { run: 5000, due_at: at(90), redelivery_of: Some(second.delivery_id()), ..one.clone() };
    let chunks = SkippedChunk::all(&happened.head, None, vec![skipped(3, "n")]);
    fixture.table.record_skipped(&chunks).await.unwrap();
    let skipped = entries(&chunks, None, &(0..=u128::MAX)).remove(0).record();
    for (attempt, outcome) in
        [(&one, Outcome::Failed), (&second, Outcome::Dropped), (&two, Outcome::Succeeded), (&again, Outcome::Waiting)]
    {
        fixture.table.record(&record(attempt, outcome)).await.unwrap();
    }
    fixture.table.event_done(&happened, &[WebhookId(1), WebhookId(2)]).await.unwrap();
    let found = async |scope: DeliveryScope| {
        let page = fixture.table.list_deliveries(&id("a"), &query(scope, 100), at(100)).await.unwrap();
        page.items.into_iter().map(|record| record.id).collect::<Vec<_>>()
    };
    let ids = |attempts: &[&Attempt]| {
        let mut ids: Vec<DeliveryId> = attempts.iter().map(|attempt| attempt.delivery_id()).collect();
        ids.sort_by_key(|id| std::cmp::Reverse(*id));
        ids
    };
    let mut all = ids(&[&one, &second, &two, &again]);
    all.push(skipped.id);
    all.sort_by_key(|id| std::cmp::Reverse(*id));
    assert_eq!(found(DeliveryScope::Event(happened.head.id.clone())).await, all);
    assert_eq!(found(DeliveryScope::Message(one.message.id.clone())).await, ids(&[&one, &second, &again]));
    assert_eq!(found(DeliveryScope::Message(two.message.id.clone())).await, ids(&[&two]));
    assert_eq!(found(DeliveryScope::Message(skipped.message.clone())).await, [skipped.id]);
    let outcomes = fixture.table.outcomes_of_event(&id("a"), &happened.head.id, at(100)).await.unwrap();
    assert_eq!(
        outcomes,
        [
            (one.message.id.clone(), Outcome::Waiting),
            (two.message.id.clone(), Outcome::Succeeded),
            (skipped.message.clone(), Outcome::Skipped)
        ]
    );
    // A test has no stored event, and is found all the same.
    let tested = event("a", "test", 5);
    let mut message = Message::new(&tested.head, WebhookId(1), "hook".to_owned(), None);
    message.kind = MessageKind::Test;
    let test = Attempt::first(message, &tested.payload, at(5));
    fixture.table.record(&record(&test, Outcome::Succeeded)).await.unwrap();
    assert_eq!(found(DeliveryScope::Event(tested.head.id.clone())).await, ids(&[&test]));
    assert_eq!(found(DeliveryScope::Message(test.message.id.clone())).await, ids(&[&test]));
}
