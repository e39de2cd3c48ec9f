//! The port for mails, on SES. SES encodes the subject and the parts, so none of them can inject a header.

use async_trait::async_trait;
use aws_sdk_ses::Client;
use aws_sdk_ses::error::BuildError;
use aws_sdk_ses::types::{Body, Content, Destination, Message};
use hookline_core::errors::{PortError, PortResult};
use hookline_core::model::Mail;
use hookline_core::ports::Mailer;
use hookline_core::values::MailAddress;

use crate::clients::explain;

/// Sends mails from one sender.
pub struct SesMailer {
    client: Client,
    sender: String,
    configuration_set: Option<String>,
}

impl SesMailer {
    /// Sends from `sender`, which SES must have verified, with a configuration set if there is one.
    #[must_use]
    pub fn new(client: Client, sender: &str, configuration_set: Option<&str>) -> Self {
        Self { client, sender: sender.to_owned(), configuration_set: configuration_set.map(str::to_owned) }
    }
}

#[async_trait]
impl Mailer for SesMailer {
    async fn send(&self, mail: &Mail) -> PortResult<()> {
        let Mail { to, subject, text, html } = mail;
        let message = message(subject, text, html).map_err(|error| PortError::unavailable("mail", error))?;
        let to = to.iter().map(MailAddress::to_string).collect();
        let request = self
            .client
            .send_email()
            .source(&self.sender)
            .destination(Destination::builder().set_to_addresses(Some(to)).build())
            .message(message)
            .set_configuration_set_name(self.configuration_set.clone());
        request.send().await.map_err(|error| PortError::unavailable("mail", explain(&error)))?;
        Ok(())
    }
}

fn message(subject: &str, text: &str, html: &str) -> Result<Message, BuildError> {
    let content = |text: &str| Content::builder().charset("UTF-8").data(text).build();
    let body = Body::builder().text(content(text)?).html(content(html)?).build();
    // A subject must be one line.
    let subject = subject.replace(char::is_control, " ");
    Ok(Message::builder().subject(content(&subject)?).body(body).build())
}
