//! Attachments of a webhook's description (section 3): files that administrators upload first and then name by their
//! key.
//!
//! The service chooses the key, so no caller chooses a path. The bytes are stored by the port
//! [`Attachments`](crate::ports::Attachments).

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::ids::{AccountId, WebhookId};

/// The largest file, in bytes.
pub const MAX_SIZE: u64 = 10 * 1024 * 1024;

/// All files of an account together, in bytes.
pub const MAX_TOTAL: u64 = 1024 * 1024 * 1024;

/// How long an upload may take to begin, and how long a download link works.
pub const VALID_FOR: Duration = Duration::from_mins(15);

/// The longest name of a file, in characters.
const MAX_NAME: usize = 255;

/// `<account>/<uuid>`: what an upload is named by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AttachmentKey {
    account: AccountId,
    id: Uuid,
}

impl AttachmentKey {
    /// A key of an account.
    #[must_use]
    pub fn new(account: AccountId, id: Uuid) -> Self {
        Self { account, id }
    }

    /// Reads a key; `None` if it is not one, in the one way in which it is written.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (account, id) = text.split_once('/')?;
        let key = Self { account: AccountId::parse(account)?, id: Uuid::try_parse(id).ok()? };
        (key.to_string() == text).then_some(key)
    }

    /// Whose upload it is.
    #[must_use]
    pub fn account(&self) -> &AccountId {
        &self.account
    }

    /// Its part that no other key has.
    #[must_use]
    pub fn id(&self) -> Uuid {
        self.id
    }
}

impl fmt::Display for AttachmentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.account, self.id)
    }
}

impl Serialize for AttachmentKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for AttachmentKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not the key of an attachment"))
    }
}

/// An attachment of a webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// Its id.
    pub id: u64,
    /// Its key.
    pub key: AttachmentKey,
    /// The name of the file, as it was uploaded.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
    /// It is shown inside the description.
    pub inline: bool,
    /// When it was uploaded.
    pub created_at: Timestamp,
}

/// An upload that is complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// The id that it has as an attachment.
    pub id: u64,
    /// The name of the file.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
    /// When it was uploaded.
    pub created_at: Timestamp,
    /// The webhook that it is attached to.
    pub webhook: Option<WebhookId>,
}

/// Where to upload a file, and what the form must say beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadTarget {
    /// `local` for the service itself, `s3` for a bucket.
    pub provider: &'static str,
    /// Where the form is posted to.
    pub upload_uri: String,
    /// The fields of the form, the file comes last. One of them is the `key`.
    pub fields: Vec<(&'static str, String)>,
}

/// A name of a file that is fit to be shown and put into a header: the last part of a path, without control characters.
#[must_use]
pub fn file_name(given: &str) -> String {
    let last = given.rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = last.chars().filter(|c| !c.is_control()).take(MAX_NAME).collect();
    if name.trim().is_empty() { "attachment".to_owned() } else { name.trim().to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_one_form() {
        let id = "0f2c1d3e-0000-4000-8000-00000000000a";
        let key = AttachmentKey::parse(&format!("wdc/{id}")).unwrap();
        assert_eq!((key.account().as_str(), key.id().to_string()), ("wdc", id.to_owned()));
        for bad in [
            String::new(),
            id.to_owned(),
            format!("/{id}"),
            format!("../{id}"),
            format!("wdc/../{id}"),
            format!("wdc/{id}/"),
            format!("wdc//{id}"),
            format!("wdc/{}", id.to_uppercase()),
            format!("wdc/{}", id.replace('-', "")),
            format!("wdc/{{{id}}}"),
            format!("WDC/{id}"),
        ] {
            assert_eq!(AttachmentKey::parse(&bad), None, "{bad}");
        }
    }

    #[test]
    fn names_are_fit_for_headers() {
        for (given, name) in [
            ("plan.pdf", "plan.pdf"),
            ("../../etc/passwd", "passwd"),
            ("C:\\x\\plan.pdf", "plan.pdf"),
            ("a\r\nX: y\u{0}.txt", "aX: y.txt"),
            ("", "attachment"),
            ("/", "attachment"),
            (" \t", "attachment"),
        ] {
            assert_eq!(file_name(given), name);
        }
        assert_eq!(file_name(&"ä".repeat(300)).chars().count(), 255);
    }
}
