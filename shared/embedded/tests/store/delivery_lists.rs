//! Lists of an account that has very many records: a page reads a bounded number of them.

use hookline_core::ids::WebhookId;
use hookline_core::model::{Attempt, Delivery, Outcome};
use hookline_core::ports::{Deliveries as _, DeliveryQuery, DeliveryScope, Events as _};
use hookline_core::values::{Condition, FieldValue};

use crate::fixture::{StoreFixture, at, attempt, event, id};

/// Copies the one row of a webhook, with 25,000 ids that follow it.
const MANY: &str = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 25000)
    INSERT INTO deliveries (account, webhook, id, outcome, run, attempt, kind, created_at, webhook_name, event)
    SELECT account, webhook, CAST(substr(id, 1, 13) || unhex(printf('%06x', i)) AS BLOB), outcome, run, attempt, kind, created_at,
    webhook_name, event FROM deliveries, n WHERE webhook = ";

fn filtered(outcome: Outcome) -> DeliveryQuery {
    DeliveryQuery {
        scope: DeliveryScope::Webhook(WebhookId(1)),
        event: Vec::new(),
        outcome: vec![Condition::OneOf(vec![FieldValue::Text(outcome.as_str().to_owned())])],
        created_at: Vec::new(),
        older_than: None,
        newer_than: None,
        per_page: 20,
    }
}

/// All records of a list, and how many pages it has.
async fn walk(fixture: &StoreFixture, mut query: DeliveryQuery) -> (Vec<Delivery>, usize) {
    let (mut records, mut pages) = (Vec::new(), 0);
    loop {
        let page = fixture.view.list_deliveries(&id("a"), &query, at(60)).await.unwrap();
        (records, pages) = ([records, page.items].concat(), pages + 1);
        query.older_than = page.older;
        if query.older_than.is_none() {
            return (records, pages);
        }
    }
}

#[tokio::test]
async fn a_search_among_many_records_ends_after_a_while() {
    let fixture = StoreFixture::new().await;
    let mut rare = Vec::new();
    // Many successes of one webhook, many failures of another, and few of both before them.
    for (webhook, seconds, outcome) in
        [(1, 0, Outcome::Waiting), (1, 1, Outcome::Dropped), (1, 10, Outcome::Succeeded), (2, 10, Outcome::Dropped)]
    {
        let event = event("a", &format!("e{seconds}"), at(seconds));
        fixture.view.claim_event(&event, at(seconds), at(seconds + 60)).await.unwrap();
        let record = Delivery::of_attempt(&attempt(&event, webhook), at(seconds), outcome);
        fixture.view.record(&record).await.unwrap();
        rare.push(record);
    }
    let file = rusqlite::Connection::open(fixture.folder.path().join("hookline.db")).unwrap();
    for webhook in ["1 AND outcome = 1", "2"] {
        assert_eq!(file.execute(&format!("{MANY}{webhook}"), []).unwrap(), 25_000);
    }
    for (outcome, expected) in [(Outcome::Waiting, &rare[0]), (Outcome::Dropped, &rare[1])] {
        let (found, pages) = walk(&fixture, filtered(outcome)).await;
        assert_eq!((found.as_slice(), pages), (std::slice::from_ref(expected), 2), "{outcome:?}");
    }
    // The first page is as full as without a filter.
    let page = fixture.view.list_deliveries(&id("a"), &filtered(Outcome::Succeeded), at(60)).await.unwrap();
    assert_eq!((page.items.len(), page.older.is_some()), (20, true));
    // With a time, only records of about then are read.
    let before = Condition::Between { lower: None, upper: Some((FieldValue::Time(at(5)), true)) };
    let (found, pages) = walk(&fixture, DeliveryQuery { created_at: vec![before], ..filtered(Outcome::Waiting) }).await;
    assert_eq!(
        (found.as_slice(), pages),
        (std::slice::from_ref(&rare[0]), 2),
        "a minute of difference between clocks is read as well"
    );
}

#[tokio::test]
async fn a_message_is_found_without_reading_the_records_of_others() {
    let fixture = StoreFixture::new().await;
    let event = event("a", "e", at(10));
    fixture.view.claim_event(&event, at(10), at(70)).await.unwrap();
    let attempt = attempt(&event, 1);
    let record = Delivery::of_attempt(&attempt, at(10), Outcome::Succeeded);
    fixture.view.record(&record).await.unwrap();
    let query = DeliveryQuery {
        scope: DeliveryScope::Message(record.message.clone()),
        outcome: Vec::new(),
        ..filtered(Outcome::Succeeded)
    };
    assert_eq!(walk(&fixture, query.clone()).await.0.as_slice(), std::slice::from_ref(&record));
    // The first record expires before those of retries.
    let retry = Delivery::of_attempt(
        &Attempt { number: 2, due_at: at(40), retry_of: Some(record.id), ..attempt },
        at(40),
        Outcome::Failed,
    );
    fixture.view.record(&retry).await.unwrap();
    let file = rusqlite::Connection::open(fixture.folder.path().join("hookline.db")).unwrap();
    assert_eq!(file.execute("DELETE FROM deliveries WHERE attempt = 1", []).unwrap(), 1);
    assert_eq!(walk(&fixture, query).await.0, [retry]);
}
