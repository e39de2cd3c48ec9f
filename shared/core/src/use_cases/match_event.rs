//! Which webhooks get an event, and the turns of other work between their filters.

use crate::model::{Event, Subscriber};
use crate::rules::MatchReason;
use crate::rules::matching::{EventMatcher, FilteredEvent};
use crate::use_cases::yield_now::yield_now;
use crate::values::content_filter::FilterMismatch;

/// After so many steps of filters other tasks get their turn: well below a millisecond.
const STEPS_OF_A_TURN: usize = 100_000;

/// How many filters are explained: more would not fit into the answer of a function.
const MAX_MISMATCHES: usize = 1000;

/// For each webhook, whether it gets the event. The event is parsed once.
pub(crate) async fn match_reasons(subscribers: &[Subscriber], event: &Event, domain: &str) -> Vec<MatchReason> {
    let explained = explained(subscribers, event, domain, 0).await;
    explained.into_iter().map(|(why, _)| why).collect()
}

/// The same, with the condition that failed of each filter that keeps the event out.
pub(crate) async fn explain_matches(
    subscribers: &[Subscriber],
    event: &Event,
    domain: &str,
) -> Vec<(MatchReason, Option<FilterMismatch>)> {
    explained(subscribers, event, domain, MAX_MISMATCHES).await
}

async fn explained(
    subscribers: &[Subscriber],
    event: &Event,
    domain: &str,
    mut mismatches: usize,
) -> Vec<(MatchReason, Option<FilterMismatch>)> {
    let filtered = FilteredEvent::of(event);
    let document = filtered.document(subscribers.iter().any(|subscriber| subscriber.filter.is_some()));
    let matcher = EventMatcher::new(subscribers, &event.head, &document, domain);
    let (mut found, mut steps) = (Vec::with_capacity(subscribers.len()), 0);
    for subscriber in subscribers {
        let why = matcher.reason(subscriber, &mut steps);
        let filter = subscriber.filter.as_ref().filter(|_| mismatches > 0 && why == MatchReason::Filtered);
        mismatches -= usize::from(filter.is_some());
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

    fn subscribers(count: u64) -> Vec<Subscriber> {
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
        (1..=count).map(subscriber).collect()
    }

    /// An event whose payload takes so many steps of each filter, and that none of them matches.
    fn event(steps: usize) -> Event {
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
        let payload = format!(r#"{{"a":"{}"}}"#, "x".repeat(steps));
        Event { head: head.into(), payload: Payload::from_valid_json(payload.into()) }
    }

    /// The result of a future, and how often it let others go on.
    fn run<T>(future: impl Future<Output = T>) -> (T, usize) {
        let (mut future, mut turns) = (pin!(future), 0);
        loop {
            match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(found) => return (found, turns),
                Poll::Pending => turns += 1,
            }
        }
    }

    #[test]
    fn other_tasks_get_their_turn_between_long_filters() {
        let (subscribers, event) = (subscribers(10), event(STEPS_OF_A_TURN));
        let found = run(match_reasons(&subscribers, &event, "h"));
        assert_eq!(found, (vec![MatchReason::Filtered; 10], 10));
    }

    #[test]
    fn so_many_filters_are_explained_as_fit_into_an_answer() {
        let (subscribers, event) = (subscribers(MAX_MISMATCHES as u64 + 5), event(1));
        let (found, _) = run(explain_matches(&subscribers, &event, "h"));
        assert!(found.iter().all(|(why, _)| *why == MatchReason::Filtered));
        assert_eq!(found.iter().filter(|(_, mismatch)| mismatch.is_some()).count(), MAX_MISMATCHES);
    }
}
