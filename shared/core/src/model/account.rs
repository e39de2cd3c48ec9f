//! Accounts: the tenants.

use jiff::Timestamp;

use crate::ids::AccountId;
use crate::values::{MailAddress, TimeZone};

/// How many mail addresses an account may have.
pub const MAX_ADMIN_MAILS: usize = 20;

/// How many characters the name of an account or of a person has at most.
const MAX_NAME: usize = 255;

/// True for a name that people can read in lists and mails: not blank, no control characters, at most 255 characters.
#[must_use]
pub fn is_name(text: &str) -> bool {
    !text.trim().is_empty() && text.chars().count() <= MAX_NAME && !text.chars().any(char::is_control)
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
}
