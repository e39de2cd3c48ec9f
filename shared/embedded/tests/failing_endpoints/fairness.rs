//! One slow endpoint does not delay another's messages.

use std::time::Duration;

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
