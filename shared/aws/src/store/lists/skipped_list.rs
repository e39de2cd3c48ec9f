//! Searches the chunks of skipped messages in the order of the delivery log: day by day.
//!
//! A search for the messages of one webhook reads every chunk in its range of ids. It ends after a while, and says where.

use std::ops::RangeInclusive;

use hookline_core::errors::PortResult;
use hookline_core::ids::{AccountId, DeliveryId, EventId, MessageId, WebhookId};
use hookline_core::model::skipped::{MAX_CHUNKS_READ, entries};
use hookline_core::model::{Delivery, LogPart, SkippedChunk, SkippedEntry};
use jiff::Timestamp;
use uuid::Uuid;

use crate::store::dynamo::{IdSpan, ItemReader, MergeWalk, Table};
use crate::store::items::skipped_item::from_item;
use crate::store::keys;

/// Chunks in one query: about 200 KB.
const CHUNKS_PER_QUERY: usize = 100;

/// Which skipped messages of an account are meant.
pub(in crate::store) struct SkippedSearch<'a> {
    pub(in crate::store) account: &'a AccountId,
    /// The range of their ids, and the direction.
    pub(in crate::store) span: IdSpan,
    /// Only those of this webhook.
    pub(in crate::store) webhook: Option<WebhookId>,
    /// Whether those of this chunk are meant.
    pub(in crate::store) admits: &'a (dyn Fn(&SkippedChunk) -> bool + Sync),
    /// The largest number of records.
    pub(in crate::store) most: usize,
}

impl Table {
    /// Searches in one direction.
    pub(in crate::store) async fn search_skipped(
        &self,
        search: &SkippedSearch<'_>,
        now: Timestamp,
    ) -> PortResult<LogPart> {
        let SkippedSearch { account, span, webhook: _, admits, most } = *search;
        if span.low > span.high {
            return Ok(LogPart::default());
        }
        // A chunk is stored under its first id. So the search begins and ends with whole groups.
        let whole = IdSpan {
            low: *DeliveryId::group_of(span.low).start(),
            high: *DeliveryId::group_of(span.high).end(),
            descending: span.descending,
        };
        let days = whole.days().map(|day| vec![keys::skipped_chunks(account, day)]);
        let mut walk = MergeWalk::new(self, days, whole, CHUNKS_PER_QUERY);
        let (mut records, mut chunks, mut group, mut read) = (Vec::new(), Vec::new(), 0..=0, 0);
        while let Some(item) = walk.next().await? {
            let chunk = from_item(account, &item)?;
            if read > 0 && chunk.id().group() != group {
                search.take(&mut records, &chunks);
                chunks.clear();
                if records.len() >= most || read >= MAX_CHUNKS_READ {
                    return Ok(LogPart::new(records, most, search.end_of(&group)));
                }
            }
            (group, read) = (chunk.id().group(), read + 1);
            if !ItemReader(&item).is_expired(now) && admits(&chunk) {
                chunks.push(chunk);
            }
        }
        search.take(&mut records, &chunks);
        Ok(LogPart::new(records, most, None))
    }

    /// The record that says that a message was skipped.
    pub(in crate::store) async fn skipped_record(
        &self,
        account: &AccountId,
        id: DeliveryId,
        now: Timestamp,
    ) -> PortResult<Option<Delivery>> {
        let id = id.uuid().as_u128();
        let span = IdSpan { low: id, high: id, descending: false };
        let search = SkippedSearch { account, span, webhook: None, admits: &|_| true, most: 1 };
        Ok(self.search_skipped(&search, now).await?.records.pop())
    }

    /// The records of all skipped messages of an event.
    pub(in crate::store) async fn skipped_of_event(
        &self,
        account: &AccountId,
        event: &EventId,
        accepted_at: Timestamp,
        now: Timestamp,
    ) -> PortResult<Vec<Delivery>> {
        let any = DeliveryId::of_skipped(&MessageId::derive(account, event, accepted_at, WebhookId(0)));
        let (low, high) = any.group().into_inner();
        let span = IdSpan { low, high, descending: false };
        let admits = |chunk: &SkippedChunk| chunk.event_id == *event;
        let search = SkippedSearch { account, span, webhook: None, admits: &admits, most: usize::MAX };
        Ok(self.search_skipped(&search, now).await?.records)
    }
}

impl SkippedSearch<'_> {
    /// Adds the records of a group of chunks.
    fn take(&self, records: &mut Vec<Delivery>, chunks: &[SkippedChunk]) {
        let mut found = entries(chunks, self.webhook, &(self.span.low..=self.span.high));
        if self.span.descending {
            found.reverse();
        }
        let room = self.most.saturating_sub(records.len());
        records.extend(found.iter().take(room).map(SkippedEntry::record));
    }

    /// The far end of a group: nothing of it is behind that id.
    fn end_of(&self, group: &RangeInclusive<u128>) -> Option<DeliveryId> {
        DeliveryId::from_uuid(Uuid::from_u128(if self.span.descending { *group.start() } else { *group.end() }))
    }
}
