//! Events: claimed once, finished once, kept for their time.

use futures_util::future::join_all;
use hookline_core::ids::WebhookId;
use hookline_core::model::{Event, Payload};
use hookline_core::ports::{EventClaim, Events as _, StoredEvent};

use crate::fixture::{StoreFixture, at, event, id};

/// 33 days.
const KEPT: i64 = 33 * 86_400;

#[tokio::test]
async fn of_many_claims_one_wins_and_the_first_content_counts() {
    let fixture = StoreFixture::new().await;
    let one = event("a", "e#1", 0);
    let claims = join_all((0..20).map(|_| fixture.table.claim_event(&one, at(1), at(61)))).await;
    let begun = claims.iter().filter(|claim| matches!(claim.as_ref().unwrap(), EventClaim::Begun { .. })).count();
    assert_eq!(begun, 1);
    let other = Event { payload: Payload::empty(), ..event("a", "e#1", 5) };
    let claim = async |seconds: i64| fixture.table.claim_event(&other, at(seconds), at(seconds + 60)).await.unwrap();
    assert_eq!(claim(10).await, EventClaim::Busy { until: at(61) });
    fixture.table.event_progress(&one, WebhookId(9), at(100)).await.unwrap();
    assert_eq!(claim(99).await, EventClaim::Busy { until: at(100) });
    // The lease is over: one of many goes on at the mark, with what was accepted first.
    let claims = join_all((0..10).map(|_| claim(101))).await;
    let begun: Vec<&EventClaim> = claims.iter().filter(|claim| !matches!(claim, EventClaim::Busy { .. })).collect();
    assert_eq!(begun, [&EventClaim::Begun { event: one.clone(), after: Some(WebhookId(9)) }]);
    fixture.table.event_done(&one, &[WebhookId(3), WebhookId(u64::from(u32::MAX))]).await.unwrap();
    assert_eq!(claim(1000).await, EventClaim::Done);
    fixture.table.event_progress(&one, WebhookId(1), at(5000)).await.unwrap();
    assert_eq!(claim(1000).await, EventClaim::Done, "done stays done");
    let matched = Some(vec![WebhookId(3), WebhookId(u64::from(u32::MAX))]);
    let stored = fixture.table.event(&id("a"), &one.head.id, at(1000)).await.unwrap();
    assert_eq!(stored, Some(StoredEvent { event: one.clone(), matched }));
    assert_eq!(fixture.table.event(&id("b"), &one.head.id, at(1000)).await.unwrap(), None);
}

#[tokio::test]
async fn an_event_whose_time_is_over_counts_as_absent() {
    let fixture = StoreFixture::new().await;
    let one = event("a", "e", 0);
    fixture.table.claim_event(&one, at(0), at(60)).await.unwrap();
    fixture.table.event_done(&one, &[WebhookId(1)]).await.unwrap();
    let stored = async |seconds: i64| fixture.table.event(&id("a"), &one.head.id, at(seconds)).await.unwrap();
    assert!(stored(KEPT - 1).await.is_some());
    assert_eq!(stored(KEPT).await, None);
    let again = event("a", "e", KEPT);
    assert_eq!(fixture.table.claim_event(&again, at(KEPT - 1), at(KEPT + 60)).await.unwrap(), EventClaim::Done);
    let claimed = fixture.table.claim_event(&again, at(KEPT), at(KEPT + 60)).await.unwrap();
    assert_eq!(claimed, EventClaim::Begun { event: again.clone(), after: None });
    // What is left of the first one's fan-out means nothing to the second.
    assert_eq!(stored(KEPT).await, Some(StoredEvent { event: again.clone(), matched: None }));
    let busy = fixture.table.claim_event(&again, at(KEPT + 1), at(KEPT + 61)).await.unwrap();
    assert_eq!(busy, EventClaim::Busy { until: at(KEPT + 60) });
    let after = fixture.table.claim_event(&again, at(KEPT + 60), at(KEPT + 120)).await.unwrap();
    assert_eq!(after, EventClaim::Begun { event: again, after: None });
}

#[tokio::test]
async fn a_large_payload_is_kept_to_the_byte() {
    let fixture = StoreFixture::new().await;
    let mut noise = 1_u64;
    let mut digit = || {
        noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(b'!' + u8::try_from((noise >> 33) % 90).unwrap())
    };
    let text: String = (0..255 * 1024).map(|_| digit()).filter(|c| *c != '"' && *c != '\\').collect();
    let payload = Payload::from_valid_json(format!("{{\"a\":\"{text}\"}}").into());
    let large = Event { payload, ..event("a", "large", 0) };
    fixture.table.claim_event(&large, at(0), at(60)).await.unwrap();
    let stored = fixture.table.event(&id("a"), &large.head.id, at(1)).await.unwrap().unwrap();
    assert_eq!(stored.event, large);
}
