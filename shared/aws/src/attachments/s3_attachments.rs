//! Attachments in two buckets of S3 (section 3).
//!
//! A file comes into the first by a form that we signed: for one key, at most 10 MiB, for 15 minutes. What nobody attaches
//! the bucket itself removes after a day. When a webhook is to have it, the file is copied into the second, so that
//! nobody who still holds the form can change it any more, and is served from there by links that we signed. The table
//! knows which keys were handed out, what was uploaded, and who has it; what nobody has any more goes when its account
//! next asks for a place.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use hookline_core::account::AccountId;
use hookline_core::attachment::{Attachment, AttachmentKey, MAX_SIZE, MAX_TOTAL, UploadTarget, Uploaded, VALID_FOR};
use hookline_core::encoded_words;
use hookline_core::ports::{Answer, Attachments, Fault};
use jiff::Timestamp;

use super::s3::S3Client;
use super::upload_form::UploadForm;
use crate::clients::AwsClients;
use crate::store::dynamo::Table;
use crate::store::items::attachment_item::{AttachmentRow, HandOutOutcome, NotedUpload};

/// A form that was sent at the last moment has come to its end after this.
const ARRIVED: Duration = Duration::from_mins(30);
/// Calls at once.
const AT_ONCE: usize = 8;
/// How often a key is handed out anew when others do the same at this moment.
const RACES: usize = 10;

/// The attachments of a deployment.
#[derive(Clone)]
pub struct S3Attachments {
    s3: S3Client,
    table: Table,
    uploads: String,
    kept: String,
}

impl S3Attachments {
    /// Attachments that are uploaded to one bucket and kept in the other.
    #[must_use]
    pub fn new(clients: &AwsClients, table: Table, uploads: &str, kept: &str) -> Self {
        Self { s3: S3Client::new(clients), table, uploads: uploads.to_owned(), kept: kept.to_owned() }
    }

    /// Removes all files of an account that was deleted. What was uploaded and not attached goes by itself.
    pub async fn remove_all(&self, account: &AccountId) -> Answer<()> {
        loop {
            let keys = self.s3.list_objects_v2(&self.kept, &format!("{account}/")).await?;
            if keys.is_empty() {
                return Ok(());
            }
            stream::iter(keys)
                .map(|key| async move { self.s3.delete_object(&self.kept, &key).await })
                .buffer_unordered(AT_ONCE)
                .try_for_each(|()| std::future::ready(Ok(())))
                .await?;
        }
    }

    /// What is at the place that a key was handed out for.
    async fn found(&self, key: &AttachmentKey) -> Answer<Option<NotedUpload>> {
        let head = self.s3.head_object(&self.uploads, &key.to_string()).await?;
        Ok(head.map(|head| NotedUpload {
            name: hookline_core::attachment::file_name(&encoded_words::decoded(&head.name)),
            size: head.size,
            etag: head.etag,
            copied: false,
        }))
    }

    /// How many bytes a row stands for. What cannot come any more, or is not needed any more, is removed.
    async fn reserved_bytes(&self, row: AttachmentRow, now: Timestamp) -> Answer<u64> {
        let is_over = row.gone_at.is_some_and(|gone_at| gone_at <= now);
        match &row.noted {
            Some(noted) if !is_over => Ok(noted.size),
            Some(_) => {
                self.s3.delete_object(&self.kept, &row.key.to_string()).await?;
                self.table.forget_attachment(&row).await.map(|()| 0)
            }
            None if now < row.created_at + ARRIVED => Ok(MAX_SIZE),
            None => match self.found(&row.key).await? {
                Some(found) if !is_over => Ok(found.size),
                Some(_) | None => self.table.forget_attachment(&row).await.map(|()| 0),
            },
        }
    }
}

#[async_trait]
impl Attachments for S3Attachments {
    async fn upload_target(&self, key: &AttachmentKey, now: Timestamp) -> Answer<Option<UploadTarget>> {
        for _ in 0..RACES {
            let (rows, seen) = self.table.attachment_rows(key.account()).await?;
            let sizes = stream::iter(rows).map(|row| self.reserved_bytes(row, now)).buffer_unordered(AT_ONCE);
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
        Err(Fault::unavailable("attachments", "too many ask for a place at once"))
    }

    async fn uploaded(&self, key: &AttachmentKey) -> Answer<Option<Uploaded>> {
        let Some(mut row) = self.table.attachment_row(key).await? else { return Ok(None) };
        if row.noted.is_none() {
            let Some(found) = self.found(key).await? else { return Ok(None) };
            // Whoever notes it first decides which file it is.
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
        Ok(Some(Uploaded { id: row.number, name, size, created_at: row.created_at, webhook: row.webhook }))
    }

    async fn download_uri(&self, attachment: &Attachment, now: Timestamp) -> Answer<String> {
        self.s3.get_object(&self.kept, &attachment.key.to_string(), &attachment.name, now, VALID_FOR)
    }
}
