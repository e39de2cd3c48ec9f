//! Accounts: the tenants.

use std::fmt;

use jiff::Timestamp;

use crate::mail_address::MailAddress;
use crate::time_zone::TimeZone;

/// Id of a tenant: `^[a-z0-9][a-z0-9-]{0,62}$`, e.g. `wdc`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(transparent)]
pub struct AccountId(Box<str>);

impl AccountId {
    /// Parses an account id; `None` if it is not one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let letter_or_digit = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let valid = (1..=63).contains(&bytes.len())
            && letter_or_digit(bytes[0])
            && bytes.iter().all(|&byte| letter_or_digit(byte) || byte == b'-');
        valid.then(|| Self(text.into()))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for AccountId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not an account id"))
    }
}

/// How many mail addresses an account may have.
pub const MOST_ADMIN_MAILS: usize = 20;

/// How many characters the name of an account or of a person has at most.
const LONGEST_NAME: usize = 255;

/// True for a name that people can read in lists and mails: not blank, no control characters, at most 255 characters.
#[must_use]
pub fn is_name(text: &str) -> bool {
    !text.trim().is_empty() && text.chars().count() <= LONGEST_NAME && !text.chars().any(char::is_control)
}

/// A tenant (section 1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// Its name, for people.
    pub name: String,
    /// Where mails about its webhooks go when a webhook names no address of its own.
    pub admin_mails: Vec<MailAddress>,
    /// The time zone of the timestamps in its answers.
    pub time_zone: TimeZone,
    /// The `custom_url` of its messages, absent if unset.
    pub custom_url: Option<String>,
    /// A disabled account has no working tokens, accepts no events and sends nothing.
    pub disabled: bool,
    /// When it was created.
    pub created_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for good in ["a", "Widget Data Center", "Ж", &"x".repeat(255)] {
            assert!(is_name(good), "{good:?}");
        }
        for bad in ["", " ", "a\nb", "a\u{1b}[31m", "\u{85}", &"x".repeat(256)] {
            assert!(!is_name(bad), "{bad:?}");
        }
    }

    #[test]
    fn account_ids() {
        for good in ["a", "0", "wdc", "a-b", "a-", &"x".repeat(63)] {
            assert_eq!(AccountId::parse(good).expect(good).as_str(), good);
        }
        for bad in ["", "-a", "A", "a_b", "a.b", "a/b", "a|b", "ä", "a b", &"x".repeat(64)] {
            assert_eq!(AccountId::parse(bad), None, "{bad:?}");
        }
    }
}
