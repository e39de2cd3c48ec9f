//! Counts of deliveries: when they are written and removed.

use hookline_core::ids::WebhookId;
use hookline_core::model::{Hour, HourCounts, Outcome};
use hookline_core::ports::{Accounts as _, Counts as _, CountsScope};

use crate::fixture::{StoreFixture, at, id};

impl StoreFixture {
    fn count(&self, account: &str, webhooks: std::ops::Range<u64>, hour: Hour) {
        for webhook in webhooks.map(WebhookId) {
            self.view.count(&id(account), webhook, hour, Outcome::Failed, None);
        }
    }

    /// The counts of an hour.
    async fn counts(&self, account: &str, scope: CountsScope, hour: Hour) -> Vec<HourCounts> {
        let found = self.view.counts(&id(account), scope, hour..=hour).await.unwrap();
        found.into_iter().map(|line| line.counts).collect()
    }

    fn sql(&self, sql: &str) {
        let path = self.folder.path().join("hookline.db");
        rusqlite::Connection::open(path).unwrap().execute_batch(sql).unwrap();
    }
}

/// More webhooks than one write takes, and a write that fails in the middle.
#[tokio::test]
async fn what_could_not_be_written_is_written_with_the_next() {
    let fixture = StoreFixture::new().await;
    let hour = Hour::of(at(0));
    fixture.count("a", 1..1201, hour);
    fixture.sql(
        "CREATE TRIGGER broken BEFORE INSERT ON counts WHEN new.webhook = 800
         BEGIN SELECT raise(ABORT, 'broken'); END",
    );
    fixture.view.store_counts().await.unwrap_err();
    fixture.count("a", 1..2, hour);
    fixture.sql("DROP TRIGGER broken");
    fixture.view.store_counts().await.unwrap();
    fixture.view.store_counts().await.unwrap();
    assert_eq!(fixture.counts("a", CountsScope::Account, hour).await[0].failed, 1201);
    for (webhook, failed) in [(1, 2), (2, 1), (800, 1), (1200, 1)] {
        let found = fixture.counts("a", CountsScope::Webhook(WebhookId(webhook)), hour).await;
        assert_eq!(found[0].failed, failed, "webhook {webhook}");
    }
}

#[tokio::test]
async fn counts_are_kept_for_31_days() {
    let fixture = StoreFixture::new().await;
    let hour = Hour::of(at(0));
    fixture.count("a", 1..701, hour);
    fixture.view.store_counts().await.unwrap();
    let (kept, over) = (31 * 86_400, 31 * 86_400 + 3600);
    while fixture.store.sweep(at(kept)).await.unwrap() {}
    assert_eq!(fixture.counts("a", CountsScope::Account, hour).await.len(), 1);
    while fixture.store.sweep(at(over)).await.unwrap() {}
    assert_eq!(fixture.counts("a", CountsScope::Account, hour).await, []);
    assert_eq!(fixture.counts("a", CountsScope::MostFailures, hour).await, []);
}

/// Also those that were counted before and are written after.
#[tokio::test]
async fn a_deleted_account_leaves_no_counts() {
    let fixture = StoreFixture::new().await;
    let hour = Hour::of(at(0));
    for account in ["a", "b"] {
        fixture.count(account, 1..3, hour);
    }
    fixture.view.store_counts().await.unwrap();
    fixture.count("a", 1..3, hour);
    assert!(fixture.view.delete_account(&id("a")).await.unwrap());
    fixture.view.store_counts().await.unwrap();
    while fixture.store.sweep(at(0)).await.unwrap() {}
    let file = rusqlite::Connection::open(fixture.folder.path().join("hookline.db")).unwrap();
    let left: i64 = file.query_row("SELECT count(*) FROM counts", [], |row| row.get(0)).unwrap();
    assert_eq!((left, fixture.counts("b", CountsScope::Account, hour).await[0].failed), (3, 2));
}
