//! Which webhooks an event is for (sections 3 and 4).

use std::time::Duration;

use jiff::Timestamp;

use crate::event::{EVENT_NAMES, EventHead, EventName};
use crate::node_id;
use crate::webhook::{DisabledBy, Disabling, WebhookId};

/// What a webhook waits for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subscription {
    /// One event.
    Event(EventName),
    /// Every event of a noun: `request.*` (extension).
    Noun(String),
    /// Every event: `*` (extension).
    All,
}

/// The event that is sent to the one webhook it names, and that no pattern matches.
pub const AUTOMATION_RULE: &str = "automation_rule";

impl Subscription {
    /// Reads the text of a subscription that was stored.
    #[must_use]
    pub fn stored(text: &str) -> Option<Self> {
        Self::pattern(text).or_else(|| EventName::builtin(text).or_else(|| EventName::own_type(text)).map(Self::Event))
    }

    /// Reads a pattern: `*` or `noun.*`. `automation_rule.*` is none, since no pattern matches that event.
    #[must_use]
    pub fn pattern(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self::All);
        }
        let noun = text.strip_suffix(".*")?;
        let is_noun = EventName::own_type(noun).is_some_and(|name| name.noun() == noun) && noun != AUTOMATION_RULE;
        is_noun.then(|| Self::Noun(noun.to_owned()))
    }

    /// True for `*` and `noun.*`.
    #[must_use]
    pub fn is_pattern(&self) -> bool {
        match self {
            Self::Event(_) => false,
            Self::Noun(_) | Self::All => true,
        }
    }

    /// True if an event of that name is meant.
    #[must_use]
    pub fn matches(&self, event: &EventName) -> bool {
        match self {
            Self::Event(name) => name == event,
            Self::Noun(noun) => event.noun() == noun && event.as_str() != AUTOMATION_RULE,
            Self::All => event.as_str() != AUTOMATION_RULE,
        }
    }

    /// The event that a test of such a webhook sends: its own, else the first matching name of the 77, else of the
    /// account's own types.
    #[must_use]
    pub fn test_event(&self, own_types: &[EventName]) -> Option<EventName> {
        match self {
            Self::Event(name) => Some(name.clone()),
            Self::Noun(_) | Self::All => EVENT_NAMES
                .iter()
                .filter_map(|name| EventName::builtin(name))
                .chain(own_types.iter().cloned())
                .find(|name| self.matches(name)),
        }
    }
}

impl std::fmt::Display for Subscription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Event(name) => name.fmt(f),
            Self::Noun(noun) => write!(f, "{noun}.*"),
            Self::All => f.write_str("*"),
        }
    }
}

/// What fan-out knows of a webhook whose subscription may match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscriber {
    /// The webhook.
    pub webhook: WebhookId,
    /// Its name at this moment: part of the message's data.
    pub name: String,
    /// What it waits for.
    pub subscription: Subscription,
    /// Hash of its endpoint host: the fair-queue group.
    pub host_hash: u64,
    /// It is not disabled.
    pub enabled: bool,
    /// See [`Webhook::disabling`](crate::webhook::Webhook::disabling).
    pub disabling: Option<Disabling>,
    /// It is verified.
    pub verified: bool,
}

/// Why a webhook gets an event, or why not (section 4, `explain`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
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
}

impl Why {
    /// All reasons.
    pub const ALL: [Self; 5] = [Self::Matches, Self::OtherEvent, Self::Disabled, Self::Unverified, Self::NotNamed];

    /// As it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Matches => "matches",
            Self::OtherEvent => "other event",
            Self::Disabled => "disabled",
            Self::Unverified => "unverified",
            Self::NotNamed => "not named",
        }
    }
}

/// An event that met a webhook disabled by an administrator longer ago leaves no record of that.
const REMEMBERED: Duration = Duration::from_hours(24 * 7);

impl Subscriber {
    /// The reason for the record of an event that the webhook would have got; `None` if it gets it, or if nobody expects
    /// it to (section 10, *Skipped*).
    #[must_use]
    pub fn skips(&self, why: Why, now: Timestamp) -> Option<&'static str> {
        match (why, self.disabling) {
            (Why::Matches | Why::OtherEvent | Why::NotNamed, _) | (Why::Disabled, None) => None,
            (Why::Unverified, _) => Some("Webhook not verified"),
            (Why::Disabled, Some(Disabling { by: DisabledBy::Failures | DisabledBy::Gone, .. })) => {
                Some("Webhook disabled by the service")
            }
            (Why::Disabled, Some(Disabling { by: DisabledBy::Administrator, at })) => {
                (now < at + REMEMBERED).then_some("Webhook disabled")
            }
        }
    }
}

/// For each webhook of the account, whether it gets the event. An `automation_rule` event goes to the one webhook that
/// it names: by id, by node id, or by exact name among the enabled `automation_rule` webhooks, the lowest id first.
#[must_use]
pub fn explain(subscribers: &[Subscriber], event: &EventHead, domain: &str) -> Vec<Why> {
    let named = event.webhook.as_deref().and_then(|name| named(subscribers, &event.event, name, domain));
    let for_one = event.event.as_str() == AUTOMATION_RULE;
    subscribers
        .iter()
        .map(|subscriber| {
            if !subscriber.subscription.matches(&event.event) {
                Why::OtherEvent
            } else if for_one && named != Some(subscriber.webhook) {
                Why::NotNamed
            } else if !subscriber.enabled {
                Why::Disabled
            } else if !subscriber.verified {
                Why::Unverified
            } else {
                Why::Matches
            }
        })
        .collect()
}

/// The webhook that an `automation_rule` event names.
fn named(subscribers: &[Subscriber], event: &EventName, name: &str, domain: &str) -> Option<WebhookId> {
    let waiting = || subscribers.iter().filter(|subscriber| subscriber.subscription.matches(event));
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

    #[test]
    fn patterns() {
        let name = |text| EventName::builtin(text).unwrap();
        let all = Subscription::pattern("*").unwrap();
        let noun = Subscription::pattern("request.*").unwrap();
        assert!(all.matches(&name("request.create")) && noun.matches(&name("request.create")));
        assert!(!noun.matches(&name("risk.create")) && !all.matches(&name("automation_rule")));
        for bad in ["request", "request.create", "*.create", ".*", "re*", "automation_rule.*", "a.b.*", "**"] {
            assert_eq!(Subscription::pattern(bad), None, "{bad:?}");
        }
        assert_eq!(all.test_event(&[]).unwrap().as_str(), "broadcast.create");
        assert_eq!(Subscription::pattern("order.*").unwrap().test_event(&[]), None);
        let own = EventName::own_type("order.paid").unwrap();
        assert_eq!(Subscription::pattern("order.*").unwrap().test_event(std::slice::from_ref(&own)), Some(own));
    }

    fn subscriber(id: u64, name: &str, event: &str, enabled: bool) -> Subscriber {
        let subscription = Subscription::stored(event).unwrap();
        Subscriber {
            webhook: WebhookId(id),
            name: name.into(),
            subscription,
            host_hash: 0,
            enabled,
            disabling: None,
            verified: id != 9,
        }
    }

    fn head(event: &str, webhook: Option<&str>) -> EventHead {
        let event = EventName::builtin(event).unwrap();
        EventHead {
            id: crate::event::EventId::parse("e").unwrap(),
            account: crate::account::AccountId::parse("wdc").unwrap(),
            object_id: 1,
            object_type: EventHead::default_object_type(&event),
            event,
            person_id: None,
            person_name: None,
            links: crate::links::Links::default(),
            webhook: webhook.map(str::to_owned),
            accepted_at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn why_a_webhook_gets_an_event() {
        use Why::{Disabled, Matches, OtherEvent, Unverified};
        let all = [
            subscriber(1, "a", "request.create", true),
            subscriber(2, "b", "request.*", true),
            subscriber(3, "c", "*", false),
            subscriber(4, "d", "risk.create", true),
            subscriber(9, "e", "*", true),
        ];
        let why = explain(&all, &head("request.create", None), "h");
        assert_eq!(why, [Matches, Matches, Disabled, OtherEvent, Unverified]);
    }

    #[test]
    fn what_a_webhook_misses_is_recorded_with_the_reason() {
        const DAY: i64 = 86_400;
        let at = |second| Timestamp::from_second(second).unwrap();
        let skips = |why, by: Option<DisabledBy>, days: i64| {
            let disabling = by.map(|by| Disabling { by, at: at(0) });
            Subscriber { disabling, ..subscriber(1, "a", "*", by.is_none()) }.skips(why, at(days * DAY))
        };
        let (admin, failures) = (Some(DisabledBy::Administrator), Some(DisabledBy::Failures));
        for (why, by, days, reason) in [
            (Why::Matches, None, 0, None),
            (Why::Unverified, None, 0, Some("Webhook not verified")),
            (Why::Disabled, failures, 0, Some("Webhook disabled by the service")),
            (Why::Disabled, failures, 100, Some("Webhook disabled by the service")),
            (Why::Disabled, Some(DisabledBy::Gone), 100, Some("Webhook disabled by the service")),
            (Why::Disabled, admin, 6, Some("Webhook disabled")),
            (Why::Disabled, admin, 7, None),
            (Why::OtherEvent, failures, 0, None),
            (Why::NotNamed, failures, 0, None),
        ] {
            assert_eq!(skips(why, by, days), reason, "{why:?} {by:?} after {days} days");
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
            let why = explain(&all, &head("automation_rule", name), "h");
            let matches = all.iter().zip(why).filter(|(_, why)| *why == Why::Matches);
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
