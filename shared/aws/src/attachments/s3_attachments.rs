//! The port for attachments, on S3 and the table.
//!
//! A client uploads a file to the uploads bucket with a form that we sign: for one key, up to 10 MiB, valid for 15
//! minutes. The bucket deletes files after a day. When a webhook takes a file, the file is copied to the attachments
//! bucket, so the form can no longer change it; signed links serve it from there. The table records which keys were
//! handed out, what was uploaded, and which webhook has it. Files that no webhook has are deleted when their account
//! next asks for an upload form.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use hookline_core::errors::{PortError, PortResult};
use hookline_core::ids::AccountId;
use hookline_core::model::attachment::{MAX_SIZE, MAX_TOTAL, VALID_FOR};
use hookline_core::model::{Attachment, AttachmentKey, Upload, UploadTarget};
use hookline_core::ports::Attachments;
use hookline_core::values::encoded_words;
use jiff::Timestamp;

use super::s3::S3Client;
use super::upload_form::UploadForm;
use crate::clients::AwsClients;
use crate::store::dynamo::Table;
use crate::store::items::attachment_item::{AttachmentRow, HandOutOutcome, NotedUpload};

/// After this time, an upload that started at the last moment has ended.
const UPLOAD_ENDS: Duration = Duration::from_mins(30);
/// Concurrent S3 requests.
const CONCURRENT: usize = 8;
/// How often handing out a key is retried when other requests of the account interfere.
const MAX_RACES: usize = 10;

/// The attachments of a deployment.
#[derive(Clone)]
pub struct S3Attachments {
    s3: S3Client,
    table: Table,
    uploads: String,
    kept: String,
}

impl S3Attachments {
    /// Creates the port: files are uploaded to the bucket `uploads` and kept in `kept`.
    #[must_use]
    pub fn new(clients: &AwsClients, table: Table, uploads: &str, kept: &str) -> Self {
        Self { s3: S3Client::new(clients), table, uploads: uploads.to_owned(), kept: kept.to_owned() }
    }

    /// Deletes all files of a deleted account. Uploads that no webhook took expire on their own.
    pub async fn remove_all(&self, account: &AccountId) -> PortResult<()> {
        loop {
            let keys = self.s3.list_objects_v2(&self.kept, &format!("{account}/")).await?;
            if keys.is_empty() {
                return Ok(());
            }
            stream::iter(keys)
                .map(|key| async move { self.s3.delete_object(&self.kept, &key).await })
                .buffer_unordered(CONCURRENT)
                .try_for_each(|()| std::future::ready(Ok(())))
                .await?;
        }
    }

    /// What was uploaded under a key.
    async fn found(&self, key: &AttachmentKey) -> PortResult<Option<NotedUpload>> {
        let head = self.s3.head_object(&self.uploads, &key.to_string()).await?;
        Ok(head.map(|head| NotedUpload {
            name: hookline_core::model::attachment::file_name(&encoded_words::decoded(&head.name)),
            size: head.size,
            etag: head.etag,
            copied: false,
        }))
    }

    /// The bytes that a row counts toward the limit of its account. Deletes rows and files that are no longer needed.
    async fn reserved_bytes(&self, row: AttachmentRow, now: Timestamp) -> PortResult<u64> {
        let is_over = row.gone_at.is_some_and(|gone_at| gone_at <= now);
        match &row.noted {
            Some(noted) if !is_over => Ok(noted.size),
            Some(_) => {
                self.s3.delete_object(&self.kept, &row.key.to_string()).await?;
                self.table.forget_attachment(&row).await.map(|()| 0)
            }
            None if now < row.created_at + UPLOAD_ENDS => Ok(MAX_SIZE),
            None => match self.found(&row.key).await? {
                Some(found) if !is_over => Ok(found.size),
                Some(_) | None => self.table.forget_attachment(&row).await.map(|()| 0),
            },
        }
    }
}

#[async_trait]
impl Attachments for S3Attachments {
    async fn upload_target(&self, key: &AttachmentKey, now: Timestamp) -> PortResult<Option<UploadTarget>> {
        for _ in 0..MAX_RACES {
            let (rows, seen) = self.table.attachment_rows(key.account()).await?;
            let sizes = stream::iter(rows).map(|row| self.reserved_bytes(row, now)).buffer_unordered(CONCURRENT);
            let total = sizes.try_fold(0_u64, |total, size| std::future::ready(Ok(total.saturating_add(size)))).await?;
            if total.saturating_add(MAX_SIZE) > MAX_TOTAL {
                return Ok(None);
            }
            match self.table.hand_out(key, seen, now).await? {
                HandOutOutcome::Done => {
                    let form = UploadForm { bucket: &self.uploads, key, valid: VALID_FOR, most: MAX_SIZE, now };
                    let (upload_uri, fields) = (self.s3.uri(&self.uploads), form.fields(self.s3.access()));
                    return Ok(Some(UploadTarget { provider: "s3", upload_uri, fields }));
                }
                HandOutOutcome::Raced => {}
            }
        }
        Err(PortError::unavailable("attachments", "handing out a key conflicted too often"))
    }

    async fn uploaded(&self, key: &AttachmentKey) -> PortResult<Option<Upload>> {
        let Some(mut row) = self.table.attachment_row(key).await? else { return Ok(None) };
        if row.noted.is_none() {
            let Some(found) = self.found(key).await? else { return Ok(None) };
            // The first one to note the upload decides which file it is.
            self.table.note_upload(key, &found).await?;
            let Some(noted) = self.table.attachment_row(key).await? else { return Ok(None) };
            row = noted;
        }
        let Some(NotedUpload { name, size, etag, copied }) = row.noted else { return Ok(None) };
        if !copied {
            if !self.s3.copy_object(&self.uploads, &key.to_string(), &etag, &self.kept).await? {
                return Ok(None);
            }
            self.table.note_copy(key).await?;
        }
        Ok(Some(Upload { id: row.number, name, size, created_at: row.created_at, webhook: row.webhook }))
    }

    async fn download_uri(&self, attachment: &Attachment, now: Timestamp) -> PortResult<String> {
        self.s3.get_object(&self.kept, &attachment.key.to_string(), &attachment.name, now, VALID_FOR)
    }
}
