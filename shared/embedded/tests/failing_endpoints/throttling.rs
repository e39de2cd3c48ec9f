//! Hosts that fail are throttled, and hosts that ask for a pause are held.

use hookline_core::errors::UseCaseError;
use hookline_core::ids::{AccountId, WebhookId};
use hookline_core::model::{CircuitState, HostEvent, Outcome};
use hookline_core::ports::{Disposition, Health as _};
use hookline_core::settings::{CoreSettings, VerificationMode};
use hookline_core::use_cases::health;
use hookline_core::values::{Clock as _, EndpointHost};
use jiff::SignedDuration;

use crate::fixture::{Does, ServiceFixture, wdc};

/// Handing back for this many seconds.
fn back_in(fixture: &ServiceFixture, seconds: i64) -> Disposition {
    Disposition::HandBack { until: fixture.clock.now() + SignedDuration::from_secs(seconds) }
}

fn bad() -> EndpointHost {
    EndpointHost::parse("https://bad.example:443").unwrap()
}

/// A fixture in which two webhooks of `wdc` have throttled `bad.example`; `other` has a webhook there too, the second one.
async fn throttled() -> (ServiceFixture, [WebhookId; 2]) {
    let fixture = ServiceFixture::new().await;
    let ours = fixture.webhook("wdc", "https://bad.example/ours").await;
    let theirs = fixture.webhook("other", "https://bad.example/theirs").await;
    let second = fixture.webhook("wdc", "https://bad.example/second").await;
    fixture.endpoints.tell("bad.example", Does::StaysSilent);
    for round in 0..5 {
        assert_eq!(fixture.send(ours).await, Disposition::Done, "round {round}");
        assert_eq!(fixture.send(second).await, Disposition::Done, "round {round}");
    }
    assert_eq!(fixture.endpoints.posts("bad.example"), 10);
    (fixture, [ours, theirs])
}

#[tokio::test]
async fn ten_failures_in_a_row_throttle_the_host_and_messages_wait() {
    let (fixture, [ours, theirs]) = throttled().await;
    let waiting = fixture.message(ours).await;
    assert_eq!(fixture.deliver(&waiting).await, back_in(&fixture, 60));
    assert_eq!(fixture.record(&waiting).await, None, "waiting leaves no record and uses up no attempt");
    assert_eq!(fixture.endpoints.posts("bad.example"), 10);

    let other_account = fixture.message_of("other", theirs).await;
    fixture.endpoints.tell("bad.example", Does::Answers(200));
    assert_eq!(fixture.deliver(&other_account).await, Disposition::Done, "another account is not delayed");
    assert_eq!(fixture.deliver(&waiting).await, back_in(&fixture, 60), "nor does its success lift the throttle");
    let other_host = fixture.webhook("wdc", "https://bad.example:8443/").await;
    assert_eq!(fixture.send(other_host).await, Disposition::Done, "another port is another host");
}

#[tokio::test]
async fn one_probe_per_wait_until_a_success_lifts_the_throttle() {
    let (fixture, [ours, _]) = throttled().await;
    let (probe, waiting) = (fixture.message(ours).await, fixture.message(ours).await);
    let mut posts = 10;
    for minutes in [1, 2, 4, 8, 15, 15] {
        fixture.clock.forward(minutes * 60 - 1);
        assert_eq!(fixture.deliver(&waiting).await, back_in(&fixture, 1), "{minutes} minutes are not over");
        fixture.clock.forward(1);
        // Of many concurrent requests, one is sent.
        let all = futures_util::future::join_all((0..20).map(|_| async { fixture.send(ours).await })).await;
        let went = all.iter().filter(|disposition| **disposition == Disposition::Done).count();
        posts += 1;
        assert_eq!((went, fixture.endpoints.posts("bad.example")), (1, posts), "after {minutes} minutes");
    }
    fixture.clock.forward(15 * 60);
    fixture.endpoints.tell("bad.example", Does::Answers(404));
    assert_eq!(fixture.deliver(&probe).await, Disposition::Done, "a probe as well");
    assert!(matches!(fixture.deliver(&waiting).await, Disposition::HandBack { .. }), "404 is no success");
    fixture.clock.forward(15 * 60);
    fixture.endpoints.tell("bad.example", Does::Answers(204));
    assert_eq!(fixture.deliver(&waiting).await, Disposition::Done);
    assert_eq!(fixture.record(&waiting).await.unwrap().outcome, Outcome::Succeeded);
    assert_eq!(fixture.send(ours).await, Disposition::Done);
    let health = fixture.service.health.host(&wdc(), &bad(), fixture.clock.now()).await.unwrap();
    assert_eq!((health.run, health.throttle), (0, None));
}

#[tokio::test]
async fn only_the_hosts_own_failures_count_and_only_in_a_row() {
    let fixture = ServiceFixture::new().await;
    let webhook = fixture.webhook("wdc", "https://bad.example/").await;
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
            fixture.endpoints.tell("bad.example", does);
            for _ in 0..count {
                fixture.send(webhook).await;
            }
        };
        for between in [Does::Answers(200), Does::Answers(404)] {
            failures(9).await;
            fixture.endpoints.tell("bad.example", between);
            fixture.send(webhook).await;
        }
        failures(9).await;
        let admits = async || {
            fixture.service.health.host(&wdc(), &bad(), fixture.clock.now()).await.unwrap().circuit(fixture.clock.now())
        };
        assert_eq!(admits().await, CircuitState::Closed, "{does:?}");
        failures(1).await;
        assert_eq!(admits().await != CircuitState::Closed, throttles, "{does:?}");
        health::lift_throttle(&fixture.service, &wdc(), &bad()).await.unwrap();
    }
}

#[tokio::test]
async fn retry_after_holds_only_that_host_and_only_for_the_account() {
    let fixture = ServiceFixture::new().await;
    let one = fixture.webhook("wdc", "https://busy.example/one").await;
    let two = fixture.webhook("other", "https://busy.example/two").await;
    let elsewhere = fixture.webhook("wdc", "https://good.example/").await;
    fixture.endpoints.tell("busy.example", Does::AsksToWait(503, "120"));
    fixture.send(one).await;
    let retry = fixture.next();
    assert_eq!(retry.due_at, fixture.clock.now() + SignedDuration::from_secs(120), "the message's own wait is shorter");
    let of_other = fixture.message_of("other", two).await;
    let waiting = fixture.message(one).await;
    assert_eq!(fixture.deliver(&waiting).await, back_in(&fixture, 120));
    assert_eq!(fixture.send(elsewhere).await, Disposition::Done);
    fixture.endpoints.tell("busy.example", Does::Answers(200));
    assert_eq!(fixture.deliver(&of_other).await, Disposition::Done, "another account is not held");
    let status = fixture.service.health.troubled_hosts(&wdc(), fixture.clock.now()).await.unwrap();
    assert_eq!(status.len(), 1);
    assert!(status[0].health.throttle.is_none() && status[0].health.held_until.is_some());

    fixture.clock.forward(120);
    assert_eq!(fixture.deliver(&waiting).await, Disposition::Done);
    assert_eq!(fixture.deliver(&retry).await, Disposition::Done);
    assert_eq!(fixture.endpoints.posts("busy.example"), 4);
    assert_eq!(fixture.service.health.troubled_hosts(&wdc(), fixture.clock.now()).await.unwrap(), []);
}

#[tokio::test]
async fn a_message_that_waits_expires_all_the_same() {
    let (fixture, [ours, _]) = throttled().await;
    let waiting = fixture.message(ours).await;
    fixture.clock.forward(72 * 3600 - 30);
    // Another process probes just before.
    fixture.send(ours).await;
    assert_eq!(fixture.deliver(&waiting).await, back_in(&fixture, 30), "until the end of its run, not longer");
    fixture.clock.forward(30);
    assert_eq!(fixture.deliver(&waiting).await, Disposition::Done);
    let record = fixture.record(&waiting).await.unwrap();
    assert_eq!((record.outcome, record.failure.unwrap().text.as_str()), (Outcome::Dropped, "Expired"));
    assert!(record.request.is_none());
}

#[tokio::test]
async fn a_test_goes_always_and_its_failure_never_counts() {
    let (fixture, [ours, _]) = throttled().await;
    let test = async || {
        let account = fixture.service.accounts.account(&wdc()).await.unwrap().unwrap();
        hookline_core::use_cases::webhooks::test::test(&fixture.service, &account, ours).await.unwrap();
        fixture.deliver(&fixture.next()).await
    };
    let before = fixture.service.health.host(&wdc(), &bad(), fixture.clock.now()).await.unwrap();
    assert_eq!(test().await, Disposition::Done);
    assert_eq!(fixture.endpoints.posts("bad.example"), 11);
    assert_eq!(fixture.service.health.host(&wdc(), &bad(), fixture.clock.now()).await.unwrap(), before);
    fixture.endpoints.tell("bad.example", Does::Answers(200));
    test().await;
    let after = fixture.service.health.host(&wdc(), &bad(), fixture.clock.now()).await.unwrap();
    assert_eq!((after.run, after.throttle), (0, None), "good news counts");
}

#[tokio::test]
async fn accounts_see_and_lift_only_where_they_have_a_webhook() {
    let (fixture, [ours, _]) = throttled().await;
    let now = fixture.clock.now();
    let seen = async |account: &str| {
        let account = AccountId::parse(account).unwrap();
        let hosts = fixture.service.health.troubled_hosts(&account, fixture.clock.now()).await.unwrap();
        hosts.into_iter().map(|status| (status.host.as_str().to_owned(), status.waiting)).collect::<Vec<_>>()
    };
    // Each of the ten failures waits for its second attempt.
    assert_eq!(seen("wdc").await, [("https://bad.example:443".to_owned(), 10)]);
    assert_eq!(seen("other").await, [], "throttled for the other account alone");
    assert_eq!(seen("stranger").await, []);
    let stranger = AccountId::parse("stranger").unwrap();
    assert!(matches!(health::lift_throttle(&fixture.service, &stranger, &bad()).await, Err(UseCaseError::NotFound)));
    let unknown = EndpointHost::parse("https://good.example:443").unwrap();
    assert!(matches!(health::lift_throttle(&fixture.service, &wdc(), &unknown).await, Err(UseCaseError::NotFound)));
    assert_eq!(fixture.send(ours).await, back_in(&fixture, 60));
    health::lift_throttle(&fixture.service, &wdc(), &bad()).await.unwrap();
    assert_eq!(fixture.send(ours).await, Disposition::Done);
    assert_eq!(seen("wdc").await, []);
    health::lift_throttle(&fixture.service, &wdc(), &bad()).await.unwrap();
    assert_eq!(now, fixture.clock.now());
}

#[tokio::test]
async fn a_change_of_a_host_is_seen_by_other_processes_and_at_once_by_its_own() {
    let (fixture, _) = throttled().await;
    let (other, now) = (fixture.other_process(), fixture.clock.now());
    let ours = fixture.service.health.host(&wdc(), &bad(), now).await.unwrap();
    assert_eq!(other.host(&wdc(), &bad(), now).await.unwrap(), ours);
    let probed = fixture.service.health.change_host(&wdc(), &bad(), HostEvent::Lifted, now, 1.0).await.unwrap();
    assert!(probed.after.is_good() && fixture.service.health.host(&wdc(), &bad(), now).await.unwrap().is_good());
    assert_eq!(other.host(&wdc(), &bad(), now).await.unwrap(), ours, "five seconds old at most");
    fixture.clock.forward(5);
    assert!(other.host(&wdc(), &bad(), fixture.clock.now()).await.unwrap().is_good());
}

#[tokio::test]
async fn verify_messages_are_sent_to_a_throttled_host_and_never_count() {
    let settings = CoreSettings { verification: VerificationMode::Required, ..CoreSettings::default() };
    let fixture = ServiceFixture::with(settings).await;
    fixture.endpoints.tell("bad.example", Does::AsksToWait(503, "3600"));
    for number in 0..12 {
        fixture.webhook("wdc", &format!("https://bad.example/{number}")).await;
        assert_eq!(fixture.deliver(&fixture.next()).await, Disposition::Done, "verify message {number}");
    }
    assert_eq!(fixture.endpoints.posts("bad.example"), 12);
    assert!(fixture.service.health.host(&wdc(), &bad(), fixture.clock.now()).await.unwrap().is_good());
}
