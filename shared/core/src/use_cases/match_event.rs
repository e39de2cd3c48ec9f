//! Which webhooks get an event, and the turns of other work between their filters.

use crate::model::{Event, Subscriber};
use crate::rules::MatchReason;
use crate::rules::matching::{EventMatcher, FilteredEvent};
use crate::use_cases::yield_now::yield_now;
use crate::values::content_filter::FilterMismatch;

/// After so many steps of filters other tasks get their turn: well below a millisecond.
const STEPS_OF_A_TURN: usize = 100_000;

/// For each webhook, whether it gets the event. The event is parsed once.
pub(crate) async fn match_reasons(subscribers: &[Subscriber], event: &Event, domain: &str) -> Vec<MatchReason> {
    let explained = explained(subscribers, event, domain, false).await;
    explained.into_iter().map(|(why, _)| why).collect()
}

/// The same, with the condition that failed of each filter that keeps the event out.
pub(crate) async fn explain_matches(
    subscribers: &[Subscriber],
    event: &Event,
    domain: &str,
) -> Vec<(MatchReason, Option<FilterMismatch>)> {
    explained(subscribers, event, domain, true).await
}

async fn explained(
    subscribers: &[Subscriber],
    event: &Event,
    domain: &str,
    names_conditions: bool,
) -> Vec<(MatchReason, Option<FilterMismatch>)> {
    let filtered = FilteredEvent::of(event);
    let document = filtered.document(subscribers.iter().any(|subscriber| subscriber.filter.is_some()));
    let matcher = EventMatcher::new(subscribers, &event.head, &document, domain);
    let (mut found, mut steps) = (Vec::with_capacity(subscribers.len()), 0);
    for subscriber in subscribers {
        let why = matcher.reason(subscriber, &mut steps);
        let filter = subscriber.filter.as_ref().filter(|_| names_conditions && why == MatchReason::Filtered);
        found.push((why, filter.and_then(|filter| filter.mismatch(&document))));
        if steps >= STEPS_OF_A_TURN {
            steps = 0;
            yield_now().await;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;
    use crate::ids::{AccountId, EventId, WebhookId};
    use crate::model::{EventHead, EventName, Links, Payload, Subscription};
    use crate::values::ContentFilter;

    #[test]
    fn other_tasks_get_their_turn_between_long_filters() {
        let filter = ContentFilter::parse(r#"{"payload":{"a":[{"wildcard":"*b*c*d"}]}}"#).unwrap();
        let subscriber = |id| Subscriber {
            webhook: WebhookId(id),
            name: "n".to_owned(),
            subscriptions: Subscription::All.into(),
            filter: Some(filter.clone()),
            host_hash: 0,
            enabled: true,
            disabling: None,
            verified: true,
        };
        let subscribers: Vec<Subscriber> = (1..=10).map(subscriber).collect();
        let event = EventName::builtin("request.create").unwrap();
        let head = EventHead {
            id: EventId::parse("e").unwrap(),
            account: AccountId::parse("wdc").unwrap(),
            object_id: 1,
            object_type: EventHead::default_object_type(&event),
            event,
            person_id: None,
            person_name: None,
            links: Links::default(),
            webhook: None,
            accepted_at: jiff::Timestamp::UNIX_EPOCH,
        };
        let payload = format!(r#"{{"a":"{}"}}"#, "x".repeat(STEPS_OF_A_TURN));
        let event = Event { head: head.into(), payload: Payload::from_valid_json(payload.into()) };
        let mut matching = pin!(match_reasons(&subscribers, &event, "h"));
        let mut turns = 0;
        let found = loop {
            match matching.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(found) => break found,
                Poll::Pending => turns += 1,
            }
        };
        assert_eq!((turns, found), (10, vec![MatchReason::Filtered; 10]));
    }
}
