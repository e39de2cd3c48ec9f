//! Mails (section 9), sent over SMTP or written as `.eml` files to a folder.
//!
//! A mail has a plain text and an HTML part. The subject is encoded (RFC 2047), so a name in it cannot inject a header.

use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use hookline_core::errors::{PortError, PortResult};
use hookline_core::model::Mail;
use hookline_core::ports::Mailer;
use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use tracing::Instrument;
use uuid::Uuid;

/// The time limit for one conversation with a mail server.
const TIMEOUT: Duration = Duration::from_secs(20);

fn failed(reason: impl std::fmt::Display) -> PortError {
    PortError::unavailable("mail", reason)
}

/// `Auto-Submitted: auto-generated` (RFC 3834), which keeps automatic replies from answering.
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

/// Builds the message that is sent.
fn message(sender: &Mailbox, mail: &Mail) -> PortResult<Message> {
    // Without control characters, and without anything that a mail client would decode as an encoded word.
    let subject = mail.subject.replace(char::is_control, " ").replace("=?", "= ?");
    let mut builder = Message::builder().from(sender.clone()).subject(subject).message_id(None).header(AutoSubmitted);
    for address in &mail.to {
        let address: Address = address.as_str().parse().map_err(failed)?;
        builder = builder.to(Mailbox::new(None, address));
    }
    let part = |kind, body: &str| SinglePart::builder().header(kind).body(body.to_owned());
    let parts = MultiPart::alternative()
        .singlepart(part(ContentType::TEXT_PLAIN, &mail.text))
        .singlepart(part(ContentType::TEXT_HTML, &mail.html));
    builder.multipart(parts).map_err(failed)
}

/// Writes mails as files, for machines without a mail server.
pub struct FolderMailer {
    folder: PathBuf,
    sender: Mailbox,
}

impl FolderMailer {
    /// Mails are written to this folder, which is created with the first one. `sender` has a form such as `Hookline
    /// <hooks@example.com>`.
    ///
    /// # Errors
    /// If `sender` is not a mail address.
    pub fn new(folder: PathBuf, sender: &str) -> Result<Self, lettre::address::AddressError> {
        Ok(Self { folder, sender: sender.parse()? })
    }
}

#[async_trait]
impl Mailer for FolderMailer {
    async fn send(&self, mail: &Mail) -> PortResult<()> {
        let bytes = message(&self.sender, mail)?.formatted();
        let folder = self.folder.clone();
        let written = tokio::task::spawn_blocking(move || write_file(&folder, &bytes)).await.map_err(failed)?;
        written.map_err(failed)
    }
}

/// Writes a file that only its owner can read. It appears under its name only when it is complete.
fn write_file(folder: &std::path::Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    std::fs::create_dir_all(folder)?;
    let name = Uuid::now_v7().to_string();
    let unfinished = folder.join(format!(".{name}"));
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
    file.write_all(bytes)?;
    std::fs::rename(&unfinished, folder.join(format!("{name}.eml")))
}

/// How the connection to the mail server is secured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmtpSecurity {
    /// TLS from the first byte (RFC 8314).
    Tls,
    /// STARTTLS, required (RFC 3207).
    StartTls,
    /// Unencrypted, for a server on the same machine.
    None,
}

/// A mail server.
pub struct SmtpServer {
    /// Its host name.
    pub host: String,
    /// Its port; by default the standard port for the kind of security.
    pub port: Option<u16>,
    /// How the connection is secured.
    pub security: SmtpSecurity,
    /// User name and password.
    pub login: Option<(String, hookline_core::values::Secret<String>)>,
}

/// Sends mails over SMTP. Each mail is sent in a task of its own, so a slow server delays no delivery.
pub struct SmtpMailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    sender: Mailbox,
}

impl SmtpMailer {
    /// Sends mails through this server.
    ///
    /// # Errors
    /// If `sender` is not a mail address, or `server.host` is not a valid host name.
    pub fn new(server: &SmtpServer, sender: &str) -> Result<Self, String> {
        let sender = sender.parse().map_err(|error| format!("the sender is not a mail address: {error}"))?;
        let SmtpServer { host, port, security, login } = server;
        let builder = match security {
            SmtpSecurity::Tls => {
                AsyncSmtpTransport::<Tokio1Executor>::relay(host).map_err(|error| error.to_string())?
            }
            SmtpSecurity::StartTls => {
                AsyncSmtpTransport::<Tokio1Executor>::starttls_relay(host).map_err(|error| error.to_string())?
            }
            SmtpSecurity::None => AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host),
        };
        let builder = match port {
            Some(port) => builder.port(*port),
            None => builder,
        };
        let builder = match login {
            Some((user, password)) => builder.credentials(Credentials::new(user.clone(), password.expose().clone())),
            None => builder,
        };
        Ok(Self { transport: builder.timeout(Some(TIMEOUT)).build(), sender })
    }
}

#[async_trait]
impl Mailer for SmtpMailer {
    async fn send(&self, mail: &Mail) -> PortResult<()> {
        let message = message(&self.sender, mail)?;
        let transport = self.transport.clone();
        let sent = async move {
            if let Err(error) = transport.send(message).await {
                tracing::warn!(%error, "sending a mail failed");
            }
        };
        tokio::spawn(Instrument::in_current_span(sent));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use hookline_core::values::MailAddress;

    use super::*;

    #[tokio::test]
    async fn a_mail_becomes_a_file_and_injects_no_header() {
        let folder = tempfile::tempdir().unwrap();
        let mailer = FolderMailer::new(folder.path().join("mails"), "Hookline <hooks@example.com>").unwrap();
        let mail = Mail {
            to: MailAddress::parse_list("ada@example.com, bob@example.com", 2).unwrap(),
            subject: "Webhook #7 failed – Ж\r\nBcc: eve@example.com".into(),
            text: "plain text".into(),
            html: "<p>html</p>".into(),
        };
        let sender = "hooks@example.com".parse().unwrap();
        let encoded = Mail { subject: "Webhook #7 failed =?utf-8?B?QQ==?=".into(), ..mail.clone() };
        let encoded = String::from_utf8(message(&sender, &encoded).unwrap().formatted()).unwrap();
        assert!(encoded.contains("\r\nSubject: Webhook #7 failed = ?utf-8?B?QQ== ?=\r\n"), "{encoded}");
        assert!(encoded.contains("\r\nAuto-Submitted: auto-generated\r\n"), "{encoded}");
        assert!(encoded.contains("\r\nMessage-ID: <") && encoded.contains("\r\nDate: "), "{encoded}");
        mailer.send(&mail).await.unwrap();
        let files: Vec<_> = std::fs::read_dir(folder.path().join("mails")).unwrap().map(Result::unwrap).collect();
        assert_eq!(files.len(), 1);
        assert!(files[0].path().extension().is_some_and(|ending| ending == "eml"));
        let text = std::fs::read_to_string(files[0].path()).unwrap();
        assert!(text.contains("To: ada@example.com, bob@example.com\r\n"), "{text}");
        assert!(text.contains("Subject: Webhook #7 failed =?utf-8?b?"), "{text}");
        assert!(!text.contains("\nBcc:"), "{text}");
        assert!(text.contains("multipart/alternative") && text.contains("plain text") && text.contains("<p>html</p>"));
        assert!(FolderMailer::new(folder.path().into(), "nobody").is_err());
    }
}
