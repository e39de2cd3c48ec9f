//! A mail, ready to be sent.

use crate::values::MailAddress;

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
