//! The records of attachments: which keys were handed out, what was uploaded, and which webhook has it.
//!
//! The rows of an account form one partition. A lock item in it changes with each key that is handed out, so that
//! concurrent requests cannot exceed the limit. A webhook takes its attachments in the transaction that writes the
//! webhook.

use std::time::Duration;

use hookline_core::errors::PortResult;
use hookline_core::ids::AccountId;
use hookline_core::model::AttachmentKey;
use jiff::Timestamp;

use crate::store::dynamo::{
    ItemBuilder, ItemReader, PartitionQuery, ReturnItem, SortKeyRange, Table, Write, WriteOutcome, item, number,
};
use crate::store::items::attachment_item::{AttachmentRow, HandOutOutcome, NotedUpload, from_item};
use crate::store::keys;

/// How long an upload can wait for a webhook. The uploads bucket deletes it after the same time.
const UPLOAD_KEPT: Duration = Duration::from_hours(24);

impl Table {
    /// All rows of an account, and the state of the lock.
    pub(crate) async fn attachment_rows(&self, account: &AccountId) -> PortResult<(Vec<AttachmentRow>, u64)> {
        let items = self.query(PartitionQuery::new(keys::attachments(account), SortKeyRange::All)).await?;
        let (mut rows, mut seen) = (Vec::with_capacity(items.len()), 0);
        for item in &items {
            match ItemReader(item).sk() {
                keys::LOCK => seen = ItemReader(item).number("number")?,
                _ => rows.push(from_item(account, item)?),
            }
        }
        Ok((rows, seen))
    }

    /// One row.
    pub(crate) async fn attachment_row(&self, key: &AttachmentKey) -> PortResult<Option<AttachmentRow>> {
        let item = self.get(&keys::attachment(key)).await?;
        item.map(|item| from_item(key.account(), &item)).transpose()
    }

    /// Records a key that is handed out, if the lock is still in the state `seen`.
    pub(crate) async fn hand_out(&self, key: &AttachmentKey, seen: u64, now: Timestamp) -> PortResult<HandOutOutcome> {
        let number = self.count_up("attachments").await?;
        let row = ItemBuilder::at(&keys::attachment(key)).number("number", number).time("created_at", now);
        let lock = ItemBuilder::at(&keys::attachments_lock(key.account())).number("number", number).done();
        let unchanged = Write::put(lock).when("attribute_not_exists(#pk) OR #number = :seen");
        let writes = [
            unchanged.with("seen", item::number(seen)),
            Write::put(row.time("gone_at", now + UPLOAD_KEPT).done()).when_absent(),
            Write::check(keys::account(key.account())).when("attribute_exists(#pk) AND attribute_not_exists(#gone)"),
        ];
        Ok(if self.transact(&writes).await?.is_ok() { HandOutOutcome::Done } else { HandOutOutcome::Raced })
    }

    /// Records what was uploaded, unless that is known already.
    pub(crate) async fn note_upload(&self, key: &AttachmentKey, noted: &NotedUpload) -> PortResult<()> {
        let NotedUpload { name, size, etag, copied: _ } = noted;
        let note = Write::update(keys::attachment(key), "SET #name = :name, #size = :size, #etag = :etag")
            .when("attribute_exists(#pk) AND attribute_not_exists(#size)")
            .with("name", item::text(name))
            .with("size", number(size))
            .with("etag", item::text(etag));
        self.write(note, ReturnItem::Old).await.map(|_| ())
    }

    /// Records that the file was copied to the bucket that keeps it.
    pub(crate) async fn note_copy(&self, key: &AttachmentKey) -> PortResult<()> {
        let yes = aws_sdk_dynamodb::types::AttributeValue::Bool(true);
        let note = Write::update(keys::attachment(key), "SET #copied = :yes").when_present().with("yes", yes);
        self.write(note, ReturnItem::Old).await.map(|_| ())
    }

    /// Deletes a row, if no webhook has taken the file meanwhile.
    pub(crate) async fn forget_attachment(&self, row: &AttachmentRow) -> PortResult<()> {
        let forget = Write::delete(keys::attachment(&row.key)).when("attribute_not_exists(#webhook)");
        match self.write(forget, ReturnItem::Old).await? {
            WriteOutcome::Applied(_) | WriteOutcome::ConditionFailed(_) => Ok(()),
        }
    }
}
