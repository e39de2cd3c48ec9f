//! The result of an attempt is final: the first final record stands, and later writers get it.

use std::time::Duration;

use hookline_core::model::{Attempt, Delivery, Outcome};
use hookline_core::ports::{AttemptClaim, Deliveries as _, RecordOutcome};

use crate::fixture::{self, StoreFixture, at, event, id};

fn attempt(number: u8) -> Attempt {
    Attempt { number, ..fixture::attempt(&event("a", "e", at(0)), 1) }
}

#[tokio::test]
async fn the_first_final_record_stands_and_names_the_next_attempt() {
    let fixture = StoreFixture::new().await;
    for number in [1, 2] {
        let attempt = attempt(number);
        let waiting = Delivery::of_attempt(&attempt, at(1), Outcome::Waiting);
        let failed =
            Delivery { next_attempt_at: Some(at(20)), ..Delivery::of_attempt(&attempt, at(2), Outcome::Failed) };
        let succeeded = Delivery::of_attempt(&attempt, at(3), Outcome::Succeeded);
        let stands = RecordOutcome::Stands { next_attempt_at: Some(at(20)) };
        assert_eq!(fixture.view.record(&waiting).await.unwrap(), RecordOutcome::Written);
        assert_eq!(fixture.view.record(&failed).await.unwrap(), RecordOutcome::Written);
        assert_eq!(fixture.view.record(&succeeded).await.unwrap(), stands);
        assert_eq!(fixture.view.record(&failed).await.unwrap(), stands);
        let kept = fixture.view.delivery(&id("a"), attempt.delivery_id(), at(4)).await.unwrap().unwrap();
        assert_eq!((kept.outcome, kept.next_attempt_at), (Outcome::Failed, Some(at(20))));
        let claim = fixture.view.claim_attempt(&attempt, at(4), at(4) + Duration::from_mins(1)).await.unwrap();
        assert_eq!(claim, AttemptClaim::Final { next_attempt_at: Some(at(20)) });
    }
}

#[tokio::test]
async fn nothing_follows_an_end() {
    let fixture = StoreFixture::new().await;
    let attempt = attempt(3);
    for outcome in [Outcome::Dropped, Outcome::Cancelled, Outcome::Succeeded] {
        let recorded = fixture.view.record(&Delivery::of_attempt(&attempt, at(1), outcome)).await.unwrap();
        let first = outcome == Outcome::Dropped;
        assert_eq!(recorded == RecordOutcome::Written, first);
        assert!(first || recorded == RecordOutcome::Stands { next_attempt_at: None });
    }
}
