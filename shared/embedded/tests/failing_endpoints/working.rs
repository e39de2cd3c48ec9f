//! Workers, hosts that fail, and hosts that do not. Waits are scaled; nothing is awaited but conditions.

use std::time::{Duration, Instant};

use hookline_core::clock::Clock as _;
use hookline_core::delivery::Outcome;
use hookline_core::settings::Settings;
use hookline_embedded::ConcurrencyLimits;

use crate::fixture::{Does, ServiceFixture, wdc};

const LIMITS: ConcurrencyLimits = ConcurrencyLimits { total: 64, per_host: 8 };
const PATIENCE: Duration = Duration::from_secs(10);

/// Waits until a condition holds.
async fn until(what: &str, holds: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !holds().await {
        assert!(Instant::now() < deadline, "not within 30 s: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn is_throttled(world: &ServiceFixture) -> bool {
    let hosts = world.service.health.troubled_hosts(&wdc(), world.clock.now()).await.unwrap();
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
async fn a_throttled_host_gets_probes_only_then_one_at_a_time_and_then_everything() {
    // One minute is 0.6 s.
    let world = ServiceFixture::with(Settings { wait_scale: 0.01, ..Settings::default() }).await;
    let bad = world.webhook("wdc", "https://bad.example/").await;
    let good = world.webhook("wdc", "https://good.example/").await;
    world.endpoints.tell("bad.example", Does::StaysSilent);
    let began = Instant::now();
    let workers = world.work(LIMITS);
    world.publish(300).await;
    until("the good host has everything", async || world.count(good, Outcome::Succeeded).await == 300).await;
    until("the bad host is throttled", async || is_throttled(&world).await).await;
    let tripped = world.endpoints.posts("bad.example");
    // On a busy machine there is time for probes before anybody looks.
    let most = 10 + LIMITS.per_host + probes_within(began.elapsed());
    assert!((10..most).contains(&tripped), "{tripped} requests until it was throttled, with probes {most}");
    until("two probes", async || world.endpoints.posts("bad.example") >= tripped + 2).await;
    let status = world.service.health.troubled_hosts(&wdc(), world.clock.now()).await.unwrap();
    assert!((299..=300).contains(&status[0].waiting), "{status:?}");

    world.endpoints.paces("bad.example");
    world.endpoints.tell("bad.example", Does::Takes(Duration::from_millis(20)));
    until("everything arrived", async || world.count(bad, Outcome::Succeeded).await == 300).await;
    let paces = world.endpoints.paces("bad.example");
    // One at a time, and one more with each success. A probe that was on its way may have failed still.
    for (place, pace) in (1..).zip(&paces) {
        assert!(*pace <= place / 2 + 1, "number {place} of {paces:?}");
    }
    assert_eq!(paces.iter().max(), Some(&LIMITS.per_host), "the limit has grown");
    assert_eq!(world.count(bad, Outcome::Dropped).await, 0);
    workers.stop(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lifting_the_throttle_lets_everything_go_at_once() {
    let world = ServiceFixture::with(Settings { wait_scale: 0.5, ..Settings::default() }).await;
    let bad = world.webhook("wdc", "https://bad.example/").await;
    world.endpoints.tell("bad.example", Does::StaysSilent);
    let workers = world.work(LIMITS);
    world.publish(100).await;
    until("the host is throttled", async || is_throttled(&world).await).await;
    let tripped = world.endpoints.posts("bad.example");
    world.endpoints.tell("bad.example", Does::Answers(200));
    let host = world.stored(bad).await.uri.host().clone();
    hookline_core::health::lift(&world.service, &wdc(), &host).await.unwrap();
    let fresh = 100 - tripped;
    until("all but the retries arrived", async || world.count(bad, Outcome::Succeeded).await >= fresh).await;
    workers.stop(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_behind_a_closed_door_expire_in_time() {
    let settings = Settings { wait_scale: 0.01, run_expires_after: Duration::from_millis(1500), ..Settings::default() };
    let world = ServiceFixture::with(settings).await;
    let bad = world.webhook("wdc", "https://bad.example/").await;
    world.endpoints.tell("bad.example", Does::StaysSilent);
    let workers = world.work(LIMITS);
    world.publish(200).await;
    until("all have expired", async || world.count(bad, Outcome::Dropped).await == 200).await;
    let posts = world.endpoints.posts("bad.example");
    assert!(posts < 30, "{posts} requests to a host that is dead");
    workers.stop(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn doors_stay_closed_over_a_restart() {
    let world = ServiceFixture::with(Settings { wait_scale: 0.5, ..Settings::default() }).await;
    let bad = world.webhook("wdc", "https://bad.example/").await;
    world.endpoints.tell("bad.example", Does::StaysSilent);
    let workers = world.work(LIMITS);
    world.publish(100).await;
    until("the host is throttled", async || is_throttled(&world).await).await;
    workers.stop(PATIENCE).await;
    let tripped = world.endpoints.posts("bad.example");
    let good = world.webhook("wdc", "https://good.example/").await;
    let (world, workers) = world.restart(LIMITS).await;
    world.publish(10).await;
    until("the good host has everything", async || world.count(good, Outcome::Succeeded).await == 10).await;
    assert_eq!(world.endpoints.posts("bad.example"), tripped);
    assert_eq!(world.count(bad, Outcome::Failed).await, tripped);
    workers.stop(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_answers_429_gets_less_at_once() {
    // The first retries come after 1.5 s.
    let world = ServiceFixture::with(Settings { wait_scale: 0.1, ..Settings::default() }).await;
    let webhook = world.webhook("wdc", "https://busy.example/").await;
    world.endpoints.tell("busy.example", Does::Takes(Duration::from_millis(30)));
    let workers = world.work(LIMITS);
    world.publish(40).await;
    until("all arrived", async || world.count(webhook, Outcome::Succeeded).await == 40).await;
    assert_eq!(world.endpoints.most_in_flight("busy.example"), LIMITS.per_host);

    world.endpoints.tell("busy.example", Does::Answers(429));
    world.publish(LIMITS.per_host).await;
    until("all failed", async || world.count(webhook, Outcome::Failed).await == LIMITS.per_host).await;
    world.endpoints.most_in_flight("busy.example");
    world.endpoints.tell("busy.example", Does::Takes(Duration::from_millis(300)));
    until("all arrived", async || world.count(webhook, Outcome::Succeeded).await == 40 + LIMITS.per_host).await;
    // Without a limit all would be in flight together. Half of them go; when the first is done, not all are left.
    assert!(world.endpoints.most_in_flight("busy.example") < LIMITS.per_host);
    workers.stop(PATIENCE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_test_goes_to_a_throttled_host_within_a_second() {
    let world = ServiceFixture::with(Settings { wait_scale: 0.5, ..Settings::default() }).await;
    let bad = world.webhook("wdc", "https://bad.example/").await;
    world.endpoints.tell("bad.example", Does::StaysSilent);
    let workers = world.work(LIMITS);
    world.publish(50).await;
    until("the host is throttled", async || is_throttled(&world).await).await;
    let tripped = world.endpoints.posts("bad.example");
    let account = world.service.accounts.account(&wdc()).await.unwrap().unwrap();
    let began = Instant::now();
    hookline_core::register::test(&world.service, &account, bad).await.unwrap();
    until("the test was sent", async || world.endpoints.posts("bad.example") == tripped + 1).await;
    assert!(began.elapsed() < Duration::from_secs(1));
    workers.stop(PATIENCE).await;
}
