//! Attachments in the table: keys that were handed out, what was uploaded under them, and which webhook has it.
//!
//! The rows of an account are one partition, and the lock in it changes with every key that is handed out, so that nobody
//! gets past the limit by asking for many at once. A webhook takes its attachments in the transaction that writes it.

use std::collections::HashSet;
use std::time::Duration;

use hookline_core::account::AccountId;
use hookline_core::attachment::{Attachment, AttachmentKey};
use hookline_core::ports::Answer;
use hookline_core::webhook::{Webhook, WebhookId};
use jiff::Timestamp;
use uuid::Uuid;

use super::item::{Fields, Item, Read, bytes, corrupt, number, time};
use super::keys;
use super::step::Step;
use super::table::{Ask, Back, Conditional, Range, Table};

/// How long an upload may wait for the webhook that it is attached to. The bucket keeps it no longer either.
const WAITS: Duration = Duration::from_hours(24);
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
    pub(crate) noted: Option<Noted>,
    /// Who has it.
    pub(crate) webhook: Option<WebhookId>,
    /// When it goes, if nobody has it.
    pub(crate) gone_at: Option<Timestamp>,
}

/// An upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Noted {
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
pub(crate) enum Handed {
    /// It was.
    Done,
    /// Somebody else got one since the rows were read.
    Raced,
}

impl Table {
    /// All rows of an account, and the state of its lock.
    pub(crate) async fn attachment_rows(&self, account: &AccountId) -> Answer<(Vec<AttachmentRow>, u64)> {
        let items = self.query(Ask::new(keys::attachments(account), Range::All)).await?;
        let (mut rows, mut seen) = (Vec::with_capacity(items.len()), 0);
        for item in &items {
            match Read(item).sk() {
                keys::LOCK => seen = Read(item).number("number")?,
                _ => rows.push(from_item(account, item)?),
            }
        }
        Ok((rows, seen))
    }

    /// One row.
    pub(crate) async fn attachment_row(&self, key: &AttachmentKey) -> Answer<Option<AttachmentRow>> {
        let item = self.get(&keys::attachment(key)).await?;
        item.map(|item| from_item(key.account(), &item)).transpose()
    }

    /// Notes a key that is handed out, if the lock is as it was `seen`.
    pub(crate) async fn hand_out(&self, key: &AttachmentKey, seen: u64, now: Timestamp) -> Answer<Handed> {
        let number = self.count_up("attachments").await?;
        let row = Fields::at(&keys::attachment(key)).number("number", number).time("created_at", now);
        let lock = Fields::at(&keys::attachments_lock(key.account())).number("number", number).done();
        let unchanged = Step::put(lock).when("attribute_not_exists(#pk) OR #number = :seen");
        let steps = [
            unchanged.with("seen", super::item::number(seen)),
            Step::put(row.time("gone_at", now + WAITS).done()).when_absent(),
            Step::check(keys::account(key.account())).when("attribute_exists(#pk) AND attribute_not_exists(#gone)"),
        ];
        Ok(if self.transact(&steps).await?.is_ok() { Handed::Done } else { Handed::Raced })
    }

    /// Notes what was uploaded, unless that was done before.
    pub(crate) async fn note_upload(&self, key: &AttachmentKey, noted: &Noted) -> Answer<()> {
        let Noted { name, size, etag, copied: _ } = noted;
        let note = Step::update(keys::attachment(key), "SET #name = :name, #size = :size, #etag = :etag")
            .when("attribute_exists(#pk) AND attribute_not_exists(#size)")
            .with("name", super::item::text(name))
            .with("size", number(size))
            .with("etag", super::item::text(etag));
        self.write(note, Back::Old).await.map(|_| ())
    }

    /// Notes that an upload is where it stays.
    pub(crate) async fn note_copy(&self, key: &AttachmentKey) -> Answer<()> {
        let yes = aws_sdk_dynamodb::types::AttributeValue::Bool(true);
        let note = Step::update(keys::attachment(key), "SET #copied = :yes").when_present().with("yes", yes);
        self.write(note, Back::Old).await.map(|_| ())
    }

    /// Forgets a row, if it still says that nobody has it.
    pub(crate) async fn forget_attachment(&self, row: &AttachmentRow) -> Answer<()> {
        let forget = Step::delete(keys::attachment(&row.key)).when("attribute_not_exists(#webhook)");
        match self.write(forget, Back::Old).await? {
            Conditional::Held(_) | Conditional::Failed(_) => Ok(()),
        }
    }
}

/// The writes that give a webhook its attachments instead of those that it had.
pub(super) fn attach(webhook: &Webhook, before: &[Attachment]) -> Vec<Step> {
    let Webhook { id, updated_at, attachments, .. } = webhook;
    let keys = |attachments: &[Attachment]| attachments.iter().map(|one| one.key.clone()).collect::<HashSet<_>>();
    let (had, has) = (keys(before), keys(attachments));
    let take = attachments.iter().filter(|one| !had.contains(&one.key)).map(|attachment| {
        let free = "#number = :number AND #copied = :yes AND attribute_not_exists(#webhook) AND #gone_at > :near";
        Step::update(keys::attachment(&attachment.key), "SET #webhook = :webhook REMOVE #gone_at")
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
pub(super) fn release(webhook: WebhookId, attachments: &[Attachment], now: Timestamp) -> Vec<Step> {
    let release = |attachment: &Attachment| {
        Step::update(keys::attachment(&attachment.key), "SET #gone_at = :later REMOVE #webhook")
            .when("#webhook = :webhook")
            .with("later", time(now + LINGERS))
            .with("webhook", number(webhook))
    };
    attachments.iter().map(release).collect()
}

/// The attachments of a webhook as they are written beside its description.
pub(super) fn to_attribute(attachments: &[Attachment]) -> Option<aws_sdk_dynamodb::types::AttributeValue> {
    (!attachments.is_empty()).then(|| bytes(serde_json::to_vec(attachments).unwrap_or_default()))
}

/// See [`to_attribute`].
pub(super) fn from_attribute(text: Option<Read<'_>>) -> Answer<Vec<Attachment>> {
    match text.and_then(|text| text.maybe_bytes("attachments")) {
        Some(written) => serde_json::from_slice(written).map_err(|_| corrupt("attachments")),
        None => Ok(Vec::new()),
    }
}

fn from_item(account: &AccountId, item: &Item) -> Answer<AttachmentRow> {
    let read = Read(item);
    let id = read.parsed("sk", |text| Uuid::try_parse(text).ok())?;
    let noted = match read.maybe_number("size")? {
        Some(size) => {
            let (name, etag) = (read.text("name")?.to_owned(), read.text("etag")?.to_owned());
            Some(Noted { name, size, etag, copied: read.flag("copied") })
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
