//! What a webhook waits for: events by name, and patterns (sections 3 and 14).

use super::event::{AUTOMATION_RULE, EVENT_NAMES, EventName};

/// An event, or a pattern of events.
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

/// How many names and patterns a webhook may have.
pub const MAX_SUBSCRIPTIONS: usize = 40;

/// All that a webhook waits for: at least one name or pattern, each once. `automation_rule` stands alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscriptions {
    first: Subscription,
    more: Vec<Subscription>,
}

/// Why these names and patterns cannot be together. The words continue the sentence *Events is invalid*.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SubscriptionsError {
    /// There are none.
    #[error("can't be blank")]
    None,
    /// There are more than [`MAX_SUBSCRIPTIONS`].
    #[error("has reached its limit of {MAX_SUBSCRIPTIONS}")]
    TooMany,
    /// This one is there twice.
    #[error("is invalid: '{0}' is repeated")]
    Repeated(Subscription),
    /// `automation_rule` is beside others.
    #[error("is invalid: '{AUTOMATION_RULE}' is not allowed together with others")]
    RuleNotAlone,
}

impl Subscriptions {
    /// These together.
    ///
    /// # Errors
    /// Why they cannot be together.
    pub fn new(all: Vec<Subscription>) -> Result<Self, SubscriptionsError> {
        let is_rule = |one: &Subscription| matches!(one, Subscription::Event(name) if name.as_str() == AUTOMATION_RULE);
        if all.len() > MAX_SUBSCRIPTIONS {
            return Err(SubscriptionsError::TooMany);
        }
        if let Some((_, repeated)) = all.iter().enumerate().find(|(at, one)| all[..*at].contains(one)) {
            return Err(SubscriptionsError::Repeated(repeated.clone()));
        }
        if all.len() > 1 && all.iter().any(is_rule) {
            return Err(SubscriptionsError::RuleNotAlone);
        }
        let mut all = all.into_iter();
        let first = all.next().ok_or(SubscriptionsError::None)?;
        Ok(Self { first, more: all.collect() })
    }

    /// Reads the text that [`Display`](std::fmt::Display) wrote.
    #[must_use]
    pub fn stored(text: &str) -> Option<Self> {
        let mut all = text.split(' ').map(Subscription::stored);
        Some(Self { first: all.next()??, more: all.collect::<Option<_>>()? })
    }

    /// The `event` of the original API, and what a test sends.
    #[must_use]
    pub fn first(&self) -> &Subscription {
        &self.first
    }

    /// All of them, in the order given.
    pub fn iter(&self) -> impl Iterator<Item = &Subscription> {
        std::iter::once(&self.first).chain(&self.more)
    }

    /// True if there is more than the `event` of the original API.
    #[must_use]
    pub fn are_several(&self) -> bool {
        !self.more.is_empty()
    }

    /// True if one of them is a pattern.
    #[must_use]
    pub fn have_pattern(&self) -> bool {
        self.iter().any(Subscription::is_pattern)
    }

    /// True if one of them means an event of that name.
    #[must_use]
    pub fn match_event(&self, event: &EventName) -> bool {
        self.iter().any(|one| one.matches(event))
    }
}

impl From<Subscription> for Subscriptions {
    fn from(first: Subscription) -> Self {
        Self { first, more: Vec::new() }
    }
}

/// With spaces between them, which no name has. So the texts sort by their first name.
impl std::fmt::Display for Subscriptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.first.fmt(f)?;
        self.more.iter().try_for_each(|one| write!(f, " {one}"))
    }
}

impl serde::Serialize for Subscriptions {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Subscriptions {
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

    #[test]
    fn several_stand_together_each_once_and_a_rule_alone() {
        let new =
            |texts: &[&str]| Subscriptions::new(texts.iter().map(|text| Subscription::stored(text).unwrap()).collect());
        let several = new(&["request.create", "order.paid", "risk.*", "*"]).unwrap();
        assert_eq!(several.to_string(), "request.create order.paid risk.* *");
        assert_eq!(Subscriptions::stored(&several.to_string()).as_ref(), Some(&several));
        assert_eq!(several.first().to_string(), "request.create");
        assert!(several.have_pattern() && several.are_several());
        let names = new(&["request.create", "order.paid"]).unwrap();
        assert!(!names.have_pattern() && names.match_event(&EventName::own_type("order.paid").unwrap()));
        assert!(!names.match_event(&EventName::builtin("risk.create").unwrap()));
        assert!(new(&["automation_rule"]).is_ok());
        assert_eq!(new(&[]), Err(SubscriptionsError::None));
        for (texts, sentence) in [
            (["*", "automation_rule"], "is invalid: 'automation_rule' is not allowed together with others"),
            (["risk.*", "risk.*"], "is invalid: 'risk.*' is repeated"),
        ] {
            assert_eq!(new(&texts).unwrap_err().to_string(), sentence);
        }
        let names: Vec<String> = (0..=MAX_SUBSCRIPTIONS).map(|number| format!("own.n{number}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert!(new(&names[1..]).is_ok());
        assert_eq!(new(&names), Err(SubscriptionsError::TooMany));
        for bad in ["", " ", "request.create ", "request.create  risk.*", "request.create Risk"] {
            assert_eq!(Subscriptions::stored(bad), None, "{bad:?}");
        }
    }
}
