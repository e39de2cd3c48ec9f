//! Mails: their kinds, and a mail that is ready to be sent.

use serde::{Deserialize, Serialize};

use crate::values::MailAddress;

/// The kinds of mails whose number is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MailKind {
    /// A delivery failed and will be tried again.
    Failed,
    /// A message was dropped.
    Dropped,
    /// The endpoint host is throttled.
    Throttled,
    /// The service disabled the webhook.
    Disabled,
    /// The service enabled the webhook again.
    Recovered,
}

impl MailKind {
    /// All kinds.
    pub const ALL: [Self; 5] = [Self::Failed, Self::Dropped, Self::Throttled, Self::Disabled, Self::Recovered];

    /// As it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Dropped => "dropped",
            Self::Throttled => "throttled",
            Self::Disabled => "disabled",
            Self::Recovered => "recovered",
        }
    }

    /// It is about failures: the kinds that share the limits per webhook and per address. Each other kind has a limit per
    /// webhook of its own.
    #[must_use]
    pub fn is_about_failures(self) -> bool {
        match self {
            Self::Failed | Self::Dropped | Self::Throttled => true,
            Self::Disabled | Self::Recovered => false,
        }
    }

    /// The name under which stores keep when the last mail of this kind, or about failures, was sent.
    #[must_use]
    pub fn sent_at(self) -> &'static str {
        match self {
            Self::Failed | Self::Dropped | Self::Throttled => "sent_at",
            Self::Disabled => "disabled_sent_at",
            Self::Recovered => "recovered_sent_at",
        }
    }
}

/// A mail, ready to be sent. No part can inject headers: the mailer encodes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// To whom.
    pub to: Vec<MailAddress>,
    /// The subject, as text.
    pub subject: String,
    /// The plain text.
    pub text: String,
    /// The same as HTML, all values escaped.
    pub html: String,
}
