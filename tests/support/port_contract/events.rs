//! Events: the claim under an idempotency key, and what is kept of them.

use std::time::Duration;

use hookline_core::errors::PortResult;
use hookline_core::ids::WebhookId;
use hookline_core::model::{Attempt, Event, EventHead, Message, Payload};
use hookline_core::ports::{EventClaim, EventIntake, StoredEvent};
use hookline_core::service::Service;
use jiff::Timestamp;

use super::{MINUTE, at_once, event, fresh_account};

async fn claim(service: &Service, event: &Event, now: Timestamp) -> EventClaim {
    service.events.claim_event(event, now, now + MINUTE).await.expect("the store works")
}

/// The others see when its lease ends.
pub async fn of_fifty_claims_one_begins(service: &Service) {
    let account = fresh_account(service).await;
    let now = service.clock.now();
    let event = event(&account.id, "!~", "request.create", now, "{}");
    let claims = at_once(50, |_| claim(service, &event, now)).await;
    let begun = EventClaim::Begun { event: event.clone(), after: None };
    assert_eq!(claims.iter().filter(|claim| **claim == begun).count(), 1);
    let busy = EventClaim::Busy { until: now + MINUTE };
    assert_eq!(claims.iter().filter(|claim| **claim == busy).count(), 49);
    let stored = service.events.event(&account.id, &event.head.id, now).await.expect("the store works");
    assert_eq!(stored, Some(StoredEvent { event, matched: None }));
}

/// After its lease; once it is done, never again.
pub async fn a_lease_ends_and_the_work_goes_on_at_its_mark(service: &Service) {
    let account = fresh_account(service).await;
    let now = service.clock.now();
    let event = event(&account.id, "e", "request.create", now, "{}");
    let begun = |after| EventClaim::Begun { event: event.clone(), after };
    assert_eq!(claim(service, &event, now).await, begun(None));
    let still = claim(service, &event, now + MINUTE - Duration::from_millis(1)).await;
    assert_eq!(still, EventClaim::Busy { until: now + MINUTE });
    let second = now + MINUTE;
    let claims = at_once(20, |_| claim(service, &event, second)).await;
    assert_eq!(claims.iter().filter(|claim| **claim == begun(None)).count(), 1);
    let mark = WebhookId(17);
    service.events.event_progress(&event, mark, second + MINUTE * 5).await.expect("the store works");
    let busy = claim(service, &event, second + MINUTE).await;
    assert_eq!(busy, EventClaim::Busy { until: second + MINUTE * 5 }, "progress extends the lease");
    assert_eq!(claim(service, &event, second + MINUTE * 5).await, begun(Some(mark)));
    let matched = [WebhookId(3), WebhookId(17), WebhookId(4_000_000_000)];
    service.events.event_done(&event, &matched).await.expect("the store works");
    assert_eq!(claim(service, &event, second + MINUTE * 60).await, EventClaim::Done);
    let stored = service.events.event(&account.id, &event.head.id, now).await.expect("the store works");
    assert_eq!(stored.expect("it is kept").matched.as_deref(), Some(&matched[..]));
    service.events.event_done(&event, &[]).await.expect("the store works");
    service.events.event_progress(&event, WebhookId(1), second).await.expect("the store works");
    assert_eq!(claim(service, &event, second + MINUTE * 60).await, EventClaim::Done, "done stays done");
    let stored = service.events.event(&account.id, &event.head.id, now).await.expect("the store works");
    assert_eq!(stored.expect("it is kept").matched.map(|matched| matched.len()), Some(3));
}

/// Numbers, order of keys, spaces, escapes, any character; tiny, and as large as may be whether it packs well or not.
pub async fn a_payload_comes_back_byte_for_byte(service: &Service) {
    let account = fresh_account(service).await;
    let now = service.clock.now();
    let mut noise = 1_u64;
    let dense: String = std::iter::repeat_with(|| {
        // A sequence that no packer shortens much.
        noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[(noise >> 58) as usize])
    })
    .take(255 * 1024)
    .collect();
    let payloads = [
        "{}".to_owned(),
        "{ \"b\":1e400, \"a\" :\t[1.0,-0,18446744073709551617],\"a\":\"\\/\\u0416\\ud800Ж🚀\u{2028}\u{7f}\" }"
            .to_owned(),
        format!("{{\"x\":\"{}\"}}", " ".repeat(255 * 1024)),
        format!("{{\"x\":\"{dense}\"}}"),
        format!("{{\"x\":\"{}\"}}", "Ж".repeat(127 * 1024)),
        format!("{{\"x\":{}{}}}", "[".repeat(60_000), "]".repeat(60_000)),
    ];
    for (number, payload) in payloads.iter().enumerate() {
        let event = event(&account.id, &format!("e{number}"), "problem.note-added", now, payload);
        assert_eq!(claim(service, &event, now).await, EventClaim::Begun { event: event.clone(), after: None });
        let stored = service.events.event(&account.id, &event.head.id, now).await.expect("the store works");
        let stored = stored.expect("it is kept").event;
        assert!(stored.payload.as_bytes() == payload.as_bytes(), "payload {number}");
        assert_eq!(stored.head, event.head);
        // Claimed again after the lease, it is the stored one that comes.
        let EventClaim::Begun { event: again, .. } = claim(service, &event, now + MINUTE * 2).await else {
            panic!("its lease is over")
        };
        assert!(again == event, "payload {number}");
    }
}

/// Whatever the payload of a repeat says; another name or object makes it no repeat.
pub async fn the_first_content_counts(service: &Service) {
    let (account, other) = (fresh_account(service).await, fresh_account(service).await);
    let now = service.clock.now();
    let first = event(&account.id, "e", "request.create", now, "{\"n\":1}");
    let second = event(&account.id, "e", "request.create", now + MINUTE * 2, "{\"n\":2}");
    claim(service, &first, now).await;
    let again = claim(service, &second, now + MINUTE * 2).await;
    assert_eq!(again, EventClaim::Begun { event: first.clone(), after: None });
    let with_name = event(&account.id, "e", "risk.create", now + MINUTE * 9, "{\"n\":1}");
    let with_object = Event { head: EventHead { object_id: 2, ..(*first.head).clone() }.into(), ..first.clone() };
    for other in [with_name, with_object] {
        assert_eq!(claim(service, &other, now + MINUTE * 9).await, EventClaim::Conflict);
    }
    service.events.event_done(&first, &[]).await.expect("the store works");
    assert_eq!(claim(service, &second, now + MINUTE * 9).await, EventClaim::Done);
    // The same id in another account is another event.
    let theirs = event(&other.id, "e", "risk.create", now, "{\"n\":3}");
    assert_eq!(claim(service, &theirs, now).await, EventClaim::Begun { event: theirs.clone(), after: None });
    // And ids are compared as they are written.
    let upper = event(&account.id, "E", "risk.create", now, "{\"n\":4}");
    assert_eq!(claim(service, &upper, now).await, EventClaim::Begun { event: upper.clone(), after: None });
}

/// Until its time is over; then the id is free.
pub async fn an_event_is_kept_for_its_time(service: &Service) {
    let account = fresh_account(service).await;
    let kept = service.settings.events_kept;
    let now = service.clock.now();
    let accepted = now - kept + MINUTE;
    let old = event(&account.id, "e", "request.create", accepted, "{\"n\":1}");
    claim(service, &old, now).await;
    service.events.event_done(&old, &[]).await.expect("the store works");
    let read = async |at| service.events.event(&account.id, &old.head.id, at).await.expect("the store works");
    assert!(read(now).await.is_some());
    assert!(read(accepted + kept - Duration::from_secs(1)).await.is_some());
    assert!(read(accepted + kept).await.is_none(), "a past time counts as absent, whatever still lies there");
    let later = accepted + kept + MINUTE;
    let fresh = event(&account.id, "e", "risk.create", later, "{\"n\":2}");
    assert_eq!(claim(service, &fresh, later).await, EventClaim::Begun { event: fresh.clone(), after: None });
    assert_eq!(read(later).await.map(|stored| stored.event), Some(fresh));
}

/// Whatever their number and size; nothing is put, nothing is answered.
pub async fn what_is_put_on_the_queues_is_answered_in_order(service: &Service) {
    let account = fresh_account(service).await;
    let now = service.clock.now();
    let large = format!("{{\"x\":\"{}\"}}", "x".repeat(200 * 1024));
    let events: Vec<Event> = (0..100)
        .map(|number| {
            let payload = if number % 20 == 7 { &large } else { "{}" };
            event(&account.id, &format!("e{number}"), "request.create", now, payload)
        })
        .collect();
    for _ in 0..2 {
        let answers = service.queues.put_events(&events).await;
        assert_eq!(answers.len(), 100);
        let accepted =
            |answer: &PortResult<EventIntake>| matches!(answer, Ok(EventIntake::Accepted | EventIntake::Repeated));
        assert!(answers.iter().all(accepted), "a repeat is accepted like the first");
    }
    assert!(service.queues.put_events(&[]).await.is_empty());
    let attempts: Vec<(u64, Attempt)> = (0..600)
        .map(|number| {
            let message = Message::new(&events[0].head, WebhookId(4_000_000_000 + number), "Ж".to_owned(), None);
            let due = now + MINUTE * 60 * 24;
            (number % 7, Attempt { due_at: due, ..Attempt::first(message, &Payload::empty(), now) })
        })
        .collect();
    service.queues.put_attempts(&attempts).await.expect("the queue works");
    service.queues.put_attempts(&[]).await.expect("the queue works");
}
