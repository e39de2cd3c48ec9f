//! Attachments as files in the data folder: `attachments/<account>/<uuid>`.
//!
//! A path consists of an account id and a UUID and never contains text from a request. An upload goes to a temporary
//! file of at most 10 MiB, which is renamed once it is on disk. Uploads and downloads carry no token. They carry an
//! HMAC under a secret of their key, which is sealed like every other secret. A periodic sweep removes files that are
//! no longer referenced.

use std::collections::HashSet;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use hookline_core::errors::{PortError, PortResult};
use hookline_core::model::attachment::{MAX_SIZE, VALID_FOR};
use hookline_core::model::{Attachment, AttachmentKey, SealContext, Sealed, Upload, UploadTarget};
use hookline_core::ports::{Attachments, ByteStream, Download, StreamBroken, UploadOutcome, UrlSignature, Vault};
use hookline_core::settings::CoreSettings;
use hookline_core::values::Entropy;
use jiff::Timestamp;
use uuid::Uuid;

use crate::data_folder::ATTACHMENTS;
use crate::store::database::{Store, StorePorts};
use crate::store::ports::attachments::{HandedOutKey, NoteUploadOutcome};

/// The size of the parts in which a file is sent.
const CHUNK: usize = 64 * 1024;

/// The action that a signature allows.
#[derive(Debug, Clone, Copy)]
enum SignedAction {
    Upload,
    Download,
}

/// The attachments of one store, in its data folder.
pub(crate) struct FolderAttachments {
    view: StorePorts,
    vault: Arc<dyn Vault>,
    entropy: Arc<dyn Entropy>,
    settings: Arc<CoreSettings>,
    /// Keys with an upload in progress: one at a time for each key.
    uploading: Mutex<HashSet<Uuid>>,
}

/// Excludes other uploads to a key until it is dropped.
struct UploadLock<'a> {
    id: Uuid,
    uploading: &'a Mutex<HashSet<Uuid>>,
}

impl Drop for UploadLock<'_> {
    fn drop(&mut self) {
        self.uploading.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

impl FolderAttachments {
    pub(crate) fn new(
        view: StorePorts,
        vault: Arc<dyn Vault>,
        entropy: Arc<dyn Entropy>,
        settings: Arc<CoreSettings>,
    ) -> Self {
        Self { view, vault, entropy, settings, uploading: Mutex::default() }
    }

    /// Reserves a key for one upload; `None` while another upload to it is in progress.
    fn lock_upload(&self, id: Uuid) -> Option<UploadLock<'_>> {
        let is_first = self.uploading.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
        is_first.then_some(UploadLock { id, uploading: &self.uploading })
    }

    fn path(&self, key: &AttachmentKey) -> PathBuf {
        path_in(self.view.store.folder(), key)
    }

    async fn signing_key(&self, key: &AttachmentKey, secret: &Sealed) -> PortResult<hmac::Key> {
        let secret = self.vault.open(context(key), secret).await?;
        Ok(hmac::Key::new(hmac::HMAC_SHA256, &secret))
    }

    /// True if the signature is valid for this action on this key and has not expired.
    async fn is_signed(
        &self,
        key: &AttachmentKey,
        handed_out: &HandedOutKey,
        action: SignedAction,
        signature: &UrlSignature,
        now: Timestamp,
    ) -> PortResult<bool> {
        if now.as_second() >= signature.expires_at {
            return Ok(false);
        }
        let Ok(tag) = URL_SAFE_NO_PAD.decode(&signature.text) else { return Ok(false) };
        let signing = self.signing_key(key, &handed_out.secret).await?;
        Ok(hmac::verify(&signing, signed_text(key, action, signature.expires_at).as_bytes(), &tag).is_ok())
    }
}

/// The seal context of a key's secret.
fn context(key: &AttachmentKey) -> SealContext<'_> {
    let (_, low) = key.id().as_u64_pair();
    SealContext { account: key.account(), kind: "attachment", id: low, version: 1 }
}

/// The text that is signed.
fn signed_text(key: &AttachmentKey, action: SignedAction, expires_at: i64) -> String {
    let action = match action {
        SignedAction::Upload => "upload",
        SignedAction::Download => "download",
    };
    format!("{action}|{key}|{expires_at}")
}

fn sign(signing: &hmac::Key, key: &AttachmentKey, action: SignedAction, expires_at: i64) -> String {
    URL_SAFE_NO_PAD.encode(hmac::sign(signing, signed_text(key, action, expires_at).as_bytes()))
}

/// The path of a key's file.
pub(crate) fn path_in(folder: &Path, key: &AttachmentKey) -> PathBuf {
    folder.join(ATTACHMENTS).join(key.account().as_str()).join(key.id().to_string())
}

fn expiry(now: Timestamp) -> i64 {
    (now + VALID_FOR).as_second()
}

fn failed(error: &std::io::Error) -> PortError {
    match error.kind() {
        std::io::ErrorKind::StorageFull => PortError::StorageFull,
        _ => PortError::unavailable("attachments", error),
    }
}

#[async_trait]
impl Attachments for FolderAttachments {
    async fn upload_target(&self, key: &AttachmentKey, now: Timestamp) -> PortResult<Option<UploadTarget>> {
        let secret = self.entropy.key();
        let sealed = self.vault.seal(context(key), secret.as_slice()).await?;
        if !self.view.hand_out(key, sealed, now).await? {
            return Ok(None);
        }
        let expires_at = expiry(now);
        let signature =
            sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_slice()), key, SignedAction::Upload, expires_at);
        Ok(Some(UploadTarget {
            provider: "local",
            upload_uri: format!("{}/v1/attachments", self.settings.public_url.trim_end_matches('/')),
            fields: vec![
                ("key", key.to_string()),
                ("x-4me-expiration", expires_at.to_string()),
                ("x-4me-signature", signature),
            ],
        }))
    }

    async fn uploaded(&self, key: &AttachmentKey) -> PortResult<Option<Upload>> {
        self.view.upload(key)
    }

    async fn download_uri(&self, attachment: &Attachment, now: Timestamp) -> PortResult<String> {
        let key = &attachment.key;
        let Some((_, handed_out)) = self.view.handed_out(key.id())? else {
            return Err(PortError::unavailable("attachments", "the row of an attachment is missing"));
        };
        let expires_at = expiry(now);
        let signature =
            sign(&self.signing_key(key, &handed_out.secret).await?, key, SignedAction::Download, expires_at);
        let url = self.settings.public_url.trim_end_matches('/');
        Ok(format!("{url}/v1/attachments/{}?expires_at={expires_at}&signature={signature}", key.id()))
    }

    async fn receive(
        &self,
        key: &AttachmentKey,
        signature: &UrlSignature,
        name: &str,
        content: &mut dyn ByteStream,
        now: Timestamp,
    ) -> PortResult<UploadOutcome> {
        let Some(_lock) = self.lock_upload(key.id()) else { return Ok(UploadOutcome::NotAllowed) };
        let Some((known, handed_out)) = self.view.handed_out(key.id())? else { return Ok(UploadOutcome::NotAllowed) };
        let is_new = handed_out.name.is_none() && signature.expires_at == expiry(handed_out.created_at);
        if known != *key || !is_new || !self.is_signed(key, &handed_out, SignedAction::Upload, signature, now).await? {
            return Ok(UploadOutcome::NotAllowed);
        }
        let path = self.path(key);
        let folder = path.parent().unwrap_or(Path::new(".")).to_owned();
        make_private(&folder).map_err(|error| failed(&error))?;
        // Dropping it removes the file, so a failed upload leaves nothing behind.
        let mut file =
            tempfile::Builder::new().prefix(".upload-").tempfile_in(&folder).map_err(|error| failed(&error))?;
        let mut size = 0;
        loop {
            let chunk = match content.next().await {
                Ok(Some(chunk)) => chunk,
                Ok(None) => break,
                Err(StreamBroken) => return Ok(UploadOutcome::Broken),
            };
            size += chunk.len() as u64;
            if size > MAX_SIZE {
                return Ok(UploadOutcome::TooLarge);
            }
            file.write_all(&chunk).map_err(|error| failed(&error))?;
        }
        let place = path.clone();
        let kept = tokio::task::spawn_blocking(move || {
            file.as_file().sync_all()?;
            file.persist(&place).map_err(|error| error.error)?;
            File::open(&folder)?.sync_all()
        });
        kept.await.map_err(|error| PortError::unavailable("attachments", error))?.map_err(|error| failed(&error))?;
        Ok(match self.view.note_upload(key, name, size).await? {
            NoteUploadOutcome::Done => UploadOutcome::Done,
            NoteUploadOutcome::TooLate => UploadOutcome::NotAllowed,
            NoteUploadOutcome::Full => {
                std::fs::remove_file(&path).map_err(|error| failed(&error))?;
                UploadOutcome::AccountFull
            }
        })
    }

    async fn download(&self, id: Uuid, signature: &UrlSignature, now: Timestamp) -> PortResult<Option<Download>> {
        let Some((key, handed_out)) = self.view.handed_out(id)? else { return Ok(None) };
        if !handed_out.attached || !self.is_signed(&key, &handed_out, SignedAction::Download, signature, now).await? {
            return Ok(None);
        }
        let path = self.path(&key);
        let opened = tokio::task::spawn_blocking(move || {
            let file = File::open(path)?;
            let size = file.metadata()?.len();
            Ok::<_, std::io::Error>((Arc::new(file), size))
        });
        match opened.await.map_err(|error| PortError::unavailable("attachments", error))? {
            Ok((file, size)) => Ok(Some(Download {
                name: handed_out.name.unwrap_or_default(),
                size,
                content: Box::new(FileChunks(file)),
            })),
            Err(error) => Err(failed(&error)),
        }
    }
}

/// A file, read in parts.
struct FileChunks(Arc<File>);

#[async_trait]
impl ByteStream for FileChunks {
    async fn next(&mut self) -> Result<Option<Bytes>, StreamBroken> {
        let file = Arc::clone(&self.0);
        let read = tokio::task::spawn_blocking(move || {
            let mut chunk = Vec::with_capacity(CHUNK);
            (&*file).take(CHUNK as u64).read_to_end(&mut chunk).map(|_| Bytes::from(chunk))
        });
        match read.await.map_err(std::io::Error::other).flatten() {
            Ok(chunk) => Ok((!chunk.is_empty()).then_some(chunk)),
            Err(error) => {
                let action = "check the folder of attachments: its disk and its rights";
                tracing::error!(%error, action, "reading an attachment failed");
                Err(StreamBroken)
            }
        }
    }
}

fn make_private(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// How many files one step of a sweep removes at most.
const STEP: u32 = 100;

impl Store {
    /// Removes a limited number of files that are no longer referenced; `true` if there are more.
    pub async fn sweep_attachments(&self, now: Timestamp) -> PortResult<bool> {
        let keys = self.gone_attachments(now, STEP).await?;
        if keys.is_empty() {
            return Ok(false);
        }
        let paths: Vec<PathBuf> = keys.iter().map(|key| path_in(self.folder(), key)).collect();
        let removed = tokio::task::spawn_blocking(move || {
            paths.iter().try_for_each(|path| match std::fs::remove_file(path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
                Ok(()) | Err(_) => Ok(()),
            })
        });
        removed.await.map_err(|error| PortError::unavailable("attachments", error))?.map_err(|error| failed(&error))?;
        let more = keys.len() == STEP as usize;
        self.forget_attachments(keys).await?;
        Ok(more)
    }
}
