//! The item of an attachment, and the writes that assign attachments to webhooks.

use std::collections::HashSet;
use std::time::Duration;

use hookline_core::errors::PortResult;
use hookline_core::ids::{AccountId, WebhookId};
use hookline_core::model::{Attachment, AttachmentKey, Webhook};
use jiff::Timestamp;
use uuid::Uuid;

use crate::store::dynamo::{Item, ItemReader, Write, bytes, corrupt, number, time};
use crate::store::keys;

/// How long a file is kept after its webhook gave it up. Links to it expire earlier.
const RELEASED_KEPT: Duration = Duration::from_hours(1);

/// A file cannot be taken this shortly before it expires, since it may be deleted at any moment.
const EXPIRY_MARGIN: Duration = Duration::from_mins(1);

/// A key that was handed out for an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AttachmentRow {
    /// The key.
    pub(crate) key: AttachmentKey,
    /// Its id as an attachment.
    pub(crate) number: u64,
    /// When it was handed out.
    pub(crate) created_at: Timestamp,
    /// What was uploaded, once that is known.
    pub(crate) noted: Option<NotedUpload>,
    /// The webhook that has it.
    pub(crate) webhook: Option<WebhookId>,
    /// When it expires if no webhook has it.
    pub(crate) gone_at: Option<Timestamp>,
}

/// What was uploaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NotedUpload {
    /// The name of the file.
    pub(crate) name: String,
    /// Its size in bytes.
    pub(crate) size: u64,
    /// The version of the object in S3.
    pub(crate) etag: String,
    /// Whether the file was copied to the bucket that keeps it.
    pub(crate) copied: bool,
}

/// The outcome of handing out a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HandOutOutcome {
    /// The key was handed out.
    Done,
    /// Another key of the account was handed out since the rows were read.
    Raced,
}

/// The writes that replace the attachments of a webhook.
pub(in crate::store) fn attach(webhook: &Webhook, before: &[Attachment]) -> Vec<Write> {
    let Webhook { id, updated_at, attachments, .. } = webhook;
    let keys = |attachments: &[Attachment]| attachments.iter().map(|one| one.key.clone()).collect::<HashSet<_>>();
    let (had, has) = (keys(before), keys(attachments));
    let take = attachments.iter().filter(|one| !had.contains(&one.key)).map(|attachment| {
        let free = "#number = :number AND #copied = :yes AND attribute_not_exists(#webhook) AND #gone_at > :near";
        Write::update(keys::attachment(&attachment.key), "SET #webhook = :webhook REMOVE #gone_at")
            .when(free)
            .with("number", number(attachment.id))
            .with("yes", aws_sdk_dynamodb::types::AttributeValue::Bool(true))
            .with("near", time(*updated_at + EXPIRY_MARGIN))
            .with("webhook", number(id))
    });
    let lost = before.iter().filter(|one| !has.contains(&one.key)).cloned().collect::<Vec<_>>();
    take.chain(release(*id, &lost, *updated_at)).collect()
}

/// The writes that release attachments of a webhook.
pub(in crate::store) fn release(webhook: WebhookId, attachments: &[Attachment], now: Timestamp) -> Vec<Write> {
    let release = |attachment: &Attachment| {
        Write::update(keys::attachment(&attachment.key), "SET #gone_at = :later REMOVE #webhook")
            .when("#webhook = :webhook")
            .with("later", time(now + RELEASED_KEPT))
            .with("webhook", number(webhook))
    };
    attachments.iter().map(release).collect()
}

/// Encodes the attachments of a webhook for the item of its description.
pub(in crate::store) fn to_attribute(attachments: &[Attachment]) -> Option<aws_sdk_dynamodb::types::AttributeValue> {
    (!attachments.is_empty()).then(|| bytes(serde_json::to_vec(attachments).unwrap_or_default()))
}

/// Decodes what [`to_attribute`] encoded.
pub(in crate::store) fn from_attribute(text: Option<ItemReader<'_>>) -> PortResult<Vec<Attachment>> {
    match text.and_then(|text| text.maybe_bytes("attachments")) {
        Some(written) => serde_json::from_slice(written).map_err(|_| corrupt("attachments")),
        None => Ok(Vec::new()),
    }
}

pub(in crate::store) fn from_item(account: &AccountId, item: &Item) -> PortResult<AttachmentRow> {
    let read = ItemReader(item);
    let id = read.parsed("sk", |text| Uuid::try_parse(text).ok())?;
    let noted = match read.maybe_number("size")? {
        Some(size) => {
            let (name, etag) = (read.text("name")?.to_owned(), read.text("etag")?.to_owned());
            Some(NotedUpload { name, size, etag, copied: read.flag("copied") })
        }
        None => None,
    };
    Ok(AttachmentRow {
        key: AttachmentKey::new(account.clone(), id),
        number: read.number("number")?,
        created_at: read.time("created_at")?,
        noted,
        webhook: read.maybe_number("webhook")?.map(WebhookId),
        gone_at: read.maybe_time("gone_at")?,
    })
}
