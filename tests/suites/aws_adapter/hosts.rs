//! Endpoint hosts: changed in one step each, and kept for each account apart.

use std::collections::{HashMap, VecDeque};

use futures_util::future::join_all;
use hookline_core::ids::WebhookId;
use hookline_core::model::{CircuitState, HostEvent};
use hookline_core::ports::{Health as _, RampPermit};
use hookline_core::values::EndpointHost;
use hookline_tests::local_aws::{dynamodb_clients, resources};

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

/// Three processes, each with batches of ten messages, work off a thousand messages.
#[tokio::test]
async fn a_host_that_works_again_is_reopened_by_all_processes_together() {
    const WINDOW: i64 = 10;
    let fixture = StoreFixture::new().await;
    let host = fixture.hook("a", "request.create").await.uri.host().clone();
    let (account, clients) = (id("a"), dynamodb_clients());
    let processes = [(); 3].map(|()| resources::store(&clients, fixture.name()));
    let change =
        async |event, seconds| fixture.table.change_host(&account, &host, event, at(seconds), 1.0).await.unwrap();
    for number in 0..10 {
        change(HostEvent::Failed { webhook: WebhookId(number), probe: false, others_due: false }, 0).await;
    }
    change(HostEvent::Probed { webhook: WebhookId(1) }, 60).await;
    assert!(matches!(change(HostEvent::Succeeded, 61).await.after.circuit(at(61)), CircuitState::Reopening(_)));
    let key = hookline_aws::host_key(&account, host.hash());
    let version = async || {
        let seen = clients.dynamodb().scan().table_name(fixture.name()).send().await.unwrap();
        let item = seen.items().iter().find(|item| item.contains_key("permits")).expect("the item of the host");
        item["version"].as_n().unwrap().parse::<u32>().unwrap()
    };
    let (mut left, mut sent) = (VecDeque::from(vec![10; 100]), Vec::new());
    let mut now = 61;
    while !left.is_empty() {
        let before = version().await;
        let batches: Vec<u32> = left.drain(..).collect();
        let mut in_window = 0;
        // All are tried in each window. Processes work at the same time, and each has one batch at a time.
        for round in batches.chunks(processes.len()) {
            let rounds = round.iter().zip(&processes).map(async |(messages, process)| {
                process.begin_batch(HashMap::from([(key.clone(), *messages)]));
                let asked = (0..*messages).map(|_| process.take_permit(&account, &host, at(now), 1.0));
                let permits = join_all(asked).await;
                u32::try_from(permits.iter().filter(|permit| matches!(permit, Ok(RampPermit::Taken))).count()).unwrap()
            });
            for (messages, permits) in round.iter().zip(join_all(rounds).await) {
                in_window += permits;
                left.extend((permits < *messages).then(|| messages - permits));
            }
        }
        let writes = version().await - before;
        assert!(
            writes <= in_window.div_ceil(10) + 3,
            "one for each batch, not for each message: {writes} for {in_window}"
        );
        sent.push(in_window);
        now += WINDOW;
    }
    assert_eq!(sent, [1, 2, 4, 8, 16, 32, 64, 128, 256, 489]);
}
