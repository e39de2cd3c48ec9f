//! Which webhooks an event is for (sections 3, 4 and 14).

use std::time::Duration;

use jiff::Timestamp;

use crate::ids::WebhookId;
use crate::model::event::AUTOMATION_RULE;
use crate::model::{DisabledBy, Disabling, Event, EventHead, EventName, SkipReason, Subscriber};
use crate::values::content_filter::Document;
use crate::values::node_id;

/// Why a webhook gets an event, or why not (section 4, `explain`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MatchReason {
    /// It gets the event.
    Matches,
    /// It waits for something else.
    OtherEvent,
    /// It is disabled.
    Disabled,
    /// Its endpoint has not proved that it wants our messages.
    Unverified,
    /// The event is for the one webhook that it names, and that is another.
    NotNamed,
    /// Its filter does not match the event.
    Filtered,
}

impl MatchReason {
    /// All reasons.
    pub const ALL: [Self; 6] =
        [Self::Matches, Self::OtherEvent, Self::Disabled, Self::Unverified, Self::NotNamed, Self::Filtered];

    /// As it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Matches => "matches",
            Self::OtherEvent => "other event",
            Self::Disabled => "disabled",
            Self::Unverified => "unverified",
            Self::NotNamed => "not named",
            Self::Filtered => "filtered",
        }
    }
}

/// An event that met a webhook disabled by an administrator longer ago leaves no record of that.
const REMEMBERED: Duration = Duration::from_hours(24 * 7);

/// The reason for the record of an event that the webhook would have got; `None` if it gets it, or if no record is
/// expected (section 10, *Skipped*).
#[must_use]
pub fn skip_reason(subscriber: &Subscriber, why: MatchReason, now: Timestamp) -> Option<SkipReason> {
    match (why, subscriber.disabling) {
        (MatchReason::Matches | MatchReason::OtherEvent | MatchReason::NotNamed | MatchReason::Filtered, _)
        | (MatchReason::Disabled, None) => None,
        (MatchReason::Unverified, _) => Some(SkipReason::Unverified),
        (MatchReason::Disabled, Some(Disabling { by: DisabledBy::Failures | DisabledBy::Gone, .. })) => {
            Some(SkipReason::DisabledByService)
        }
        (MatchReason::Disabled, Some(Disabling { by: DisabledBy::Administrator, at })) => {
            (now < at + REMEMBERED).then_some(SkipReason::DisabledByAdministrator)
        }
    }
}

/// Decides which webhooks get one event. An `automation_rule` event goes to the one webhook that it names: by id, by node
/// id, or by exact name among the enabled `automation_rule` webhooks, the lowest id first.
#[derive(Debug)]
pub struct EventMatcher<'a> {
    event: &'a EventHead,
    document: &'a Document<'a>,
    named: Option<WebhookId>,
}

impl<'a> EventMatcher<'a> {
    /// `document` is what filters see of the event.
    #[must_use]
    pub fn new(subscribers: &[Subscriber], event: &'a EventHead, document: &'a Document<'a>, domain: &str) -> Self {
        let named = event.webhook.as_deref().and_then(|name| named(subscribers, &event.event, name, domain));
        Self { event, document, named }
    }

    /// Whether a webhook gets the event. Adds the steps of its filter to `steps`.
    #[must_use]
    pub fn reason(&self, subscriber: &Subscriber, steps: &mut usize) -> MatchReason {
        let for_one = self.event.event.as_str() == AUTOMATION_RULE;
        if !subscriber.subscriptions.match_event(&self.event.event) {
            MatchReason::OtherEvent
        } else if for_one && self.named != Some(subscriber.webhook) {
            MatchReason::NotNamed
        } else if subscriber.filter.as_ref().is_some_and(|filter| !filter.matches(self.document, steps)) {
            MatchReason::Filtered
        } else if !subscriber.enabled {
            MatchReason::Disabled
        } else if !subscriber.verified {
            MatchReason::Unverified
        } else {
            MatchReason::Matches
        }
    }
}

/// What filters see of an event (section 14).
#[derive(Debug)]
pub struct FilteredEvent<'a> {
    event: &'a Event,
    object_id: String,
    person_id: Option<String>,
}

impl<'a> FilteredEvent<'a> {
    /// Of this event.
    #[must_use]
    pub fn of(event: &'a Event) -> Self {
        let object_id = event.head.object_id.to_string();
        Self { event, object_id, person_id: event.head.person_id.map(|id| id.to_string()) }
    }

    /// The document, whose payload is parsed only if there is a filter that sees it.
    #[must_use]
    pub fn document(&self, has_filters: bool) -> Document<'_> {
        if !has_filters {
            return Document::number(None);
        }
        Document::of([
            ("event", Document::text(self.event.head.event.as_str())),
            ("object_id", Document::number(Some(&self.object_id))),
            ("object_type", Document::text(&self.event.head.object_type)),
            ("person_id", Document::number(self.person_id.as_deref())),
            ("payload", Document::parse(self.event.payload.as_raw())),
        ])
    }
}

/// The webhook that an `automation_rule` event names.
fn named(subscribers: &[Subscriber], event: &EventName, name: &str, domain: &str) -> Option<WebhookId> {
    let waiting = || subscribers.iter().filter(|subscriber| subscriber.subscriptions.match_event(event));
    let id = node_id::parse(domain, "Webhook", name).map(WebhookId);
    let by_id = waiting().map(|subscriber| subscriber.webhook).find(|webhook| Some(*webhook) == id);
    let by_name = || {
        let of_that_name = waiting().filter(|subscriber| subscriber.enabled && subscriber.name == name);
        of_that_name.map(|subscriber| subscriber.webhook).min()
    };
    by_id.or_else(by_name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Payload, Subscriptions};
    use crate::values::ContentFilter;

    fn subscriber(id: u64, name: &str, event: &str, enabled: bool) -> Subscriber {
        let subscriptions = Subscriptions::stored(event).unwrap();
        Subscriber {
            webhook: WebhookId(id),
            name: name.into(),
            subscriptions,
            filter: None,
            host_hash: 0,
            enabled,
            disabling: None,
            verified: id != 9,
        }
    }

    fn match_reasons(subscribers: &[Subscriber], event: &Event, domain: &str) -> Vec<MatchReason> {
        let filtered = FilteredEvent::of(event);
        let document = filtered.document(subscribers.iter().any(|subscriber| subscriber.filter.is_some()));
        let matcher = EventMatcher::new(subscribers, &event.head, &document, domain);
        subscribers.iter().map(|subscriber| matcher.reason(subscriber, &mut 0)).collect()
    }

    fn event(event: &str, webhook: Option<&str>) -> Event {
        let event = EventName::builtin(event).unwrap();
        let head = EventHead {
            id: crate::ids::EventId::parse("e").unwrap(),
            account: crate::ids::AccountId::parse("wdc").unwrap(),
            object_id: 1,
            object_type: EventHead::default_object_type(&event),
            event,
            person_id: None,
            person_name: None,
            links: crate::model::Links::default(),
            webhook: webhook.map(str::to_owned),
            accepted_at: Timestamp::UNIX_EPOCH,
        };
        let payload = Payload::from_valid_json(r#"{"status":"open","lines":[{"n":1},{"n":2.5}]}"#.into());
        Event { head: head.into(), payload }
    }

    #[test]
    fn a_filter_sees_the_event_its_object_its_person_and_its_payload() {
        let event = event("request.create", None);
        for (filter, wanted) in [
            (r#"{"event":[{"suffix":".create"}]}"#, MatchReason::Matches),
            (r#"{"object_id":[1.0],"object_type":["Request"],"person_id":[null]}"#, MatchReason::Matches),
            (r#"{"payload":{"status":["open"],"lines":{"n":[{"numeric":["=",2.5]}]}}}"#, MatchReason::Matches),
            (r#"{"payload":{"status":["closed"]}}"#, MatchReason::Filtered),
            (r#"{"account":["wdc"]}"#, MatchReason::Filtered),
        ] {
            let filter = ContentFilter::parse(filter).unwrap();
            let mismatch = filter.mismatch(&FilteredEvent::of(&event).document(true));
            assert_eq!(mismatch.is_none(), wanted == MatchReason::Matches, "{mismatch:?}");
            // A disabled webhook misses nothing that its filter keeps out.
            let disabled = Subscriber { filter: Some(filter.clone()), ..subscriber(1, "a", "*", false) };
            let enabled = Subscriber { enabled: true, ..disabled.clone() };
            let of_disabled = if wanted == MatchReason::Matches { MatchReason::Disabled } else { wanted };
            assert_eq!(match_reasons(&[disabled, enabled], &event, "h"), [of_disabled, wanted], "{filter:?}");
        }
    }

    #[test]
    fn why_a_webhook_gets_an_event() {
        use MatchReason::{Disabled, Matches, OtherEvent, Unverified};
        let all = [
            subscriber(1, "a", "request.create", true),
            subscriber(2, "b", "request.*", true),
            subscriber(3, "c", "*", false),
            subscriber(4, "d", "risk.create problem.*", true),
            subscriber(5, "f", "risk.create request.create request.*", true),
            subscriber(9, "e", "*", true),
        ];
        let why = match_reasons(&all, &event("request.create", None), "h");
        assert_eq!(why, [Matches, Matches, Disabled, OtherEvent, Matches, Unverified]);
    }

    #[test]
    fn what_a_webhook_misses_is_recorded_with_the_reason() {
        const DAY: i64 = 86_400;
        let at = |second| Timestamp::from_second(second).unwrap();
        let reason_of = |why, by: Option<DisabledBy>, days: i64| {
            let disabling = by.map(|by| Disabling { by, at: at(0) });
            let missed = Subscriber { disabling, ..subscriber(1, "a", "*", by.is_none()) };
            skip_reason(&missed, why, at(days * DAY))
        };
        let (admin, failures) = (Some(DisabledBy::Administrator), Some(DisabledBy::Failures));
        for (why, by, days, reason) in [
            (MatchReason::Matches, None, 0, None),
            (MatchReason::Unverified, None, 0, Some(SkipReason::Unverified)),
            (MatchReason::Disabled, failures, 0, Some(SkipReason::DisabledByService)),
            (MatchReason::Disabled, failures, 100, Some(SkipReason::DisabledByService)),
            (MatchReason::Disabled, Some(DisabledBy::Gone), 100, Some(SkipReason::DisabledByService)),
            (MatchReason::Disabled, admin, 6, Some(SkipReason::DisabledByAdministrator)),
            (MatchReason::Disabled, admin, 7, None),
            (MatchReason::OtherEvent, failures, 0, None),
            (MatchReason::NotNamed, failures, 0, None),
        ] {
            assert_eq!(reason_of(why, by, days), reason, "{why:?} {by:?} after {days} days");
        }
    }

    #[test]
    fn an_automation_rule_event_goes_to_the_one_webhook_that_it_names() {
        let all = [
            subscriber(1, "twin", "automation_rule", false),
            subscriber(2, "twin", "automation_rule", true),
            subscriber(3, "twin", "automation_rule", true),
            subscriber(4, "3", "automation_rule", true),
            subscriber(5, "twin", "*", true),
        ];
        let goes_to = |name: Option<&str>| {
            let why = match_reasons(&all, &event("automation_rule", name), "h");
            let matches = all.iter().zip(why).filter(|(_, why)| *why == MatchReason::Matches);
            matches.map(|(subscriber, _)| subscriber.webhook.0).collect::<Vec<_>>()
        };
        assert_eq!(goes_to(Some("twin")), [2]);
        assert_eq!(goes_to(Some("3")), [3]);
        assert_eq!(goes_to(Some(&node_id::encode("h", "Webhook", 4))), [4]);
        assert_eq!(goes_to(Some("1")), [0_u64; 0]);
        assert_eq!(goes_to(Some("nobody")), [0_u64; 0]);
        assert_eq!(goes_to(None), [0_u64; 0]);
    }
}
