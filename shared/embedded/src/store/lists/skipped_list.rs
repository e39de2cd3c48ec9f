//! Searches the chunks of skipped messages in the order of the delivery log.
//!
//! A search for the messages of one webhook reads every chunk in its range of ids. It ends after a while, and says where.

use std::ops::RangeInclusive;

use hookline_core::ids::{AccountId, DeliveryId, EventId, MessageId, WebhookId};
use hookline_core::model::skipped::{MAX_CHUNKS_READ, entries};
use hookline_core::model::{Delivery, LogPart, SkippedChunk, SkippedEntry};
use jiff::Timestamp;
use rusqlite::{Connection, params};
use uuid::Uuid;

use super::retention_window::RetentionWindow;
use crate::store::rows::skipped_row::{SKIPPED, skipped_from};
use crate::store::rows::values::millis;

/// The bits of an id below its time.
const BELOW_TIME: u32 = 80;

/// Which skipped messages of an account are meant.
pub(crate) struct SkippedSearch<'a> {
    pub(crate) account_id: &'a AccountId,
    pub(crate) account: i64,
    /// The range of their ids.
    pub(crate) range: RangeInclusive<u128>,
    /// Newest first.
    pub(crate) descending: bool,
    /// Only those of this webhook.
    pub(crate) webhook: Option<WebhookId>,
    /// Whether those of this chunk are meant.
    pub(crate) admits: &'a dyn Fn(&SkippedChunk) -> bool,
    /// The largest number of records.
    pub(crate) most: usize,
}

/// The ids of records with a time in a range, both ends included.
pub(crate) fn ids_between(from: i64, to: i64) -> RangeInclusive<u128> {
    let bits = |millis: i64| u128::try_from(millis).unwrap_or_default() << BELOW_TIME;
    bits(from)..=(bits(to) | ((1 << BELOW_TIME) - 1))
}

/// The part of two ranges that both have.
pub(crate) fn common(one: &RangeInclusive<u128>, other: &RangeInclusive<u128>) -> RangeInclusive<u128> {
    *one.start().max(other.start())..=*one.end().min(other.end())
}

impl SkippedSearch<'_> {
    /// Searches in one direction.
    pub(crate) fn run(&self, connection: &Connection, living: RetentionWindow) -> rusqlite::Result<LogPart> {
        if self.range.is_empty() {
            return Ok(LogPart::default());
        }
        // A chunk is stored under its first id. So the search begins and ends with whole groups.
        let low = *DeliveryId::group_of(*self.range.start()).start();
        let high = *DeliveryId::group_of(*self.range.end()).end();
        let order = if self.descending { "DESC" } else { "ASC" };
        let mut statement = connection.prepare_cached(&format!(
            "SELECT {SKIPPED} FROM skipped s JOIN events e ON e.num = s.event
             WHERE s.account = ?1 AND s.id BETWEEN ?2 AND ?3 ORDER BY s.id {order}"
        ))?;
        let mut rows = statement.query(params![self.account, low.to_be_bytes(), high.to_be_bytes()])?;
        let (mut records, mut chunks, mut group, mut read) = (Vec::new(), Vec::new(), 0..=0, 0);
        while let Some(row) = rows.next()? {
            let chunk = skipped_from(row, self.account_id)?;
            if read > 0 && chunk.id().group() != group {
                self.take(&mut records, &chunks);
                chunks.clear();
                if records.len() >= self.most || read >= MAX_CHUNKS_READ {
                    return Ok(LogPart::new(records, self.most, self.end_of(&group)));
                }
            }
            (group, read) = (chunk.id().group(), read + 1);
            let at = millis(chunk.accepted_at);
            if at > living.created_after && at > living.accepted_after && (self.admits)(&chunk) {
                chunks.push(chunk);
            }
        }
        self.take(&mut records, &chunks);
        Ok(LogPart::new(records, self.most, None))
    }

    /// Adds the records of a group of chunks.
    fn take(&self, records: &mut Vec<Delivery>, chunks: &[SkippedChunk]) {
        let mut found = entries(chunks, self.webhook, &self.range);
        if self.descending {
            found.reverse();
        }
        let room = self.most.saturating_sub(records.len());
        records.extend(found.iter().take(room).map(SkippedEntry::record));
    }

    /// The far end of a group: nothing of it is behind that id.
    fn end_of(&self, group: &RangeInclusive<u128>) -> Option<DeliveryId> {
        DeliveryId::from_uuid(Uuid::from_u128(if self.descending { *group.start() } else { *group.end() }))
    }
}

/// The record that says that a message was skipped.
pub(crate) fn skipped_record(
    connection: &Connection,
    (account_id, account): (&AccountId, i64),
    id: DeliveryId,
    living: RetentionWindow,
) -> rusqlite::Result<Option<Delivery>> {
    let id = id.uuid().as_u128();
    let search = SkippedSearch {
        account_id,
        account,
        range: id..=id,
        descending: false,
        webhook: None,
        admits: &|_| true,
        most: 1,
    };
    Ok(search.run(connection, living)?.records.pop())
}

/// The ids of all skipped messages of an event.
pub(crate) fn ids_of_event(account: &AccountId, event: &EventId, at: Timestamp) -> RangeInclusive<u128> {
    DeliveryId::of_skipped(&MessageId::derive(account, event, at, WebhookId(0))).group()
}
