//! One slow endpoint does not delay another's messages.

use std::time::Duration;

use futures_util::future::join_all;
use hookline_core::ids::WebhookId;
use hookline_core::model::Outcome;
use hookline_core::settings::CoreSettings;
use hookline_embedded::ConcurrencyLimits;

use crate::fixture::{Does, ServiceFixture, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_host_uses_only_its_own_places() {
    let fixture = ServiceFixture::with(CoreSettings::default()).await;
    let slow = fixture.webhook("wdc", "https://slow.example/").await;
    let good = fixture.webhook("wdc", "https://good.example/").await;
    fixture.endpoints.tell("slow.example", Does::Takes(Duration::from_hours(1)));
    let workers = fixture.work(ConcurrencyLimits { total: 12, per_host: 4 });
    // More than any lane holds in memory.
    fixture.publish(1500).await;
    until("the good host does not wait for the slow one", async || {
        fixture.count(good, Outcome::Succeeded).await == 1500
    })
    .await;
    assert_eq!(fixture.endpoints.posts("slow.example"), 4, "its places are taken, and no more");
    assert_eq!(fixture.count(slow, Outcome::Succeeded).await, 0);
    assert!(fixture.endpoints.most_in_flight("good.example") <= 4);
    fixture.publish(1).await;
    until("nor does a new message", async || fixture.count(good, Outcome::Succeeded).await == 1501).await;
    workers.stop(Duration::ZERO).await;
}

/// Counts events, not seconds: fan-out of one account goes on in lanes of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_that_a_thousand_webhooks_miss_do_not_delay_another_account() {
    let fixture = ServiceFixture::with(CoreSettings::default()).await;
    let disabled: Vec<WebhookId> =
        join_all((0..1000).map(|_| fixture.disabled_webhook("wdc", "https://off.example/"))).await;
    fixture.webhook("other", "https://quiet.example/").await;
    let workers = fixture.work(ConcurrencyLimits { total: 4, per_host: 4 });
    fixture.publish(100).await;
    fixture.publish_of("other", 1).await;
    while fixture.endpoints.posts("quiet.example") == 0 {
        tokio::task::yield_now().await;
    }
    let before = fixture.count(disabled[0], Outcome::Skipped).await;
    assert!(before < 50, "{before} events of the noisy account came first");
    while fixture.count(disabled[0], Outcome::Skipped).await < 100 {
        tokio::task::yield_now().await;
    }
    workers.stop(Duration::ZERO).await;
    let connection = rusqlite::Connection::open(fixture.folder.path().join("hookline.db")).unwrap();
    let rows: i64 = connection
        .query_row("SELECT (SELECT count(*) FROM skipped) + (SELECT count(*) FROM deliveries)", [], |row| row.get(0))
        .unwrap();
    assert_eq!(rows, 101, "a row for each event, and one for the message that was sent");
}
