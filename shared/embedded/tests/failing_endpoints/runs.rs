//! Runs from their first attempt to their end.

use futures_util::future::join_all;
use hookline_core::model::Outcome;
use hookline_core::ports::Disposition;
use hookline_core::rules::retry::BACKOFF;
use hookline_core::values::Clock as _;
use jiff::SignedDuration;

use crate::fixture::{Does, ServiceFixture};

#[tokio::test]
async fn ten_attempts_at_their_waits_and_no_eleventh_though_the_queue_repeats_everything() {
    let fixture = ServiceFixture::new().await;
    let webhook = fixture.webhook("wdc", "https://bad.example/").await;
    fixture.endpoints.tell("bad.example", Does::Answers(500));
    let first = fixture.message(webhook).await;
    let mut attempt = first.clone();
    for wait in BACKOFF.map(Some).into_iter().chain([None]) {
        let (number, posts) = (attempt.number, fixture.endpoints.posts("bad.example"));
        let all = join_all((0..3).map(|_| fixture.deliver(&attempt))).await;
        assert!(all.contains(&Disposition::Done), "attempt {number}: {all:?}");
        assert_eq!(fixture.deliver(&attempt).await, Disposition::Done, "attempt {number} again");
        let posted = fixture.endpoints.posts("bad.example") - posts;
        // The first attempt needs no claim, so a repeat by the queue is a second request.
        assert_eq!(posted, if number == 1 { 4 } else { 1 }, "attempt {number}");
        let record = fixture.record(&attempt).await.expect("a record");
        assert_eq!(record.attempt, number);

        let Some(wait) = wait else {
            assert_eq!((record.outcome, record.next_attempt_at), (Outcome::Dropped, None));
            break;
        };
        assert_eq!(record.outcome, Outcome::Failed);
        attempt = fixture.next();
        let (wait, waits) =
            (SignedDuration::try_from(wait).unwrap(), attempt.due_at.duration_since(fixture.clock.now()));
        assert!(wait <= waits && waits <= wait + wait / 10, "attempt {number} was followed after {waits}");
        assert_eq!((attempt.number, record.next_attempt_at), (number + 1, Some(attempt.due_at)));
        fixture.clock.forward(u64::try_from(waits.as_secs()).unwrap() - 1);
        let posts = fixture.endpoints.posts("bad.example");
        assert_eq!(fixture.deliver(&attempt).await, Disposition::HandBack { until: attempt.due_at }, "too soon");
        assert_eq!(fixture.endpoints.posts("bad.example"), posts);
        fixture.clock.forward(2);
    }
    assert_eq!(fixture.next().number, 10, "nothing follows the tenth attempt");
    let numbers: Vec<u8> = fixture.records_of(&first).await.iter().map(|record| record.attempt).collect();
    assert_eq!(numbers, (1..=10).rev().collect::<Vec<u8>>());
}

#[tokio::test]
async fn a_flapping_endpoint_gets_everything_and_is_not_throttled() {
    let fixture = ServiceFixture::new().await;
    let webhook = fixture.webhook("wdc", "https://flap.example/").await;
    fixture.endpoints.tell("flap.example", Does::Flaps);
    for round in 0..40 {
        let first = fixture.message(webhook).await;
        assert_eq!(fixture.deliver(&first).await, Disposition::Done, "round {round}");
        assert_eq!(fixture.record(&first).await.unwrap().outcome, Outcome::Failed, "round {round}");
        let second = fixture.next();
        fixture.clock.forward(17);
        assert_eq!(fixture.deliver(&second).await, Disposition::Done, "round {round}");
        assert_eq!(fixture.record(&second).await.unwrap().outcome, Outcome::Succeeded, "round {round}");
        // In all for ten days.
        fixture.clock.forward(6 * 3600);
    }
    let stored = fixture.stored(webhook).await;
    assert!(!stored.disabled && stored.last_error.is_none(), "{stored:?}");
    let host =
        fixture.service.health.host(&crate::fixture::wdc(), stored.uri.host(), fixture.clock.now()).await.unwrap();
    assert!(host.is_good(), "{host:?}");
}
