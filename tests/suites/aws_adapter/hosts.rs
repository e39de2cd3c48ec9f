//! Endpoint hosts: changed in one step each, and kept for each account apart.

use futures_util::future::join_all;
use hookline_core::ids::WebhookId;
use hookline_core::model::{CircuitState, HostEvent};
use hookline_core::ports::Health as _;
use hookline_core::values::EndpointHost;

use crate::fixture::{StoreFixture, at, id};

#[tokio::test]
async fn one_of_many_changes_throttles_and_one_wins_the_probe() {
    let fixture = StoreFixture::new().await;
    let hook = fixture.hook("a", "request.create").await;
    let host = hook.uri.host().clone();
    let (account, other) = (id("a"), id("b"));
    let change = async |event: HostEvent, seconds| {
        fixture.table.change_host(&account, &host, event, at(seconds), 1.0).await.unwrap()
    };
    let failed = |webhook| HostEvent::Failed { webhook: WebhookId(webhook), probe: false, others_due: false };
    let changes = join_all((0..12).map(|number| change(failed(number % 3), 0))).await;
    assert_eq!(changes.iter().filter(|changed| changed.tripped()).count(), 1);
    let health = fixture.table.host(&account, &host, at(0)).await.unwrap();
    assert!(fixture.table.host(&other, &host, at(0)).await.unwrap().is_good(), "another account has its own");
    assert_eq!((health.run, health.offenders.len()), (10, 3));
    let probes = join_all((0..8).map(|number| change(HostEvent::Probed { webhook: WebhookId(number) }, 60))).await;
    let won = probes.iter().filter(|probe| probe.before.circuit(at(60)) == CircuitState::HalfOpen).count();
    assert_eq!(won, 1);
    let probed = fixture.table.host(&account, &host, at(60)).await.unwrap().throttle.unwrap().probed;
    assert_eq!(probed.len(), 1, "the webhook of the probe is stored");
    let shown = fixture.table.troubled_hosts(&id("a"), at(61)).await.unwrap();
    assert_eq!((shown.len(), &shown[0].host, shown[0].waiting), (1, &host, 0));
    assert!(fixture.table.names_host(&id("a"), &host).await.unwrap());
    assert!(fixture.table.troubled_hosts(&id("b"), at(61)).await.unwrap().is_empty());
    assert!(!fixture.table.names_host(&id("b"), &host).await.unwrap());
    let before = fixture.size().await;
    assert!(change(HostEvent::Lifted, 62).await.after.is_good());
    assert_eq!(fixture.size().await, before - 1, "a good host has no item");
    assert!(
        fixture
            .table
            .host(&account, &EndpointHost::parse("https://example.com:443").unwrap(), at(0))
            .await
            .unwrap()
            .is_good()
    );
}
