//! Attachments in two buckets of S3 (section 3).
//!
//! A file comes into the first by a form that we signed: for one key, at most 10 MiB, for 15 minutes. What nobody attaches
//! the bucket itself removes after a day. When a webhook is to have it, the file is copied into the second, so that
//! nobody who still holds the form can change it any more, and is served from there by links that we signed. The table
//! knows which keys were handed out, what was uploaded, and who has it; what nobody has any more goes when its account
//! next asks for a place.

mod form;
mod name;

use std::time::{Duration, UNIX_EPOCH};

use async_trait::async_trait;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::head_object::HeadObjectError;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::types::MetadataDirective;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use hookline_core::account::AccountId;
use hookline_core::attachment::{Attachment, AttachmentKey, MAX_SIZE, MAX_TOTAL, UploadTarget, Uploaded, VALID_FOR};
use hookline_core::ports::{Answer, Attachments, Fault};
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use self::form::{Form, NAME};
use crate::clients::{Access, Clients, explain};
use crate::store::{AttachmentRow, Handed, Noted, Table};

/// A form that was sent at the last moment has come to its end after this.
const ARRIVED: Duration = Duration::from_mins(30);
/// Calls at once.
const AT_ONCE: usize = 8;
/// How often a key is handed out anew when others do the same at this moment.
const RACES: usize = 10;
/// What stays as it is in the name of a download (RFC 8187).
const IN_NAME: &AsciiSet = &NON_ALPHANUMERIC.remove(b'.').remove(b'-').remove(b'_').remove(b'~');

/// The attachments of a deployment.
#[derive(Clone)]
pub struct S3Attachments {
    s3: aws_sdk_s3::Client,
    access: Access,
    table: Table,
    uploads: String,
    kept: String,
}

impl S3Attachments {
    /// Attachments that are uploaded to one bucket and kept in the other.
    #[must_use]
    pub fn new(clients: &Clients, table: Table, uploads: &str, kept: &str) -> Self {
        let (s3, access) = (clients.s3.clone(), clients.access.clone());
        Self { s3, access, table, uploads: uploads.to_owned(), kept: kept.to_owned() }
    }

    /// Removes all files of an account that was deleted. What was uploaded and not attached goes by itself.
    pub async fn remove_all(&self, account: &AccountId) -> Answer<()> {
        loop {
            let list = self.s3.list_objects_v2().bucket(&self.kept).prefix(format!("{account}/"));
            let page = list.send().await.map_err(|error| fault(&error))?;
            let keys: Vec<String> = page.contents().iter().filter_map(|object| object.key.clone()).collect();
            if keys.is_empty() {
                return Ok(());
            }
            stream::iter(keys)
                .map(|key| async move { self.remove(&key).await })
                .buffer_unordered(AT_ONCE)
                .try_for_each(|()| std::future::ready(Ok(())))
                .await?;
        }
    }

    async fn remove(&self, key: &str) -> Answer<()> {
        let delete = self.s3.delete_object().bucket(&self.kept).key(key);
        delete.send().await.map_err(|error| fault(&error)).map(|_| ())
    }

    /// What is at the place that a key was handed out for.
    async fn found(&self, key: &AttachmentKey) -> Answer<Option<Noted>> {
        let head = match self.s3.head_object().bucket(&self.uploads).key(key.to_string()).send().await {
            Ok(head) => head,
            Err(error) if error.as_service_error().is_some_and(HeadObjectError::is_not_found) => return Ok(None),
            Err(error) => return Err(fault(&error)),
        };
        let given = head.metadata.as_ref().and_then(|metadata| metadata.get(NAME)).map(String::as_str);
        Ok(Some(Noted {
            name: hookline_core::attachment::file_name(&name::decoded(given.unwrap_or_default())),
            size: head.content_length.and_then(|size| u64::try_from(size).ok()).unwrap_or_default(),
            etag: head.e_tag.unwrap_or_default(),
            copied: false,
        }))
    }

    /// Copies an upload to where it stays; `false` if it is not there, or not what was noted.
    async fn copy(&self, key: &AttachmentKey, etag: &str) -> Answer<bool> {
        let copy = self
            .s3
            .copy_object()
            .copy_source(format!("{}/{key}", self.uploads))
            .copy_source_if_match(etag)
            .bucket(&self.kept)
            .key(key.to_string())
            .metadata_directive(MetadataDirective::Replace)
            .content_type("application/octet-stream");
        match copy.send().await {
            Ok(_) => Ok(true),
            Err(error) if matches!(error.code(), Some("NoSuchKey" | "PreconditionFailed")) => Ok(false),
            Err(error) => Err(fault(&error)),
        }
    }

    /// How many bytes a row stands for. What cannot come any more, or is not needed any more, is removed.
    async fn weigh(&self, row: AttachmentRow, now: Timestamp) -> Answer<u64> {
        let is_over = row.gone_at.is_some_and(|gone_at| gone_at <= now);
        match &row.noted {
            Some(noted) if !is_over => Ok(noted.size),
            Some(_) => {
                self.remove(&row.key.to_string()).await?;
                self.table.forget_attachment(&row).await.map(|()| 0)
            }
            None if now < row.created_at + ARRIVED => Ok(MAX_SIZE),
            None => match self.found(&row.key).await? {
                Some(found) if !is_over => Ok(found.size),
                Some(_) | None => self.table.forget_attachment(&row).await.map(|()| 0),
            },
        }
    }

    /// Where the form is posted to.
    fn upload_uri(&self) -> String {
        let Access { region, endpoints, .. } = &self.access;
        match &endpoints.all {
            Some(endpoint) => format!("{}/{}", endpoint.trim_end_matches('/'), self.uploads),
            None if region.starts_with("cn-") => format!("https://{}.s3.{region}.amazonaws.com.cn", self.uploads),
            None => format!("https://{}.s3.{region}.amazonaws.com", self.uploads),
        }
    }
}

fn fault<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> Fault {
    Fault::unavailable("attachments", explain(error))
}

#[async_trait]
impl Attachments for S3Attachments {
    async fn upload_target(&self, key: &AttachmentKey, now: Timestamp) -> Answer<Option<UploadTarget>> {
        for _ in 0..RACES {
            let (rows, seen) = self.table.attachment_rows(key.account()).await?;
            let sizes = stream::iter(rows).map(|row| self.weigh(row, now)).buffer_unordered(AT_ONCE);
            let total = sizes.try_fold(0_u64, |total, size| std::future::ready(Ok(total.saturating_add(size)))).await?;
            if total.saturating_add(MAX_SIZE) > MAX_TOTAL {
                return Ok(None);
            }
            match self.table.hand_out(key, seen, now).await? {
                Handed::Done => {
                    let form = Form { bucket: &self.uploads, key, valid: VALID_FOR, most: MAX_SIZE, now };
                    let fields = form.fields(&self.access);
                    return Ok(Some(UploadTarget { provider: "s3", upload_uri: self.upload_uri(), fields }));
                }
                Handed::Raced => {}
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
        let Some(Noted { name, size, etag, copied }) = row.noted else { return Ok(None) };
        if !copied {
            if !self.copy(key, &etag).await? {
                return Ok(None);
            }
            self.table.note_copy(key).await?;
        }
        Ok(Some(Uploaded { id: row.number, name, size, created_at: row.created_at, webhook: row.webhook }))
    }

    async fn download_uri(&self, attachment: &Attachment, now: Timestamp) -> Answer<String> {
        let unsigned = |error: &dyn std::error::Error| Fault::unavailable("attachments", error.to_string());
        let now = UNIX_EPOCH + Duration::from_millis(u64::try_from(now.as_millisecond()).unwrap_or_default());
        let valid = PresigningConfig::builder().start_time(now).expires_in(VALID_FOR).build();
        let name = utf8_percent_encode(&attachment.name, IN_NAME);
        let get = self
            .s3
            .get_object()
            .bucket(&self.kept)
            .key(attachment.key.to_string())
            .response_content_type("application/octet-stream")
            .response_content_disposition(format!("attachment; filename*=UTF-8''{name}"));
        let signed = get.presigned(valid.map_err(|error| unsigned(&error))?).await;
        Ok(signed.map_err(|error| unsigned(&error))?.uri().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use aws_credential_types::Credentials;

    use super::*;
    use crate::clients::Endpoints;

    #[test]
    fn a_form_goes_to_the_bucket_of_its_region() {
        let of = |region: &str, all: Option<&str>| {
            let endpoints = Endpoints { all: all.map(str::to_owned), dynamodb: None };
            let credentials = Credentials::new("id", "secret", None, None, "tests");
            let access = Access { region: region.to_owned(), credentials, endpoints };
            let clients = Clients::new(&access);
            let kept = crate::store::Kept::of(&hookline_core::settings::Settings::default());
            let table = Table::new(clients.dynamodb.clone(), "table", kept);
            S3Attachments::new(&clients, table, "up", "kept").upload_uri()
        };
        assert_eq!(of("eu-west-1", None), "https://up.s3.eu-west-1.amazonaws.com");
        assert_eq!(of("cn-north-1", None), "https://up.s3.cn-north-1.amazonaws.com.cn");
        assert_eq!(of("eu-west-1", Some("http://127.0.0.1:1/")), "http://127.0.0.1:1/up");
    }
}
