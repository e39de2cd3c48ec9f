//! Keeps the files that are attached to webhooks.

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use uuid::Uuid;

use crate::errors::PortResult;
use crate::model::{Attachment, AttachmentKey, Upload, UploadTarget};

/// A signature that a request carries instead of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UrlSignature {
    /// When it ends, in epoch seconds.
    pub expires_at: i64,
    /// The signature itself, as it came.
    pub text: String,
}

/// The bytes of a file, as they come.
#[async_trait]
pub trait ByteStream: Send {
    /// The next bytes; `None` at the end, an error if the sender went away.
    async fn next(&mut self) -> Result<Option<Bytes>, StreamBroken>;
}

/// The upload broke off, or its body cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamBroken;

/// What became of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UploadOutcome {
    /// It is complete and on disk.
    Done,
    /// The signature is not for this key or has expired, or a file was already uploaded.
    NotAllowed,
    /// The file is too large.
    TooLarge,
    /// The account has reached its limit.
    AccountFull,
    /// It broke off.
    Broken,
}

/// A file for a download.
pub struct Download {
    /// The name of the file.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
    /// The file, read as it is downloaded.
    pub content: Box<dyn ByteStream>,
}

/// Files that were uploaded. A webhook and its attachments change in one step: see
/// [`Webhooks::update_webhook`](super::webhooks::Webhooks::update_webhook). A file that no webhook needs goes by
/// itself.
#[async_trait]
pub trait Attachments: Send + Sync {
    /// Hands out a key and a place to upload it to, for [`VALID_FOR`](crate::model::attachment::VALID_FOR); `None` if
    /// the files of the account have reached [`MAX_TOTAL`](crate::model::attachment::MAX_TOTAL). MUST refuse uploads of
    /// more than [`MAX_SIZE`](crate::model::attachment::MAX_SIZE) and uploads for which the account has no room.
    async fn upload_target(&self, key: &AttachmentKey, now: Timestamp) -> PortResult<Option<UploadTarget>>;
    /// What was uploaded under a key that was handed out.
    async fn uploaded(&self, key: &AttachmentKey) -> PortResult<Option<Upload>>;
    /// A link that downloads an attachment, for [`VALID_FOR`](crate::model::attachment::VALID_FOR), without a token.
    async fn download_uri(&self, attachment: &Attachment, now: Timestamp) -> PortResult<String>;

    /// Takes an upload, where the service itself is the place for it. MUST check the signature before it reads, and
    /// stop reading at the limit.
    async fn receive(
        &self,
        _key: &AttachmentKey,
        _signature: &UrlSignature,
        _name: &str,
        _content: &mut dyn ByteStream,
        _now: Timestamp,
    ) -> PortResult<UploadOutcome> {
        Ok(UploadOutcome::NotAllowed)
    }

    /// An attachment by the last part of its key, where the service itself serves it; `None` if there is none, or the
    /// signature is not for it or over.
    async fn download(&self, _id: Uuid, _signature: &UrlSignature, _now: Timestamp) -> PortResult<Option<Download>> {
        Ok(None)
    }
}
