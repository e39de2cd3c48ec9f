//! Which webhooks an event is for (sections 3 and 4).

use crate::event::{EVENT_NAMES, EventHead, EventName};
use crate::webhook::WebhookId;

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
    /// It is verified.
    pub verified: bool,
}

impl Subscriber {
    /// True if a message of this event goes to this webhook: the subscription matches, and an `automation_rule`
    /// event names it by name or id.
    #[must_use]
    pub fn is_meant(&self, event: &EventHead) -> bool {
        self.subscription.matches(&event.event)
            && event.webhook.as_ref().is_none_or(|named| *named == self.name || *named == self.webhook.0.to_string())
    }
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
}
