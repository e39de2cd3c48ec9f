//! Endpoint hosts that fail are left alone; those that ask for it too.

use hookline_core::account::AccountId;
use hookline_core::clock::Clock as _;
use hookline_core::delivery::Outcome;
use hookline_core::endpoint_uri::EndpointHost;
use hookline_core::health;
use hookline_core::ports::{Disposition, Health as _};
use hookline_core::problems::Error;
use hookline_core::throttle::{Admits, Change};
use jiff::SignedDuration;

use crate::fixture::{Does, ServiceFixture, wdc};

/// What handing back until so many seconds from now is.
fn back_in(world: &ServiceFixture, seconds: i64) -> Disposition {
    Disposition::HandBack { until: world.clock.now() + SignedDuration::from_secs(seconds) }
}

fn bad() -> EndpointHost {
    EndpointHost::parse("https://bad.example:443").unwrap()
}

/// A world in which a webhook of `wdc` and one of `other` have throttled `bad.example`.
async fn throttled() -> (ServiceFixture, [hookline_core::webhook::WebhookId; 2]) {
    let world = ServiceFixture::new().await;
    let ours = world.webhook("wdc", "https://bad.example/ours").await;
    let theirs = world.webhook("other", "https://bad.example/theirs").await;
    world.endpoints.tell("bad.example", Does::StaysSilent);
    for round in 0..5 {
        assert_eq!(world.send(ours).await, Disposition::Done, "round {round}");
        assert_eq!(world.deliver(&world.message_of("other", theirs).await).await, Disposition::Done, "round {round}");
    }
    assert_eq!(world.endpoints.posts("bad.example"), 10);
    (world, [ours, theirs])
}

#[tokio::test]
async fn ten_failures_in_a_row_throttle_the_host_and_messages_wait() {
    let (world, [ours, theirs]) = throttled().await;
    assert_eq!(world.send(ours).await, back_in(&world, 60));
    let other_account = world.message_of("other", theirs).await;
    assert_eq!(world.deliver(&other_account).await, back_in(&world, 60));
    assert_eq!(world.record(&other_account).await, None, "waiting leaves no record and uses up no attempt");
    assert_eq!(world.endpoints.posts("bad.example"), 10);

    let other_host = world.webhook("wdc", "https://bad.example:8443/").await;
    assert_eq!(world.send(other_host).await, Disposition::Done, "another port is another host");
}

#[tokio::test]
async fn one_probe_per_wait_until_a_success_lifts_the_throttle() {
    let (world, [ours, _]) = throttled().await;
    let (probe, waiting) = (world.message(ours).await, world.message(ours).await);
    let mut posts = 10;
    for minutes in [1, 2, 4, 8, 15, 15] {
        world.clock.forward(minutes * 60 - 1);
        assert_eq!(world.deliver(&waiting).await, back_in(&world, 1), "{minutes} minutes are not over");
        world.clock.forward(1);
        // Of many who come at the same moment, one goes.
        let all = futures_util::future::join_all((0..20).map(|_| async { world.send(ours).await })).await;
        let went = all.iter().filter(|disposition| **disposition == Disposition::Done).count();
        posts += 1;
        assert_eq!((went, world.endpoints.posts("bad.example")), (1, posts), "after {minutes} minutes");
    }
    world.clock.forward(15 * 60);
    world.endpoints.tell("bad.example", Does::Answers(404));
    assert_eq!(world.deliver(&probe).await, Disposition::Done, "a probe as well");
    assert!(matches!(world.deliver(&waiting).await, Disposition::HandBack { .. }), "404 is no success");
    world.clock.forward(15 * 60);
    world.endpoints.tell("bad.example", Does::Answers(204));
    assert_eq!(world.deliver(&waiting).await, Disposition::Done);
    assert_eq!(world.record(&waiting).await.unwrap().outcome, Outcome::Succeeded);
    assert_eq!(world.send(ours).await, Disposition::Done);
    assert!(world.service.health.host(&bad(), world.clock.now()).await.unwrap().is_good());
}

#[tokio::test]
async fn only_the_hosts_own_failures_count_and_only_in_a_row() {
    let world = ServiceFixture::new().await;
    let webhook = world.webhook("wdc", "https://bad.example/").await;
    for (does, throttles) in [
        (Does::Answers(404), false),
        (Does::Answers(500), false),
        (Does::Answers(302), false),
        (Does::Answers(429), true),
        (Does::Answers(502), true),
        (Does::Answers(503), true),
        (Does::Answers(504), true),
        (Does::StaysSilent, true),
    ] {
        let failures = async |count: usize| {
            world.endpoints.tell("bad.example", does);
            for _ in 0..count {
                world.send(webhook).await;
            }
        };
        for between in [Does::Answers(200), Does::Answers(404)] {
            failures(9).await;
            world.endpoints.tell("bad.example", between);
            world.send(webhook).await;
        }
        failures(9).await;
        let admits =
            async || world.service.health.host(&bad(), world.clock.now()).await.unwrap().admits(world.clock.now());
        assert_eq!(admits().await, Admits::Closed, "{does:?}");
        failures(1).await;
        assert_eq!(admits().await != Admits::Closed, throttles, "{does:?}");
        health::lift(&world.service, &wdc(), &bad()).await.unwrap();
    }
}

#[tokio::test]
async fn retry_after_holds_the_host_and_nobody_else() {
    let world = ServiceFixture::new().await;
    let one = world.webhook("wdc", "https://busy.example/one").await;
    let two = world.webhook("other", "https://busy.example/two").await;
    let elsewhere = world.webhook("wdc", "https://good.example/").await;
    world.endpoints.tell("busy.example", Does::AsksToWait(503, "120"));
    world.send(one).await;
    let retry = world.next();
    assert_eq!(retry.due_at, world.clock.now() + SignedDuration::from_secs(120), "the message's own wait is shorter");
    let of_other = world.message_of("other", two).await;
    assert_eq!(world.deliver(&of_other).await, back_in(&world, 120));
    assert_eq!(world.send(elsewhere).await, Disposition::Done);
    let status = world.service.health.troubled_hosts(&wdc(), world.clock.now()).await.unwrap();
    assert_eq!(status.len(), 1);
    assert!(status[0].health.throttle.is_none() && status[0].health.held_until.is_some());

    world.clock.forward(120);
    world.endpoints.tell("busy.example", Does::Answers(200));
    assert_eq!(world.deliver(&of_other).await, Disposition::Done);
    assert_eq!(world.deliver(&retry).await, Disposition::Done);
    assert_eq!(world.endpoints.posts("busy.example"), 3);
    assert_eq!(world.service.health.troubled_hosts(&wdc(), world.clock.now()).await.unwrap(), []);
}

#[tokio::test]
async fn a_message_that_waits_expires_all_the_same() {
    let (world, [ours, _]) = throttled().await;
    let waiting = world.message(ours).await;
    world.clock.forward(72 * 3600 - 30);
    // Somebody else probes just before.
    world.send(ours).await;
    assert_eq!(world.deliver(&waiting).await, back_in(&world, 30), "until the end of its run, not longer");
    world.clock.forward(30);
    assert_eq!(world.deliver(&waiting).await, Disposition::Done);
    let record = world.record(&waiting).await.unwrap();
    assert_eq!((record.outcome, record.failure.unwrap().text.as_str()), (Outcome::Dropped, "Expired"));
    assert!(record.request.is_none());
}

#[tokio::test]
async fn a_test_goes_always_and_its_failure_never_counts() {
    let (world, [ours, _]) = throttled().await;
    let test = async || {
        let account = world.service.accounts.account(&wdc()).await.unwrap().unwrap();
        hookline_core::register::test(&world.service, &account, ours).await.unwrap();
        world.deliver(&world.next()).await
    };
    let before = world.service.health.host(&bad(), world.clock.now()).await.unwrap();
    assert_eq!(test().await, Disposition::Done);
    assert_eq!(world.endpoints.posts("bad.example"), 11);
    assert_eq!(world.service.health.host(&bad(), world.clock.now()).await.unwrap(), before);
    world.endpoints.tell("bad.example", Does::Answers(200));
    test().await;
    assert!(world.service.health.host(&bad(), world.clock.now()).await.unwrap().is_good(), "good news counts");
}

#[tokio::test]
async fn accounts_see_and_lift_only_where_they_have_a_webhook() {
    let (world, [ours, _]) = throttled().await;
    let now = world.clock.now();
    let seen = async |account: &str| {
        let account = AccountId::parse(account).unwrap();
        let hosts = world.service.health.troubled_hosts(&account, world.clock.now()).await.unwrap();
        hosts.into_iter().map(|status| (status.host.as_str().to_owned(), status.waiting)).collect::<Vec<_>>()
    };
    // Each of the five failures of either account waits for its second attempt.
    assert_eq!(seen("wdc").await, [("https://bad.example:443".to_owned(), 5)]);
    assert_eq!(seen("other").await, [("https://bad.example:443".to_owned(), 5)]);
    assert_eq!(seen("stranger").await, []);
    let stranger = AccountId::parse("stranger").unwrap();
    assert!(matches!(health::lift(&world.service, &stranger, &bad()).await, Err(Error::NotFound)));
    let unknown = EndpointHost::parse("https://good.example:443").unwrap();
    assert!(matches!(health::lift(&world.service, &wdc(), &unknown).await, Err(Error::NotFound)));
    assert_eq!(world.send(ours).await, back_in(&world, 60));
    health::lift(&world.service, &wdc(), &bad()).await.unwrap();
    assert_eq!(world.send(ours).await, Disposition::Done);
    assert_eq!(seen("wdc").await, []);
    health::lift(&world.service, &wdc(), &bad()).await.unwrap();
    assert_eq!(now, world.clock.now());
}

#[tokio::test]
async fn what_was_written_is_read_by_others_and_by_itself_at_once() {
    let (world, _) = throttled().await;
    let (other, now) = (world.other_process(), world.clock.now());
    let ours = world.service.health.host(&bad(), now).await.unwrap();
    assert_eq!(other.host(&bad(), now).await.unwrap(), ours);
    let probed = world.service.health.change_host(&bad(), Change::Lifted, now, 1.0).await.unwrap();
    assert!(probed.after.is_good() && world.service.health.host(&bad(), now).await.unwrap().is_good());
    assert_eq!(other.host(&bad(), now).await.unwrap(), ours, "five seconds old at most");
    world.clock.forward(5);
    assert!(other.host(&bad(), world.clock.now()).await.unwrap().is_good());
}
