//! Mails, and what sends them.

use async_trait::async_trait;

use super::Answer;
use crate::mail_address::MailAddress;

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

/// Sends mails.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Hands a mail over. Errors are logged and counted by the caller, and never fail a delivery.
    async fn send(&self, mail: &Mail) -> Answer<()>;
}
