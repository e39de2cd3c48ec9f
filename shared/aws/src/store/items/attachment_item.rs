//! An attachment as an item.

use std::collections::HashSet;
use std::time::Duration;

use hookline_core::account::AccountId;
use hookline_core::attachment::{Attachment, AttachmentKey};
use hookline_core::ports::Answer;
use hookline_core::webhook::{Webhook, WebhookId};
use jiff::Timestamp;
use uuid::Uuid;

use crate::store::dynamo::{Item, ItemReader, Write, bytes, corrupt, number, time};
use crate::store::keys;

/// How long a file stays that no webhook has any more: longer than the links to it work.
const LINGERS: Duration = Duration::from_hours(1);

/// Who comes so shortly before the end of a file's time finds it gone: it may be going at this moment.
const TOO_LATE: Duration = Duration::from_mins(1);

/// A key that was handed out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AttachmentRow {
    /// The key.
    pub(crate) key: AttachmentKey,
    /// The id that it has as an attachment.
    pub(crate) number: u64,
    /// When it was handed out.
    pub(crate) created_at: Timestamp,
    /// What was uploaded, once somebody looked.
    pub(crate) noted: Option<NotedUpload>,
    /// Who has it.
    pub(crate) webhook: Option<WebhookId>,
    /// When it goes, if nobody has it.
    pub(crate) gone_at: Option<Timestamp>,
}

/// An upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NotedUpload {
    /// The name of the file.
    pub(crate) name: String,
    /// Its size in bytes.
    pub(crate) size: u64,
    /// What S3 tells it by.
    pub(crate) etag: String,
    /// It is where it stays.
    pub(crate) copied: bool,
}

/// Whether a key was handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HandOutOutcome {
    /// It was.
    Done,
    /// Somebody else got one since the rows were read.
    Raced,
}

/// The writes that give a webhook its attachments instead of those that it had.
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
            .with("near", time(*updated_at + TOO_LATE))
            .with("webhook", number(id))
    });
    let lost = before.iter().filter(|one| !has.contains(&one.key)).cloned().collect::<Vec<_>>();
    take.chain(release(*id, &lost, *updated_at)).collect()
}

/// The writes that take attachments from a webhook.
pub(in crate::store) fn release(webhook: WebhookId, attachments: &[Attachment], now: Timestamp) -> Vec<Write> {
    let release = |attachment: &Attachment| {
        Write::update(keys::attachment(&attachment.key), "SET #gone_at = :later REMOVE #webhook")
            .when("#webhook = :webhook")
            .with("later", time(now + LINGERS))
            .with("webhook", number(webhook))
    };
    attachments.iter().map(release).collect()
}

/// The attachments of a webhook as they are written beside its description.
pub(in crate::store) fn to_attribute(attachments: &[Attachment]) -> Option<aws_sdk_dynamodb::types::AttributeValue> {
    (!attachments.is_empty()).then(|| bytes(serde_json::to_vec(attachments).unwrap_or_default()))
}

/// See [`to_attribute`].
pub(in crate::store) fn from_attribute(text: Option<ItemReader<'_>>) -> Answer<Vec<Attachment>> {
    match text.and_then(|text| text.maybe_bytes("attachments")) {
        Some(written) => serde_json::from_slice(written).map_err(|_| corrupt("attachments")),
        None => Ok(Vec::new()),
    }
}

pub(in crate::store) fn from_item(account: &AccountId, item: &Item) -> Answer<AttachmentRow> {
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
