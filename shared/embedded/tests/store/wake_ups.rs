//! The workers are woken and never poll.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use hookline_core::errors::PortResult;
use hookline_core::model::Mail;
use hookline_core::ports::{Exchange, Mailer, NoMetrics, NoTraces, OutgoingRequest, Transport};
use hookline_core::settings::CoreSettings;
use hookline_core::values::{Clock, EndpointUri, System};
use hookline_embedded::{ConcurrencyLimits, KeyFileVault, ServiceParts, Workers};
use jiff::Timestamp;

use crate::fixture::StoreFixture;

/// A clock that counts its calls, which shows workers that poll.
#[derive(Default)]
struct Asked(AtomicUsize);

impl Asked {
    fn times(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Clock for Asked {
    fn now(&self) -> Timestamp {
        self.0.fetch_add(1, Ordering::Relaxed);
        System.now()
    }
}

/// A port that this test does not use.
struct Unused;

#[async_trait]
impl Mailer for Unused {
    async fn send(&self, _: &Mail) -> PortResult<()> {
        unreachable!("there is no reason for a mail")
    }
}

#[async_trait]
impl Transport for Unused {
    fn permits(&self, _: &EndpointUri) -> bool {
        true
    }

    async fn post(&self, _: OutgoingRequest<'_>) -> PortResult<Exchange> {
        unreachable!("there is nothing to send")
    }
}

#[tokio::test]
async fn idle_workers_sleep() {
    let fixture = StoreFixture::new().await;
    let vault = KeyFileVault::open(&fixture.store, &fixture.folder.path().join("key"), Arc::new(System)).await.unwrap();
    let clock = Arc::new(Asked::default());
    let around = ServiceParts {
        settings: Arc::new(CoreSettings::default()),
        vault: Arc::new(vault),
        mailer: Arc::new(Unused),
        transport: Arc::new(Unused),
        metrics: Arc::new(NoMetrics),
        traces: Arc::new(NoTraces),
        clock: clock.clone(),
        entropy: Arc::new(System),
    };
    let service = fixture.store.worker().service(&around);
    let workers = Workers::start(service, fixture.store.clone(), ConcurrencyLimits::default()).unwrap();
    // They look for work once, at their start.
    while clock.times() < 2 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let asked = clock.times();
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(clock.times(), asked, "no worker polls when nothing is due");
    workers.stop(Duration::from_secs(1)).await;
}
