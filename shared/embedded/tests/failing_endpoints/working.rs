//! Workers with failing and healthy hosts. Waits are scaled down, and tests wait for conditions only.

use std::time::{Duration, Instant};

use hookline_core::model::Outcome;
use hookline_core::settings::CoreSettings;
use hookline_core::values::Clock as _;
use hookline_embedded::ConcurrencyLimits;

use crate::fixture::{Does, ServiceFixture, until, wdc};

const LIMITS: ConcurrencyLimits = ConcurrencyLimits { total: 64, per_host: 8 };
const PATIENCE: Duration = Duration::from_mins(1);

async fn is_throttled(fixture: &ServiceFixture) -> bool {
    let hosts = fixture.service.health.troubled_hosts(&wdc(), fixture.clock.now()).await.unwrap();
    hosts.iter().any(|status| status.health.throttle.is_some())
}

/// How many probes that all fail go in this time at most, if a minute is 0.6 s: after 0.6 s, 1.2 s more, 2.4 s more …
fn probes_within(time: Duration) -> usize {
    let waits = [1, 2, 4, 8].into_iter().chain(std::iter::repeat(15));
    let mut over = Duration::ZERO;
    waits
        .take_while(|minutes| {
            over += Duration::from_millis(600) * *minutes;
            over <= time
        })
        .count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_throttled_host_gets_probes_then_one_request_at_a_time_then_all() {
    // One minute is 0.6 s.
    let fixture = ServiceFixture::with(CoreSettings { wait_scale: 0.01, ..CoreSettings::default() }).await;
    let bad = fixture.webhook("wdc", "https://bad.example/").await;
    let good = fixture.webhook("wdc", "https://good.example/").await;
    fixture.endpoints.tell("bad.example", Does::StaysSilent);
    let began = Instant::now();
    let workers = fixture.work(LIMITS);
    fixture.publish(300).await;
    until("the good host has everything", async || fixture.count(good, Outcome::Succeeded).await == 300).await;
    until("the bad host is throttled", async || is_throttled(&fixture).await).await;
    let tripped = fixture.endpoints.posts("bad.example");
    // On a busy machine probes may have been sent before this line runs.
    let most = 10 + LIMITS.per_host + probes_within(began.elapsed());
    assert!((10..most).contains(&tripped), "{tripped} requests until it was throttled, with probes {most}");
    until("two probes", async || fixture.endpoints.posts("bad.example") >= tripped + 2).await;
    let status = fixture.service.health.troubled_hosts(&wdc(), fixture.clock.now()).await.unwrap();
    assert!((299..=300).contains(&status[0].waiting), "{status:?}");

    fixture.endpoints.paces("bad.example");
    fixture.endpoints.tell("bad.example", Does::Takes(Duration::from_millis(20)));
    until("everything arrived", async || fixture.count(bad, Outcome::Succeeded).await == 300).await;
    let paces = fixture.endpoints.paces("bad.example");
    // One at a time, and one more with each success. A probe that was on its way may have failed still.
    for (place, pace) in (1..).zip(&paces) {
        assert!(*pace <= place / 2 + 1, "number {place} of {paces:?}");
    }
    assert_eq!(paces.iter().max(), Some(&LIMITS.per_host), "the limit has grown");
    assert_eq!(fixture.count(bad, Outcome::Dropped).await, 0);
    workers.stop(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lifting_the_throttle_lets_everything_go_at_once() {
    let fixture = ServiceFixture::with(CoreSettings { wait_scale: 0.5, ..CoreSettings::default() }).await;
    let bad = fixture.webhook("wdc", "https://bad.example/").await;
    fixture.endpoints.tell("bad.example", Does::StaysSilent);
    let workers = fixture.work(LIMITS);
    fixture.publish(100).await;
    until("the host is throttled", async || is_throttled(&fixture).await).await;
    let tripped = fixture.endpoints.posts("bad.example");
    fixture.endpoints.tell("bad.example", Does::Answers(200));
    let host = fixture.stored(bad).await.uri.host().clone();
    hookline_core::use_cases::health::lift_throttle(&fixture.service, &wdc(), &host).await.unwrap();
    let fresh = 100 - tripped;
    until("all but the retries arrived", async || fixture.count(bad, Outcome::Succeeded).await >= fresh).await;
    workers.stop(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_behind_an_open_circuit_expire_in_time() {
    let settings =
        CoreSettings { wait_scale: 0.01, run_expires_after: Duration::from_millis(1500), ..CoreSettings::default() };
    let fixture = ServiceFixture::with(settings).await;
    let bad = fixture.webhook("wdc", "https://bad.example/").await;
    fixture.endpoints.tell("bad.example", Does::StaysSilent);
    let workers = fixture.work(LIMITS);
    fixture.publish(200).await;
    until("all have expired", async || fixture.count(bad, Outcome::Dropped).await == 200).await;
    let posts = fixture.endpoints.posts("bad.example");
    assert!(posts < 30, "{posts} requests to a host that is dead");
    workers.stop(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn circuits_stay_open_over_a_restart() {
    // One minute is an hour.
    let fixture = ServiceFixture::with(CoreSettings { wait_scale: 60.0, ..CoreSettings::default() }).await;
    let bad = fixture.webhook("wdc", "https://bad.example/").await;
    fixture.endpoints.tell("bad.example", Does::StaysSilent);
    let workers = fixture.work(LIMITS);
    fixture.publish(100).await;
    until("the host is throttled", async || is_throttled(&fixture).await).await;
    workers.stop(PATIENCE).await;
    let tripped = fixture.endpoints.posts("bad.example");
    let good = fixture.webhook("wdc", "https://good.example/").await;
    let (fixture, workers) = fixture.restart(LIMITS).await;
    fixture.publish(10).await;
    until("the good host has everything", async || fixture.count(good, Outcome::Succeeded).await == 10).await;
    assert_eq!(fixture.endpoints.posts("bad.example"), tripped);
    assert_eq!(fixture.count(bad, Outcome::Failed).await, tripped);
    workers.stop(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_answers_429_gets_less_at_once() {
    // The first retries come after 1.5 s.
    let fixture = ServiceFixture::with(CoreSettings { wait_scale: 0.1, ..CoreSettings::default() }).await;
    let webhook = fixture.webhook("wdc", "https://busy.example/").await;
    fixture.endpoints.tell("busy.example", Does::Takes(Duration::from_millis(30)));
    let workers = fixture.work(LIMITS);
    fixture.publish(40).await;
    until("all arrived", async || fixture.count(webhook, Outcome::Succeeded).await == 40).await;
    assert_eq!(fixture.endpoints.most_in_flight("busy.example"), LIMITS.per_host);

    fixture.endpoints.tell("busy.example", Does::Answers(429));
    fixture.publish(LIMITS.per_host).await;
    until("all failed", async || fixture.count(webhook, Outcome::Failed).await == LIMITS.per_host).await;
    fixture.endpoints.most_in_flight("busy.example");
    fixture.endpoints.tell("busy.example", Does::Takes(Duration::from_millis(300)));
    until("all arrived", async || fixture.count(webhook, Outcome::Succeeded).await == 40 + LIMITS.per_host).await;
    // Without a limit all would be in flight together. Half of them go; when the first is done, not all are left.
    assert!(fixture.endpoints.most_in_flight("busy.example") < LIMITS.per_host);
    workers.stop(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_test_does_not_wait_for_a_throttled_host() {
    // One minute is an hour.
    let fixture = ServiceFixture::with(CoreSettings { wait_scale: 60.0, ..CoreSettings::default() }).await;
    let bad = fixture.webhook("wdc", "https://bad.example/").await;
    fixture.endpoints.tell("bad.example", Does::StaysSilent);
    let workers = fixture.work(LIMITS);
    fixture.publish(50).await;
    until("the host is throttled", async || is_throttled(&fixture).await).await;
    let tripped = fixture.endpoints.posts("bad.example");
    let account = fixture.service.accounts.account(&wdc()).await.unwrap().unwrap();
    hookline_core::use_cases::webhooks::test::test(&fixture.service, &account, bad).await.unwrap();
    until("the test was sent", async || fixture.endpoints.posts("bad.example") == tripped + 1).await;
    workers.stop(PATIENCE).await;
}
