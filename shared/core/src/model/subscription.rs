//! What a webhook waits for: one event, or a pattern (section 3, *Patterns*).

use super::event::{AUTOMATION_RULE, EVENT_NAMES, EventName};

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

impl serde::Serialize for Subscription {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Subscription {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::stored(&text).ok_or_else(|| serde::de::Error::custom("not a subscription"))
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
