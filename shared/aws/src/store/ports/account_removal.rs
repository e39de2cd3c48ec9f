//! The removal of an account's items.
//!
//! A deleted account leaves a tombstone, so that it is no longer found while its items are removed. An account with the
//! same id can be created when the tombstone is gone. The items are found by a scan of the whole table in parallel
//! segments, which takes long if other accounts have much. So a call ends after some time. The tombstone keeps how far
//! each segment came, and the next call continues there.

use std::time::Duration;

use hookline_core::errors::{PortError, PortResult};
use hookline_core::ids::AccountId;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::store::dynamo::{ItemBuilder, ItemKey, ItemReader, ReturnItem, SEGMENTS, Table, Write, corrupt};
use crate::store::items::account_item::GONE;
use crate::store::keys;

/// The attribute of the tombstone with the [`RemovalProgress`].
const PROGRESS: &str = "removal";

/// How far the removal of an account's items has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountRemoval {
    /// All items are removed.
    pub done: bool,
    /// How many items of the table were read, in all calls.
    pub read: u64,
    /// How many of them were removed.
    pub removed: u64,
}

/// What the tombstone keeps of a removal.
#[derive(Debug, Default, Serialize, Deserialize)]
struct RemovalProgress {
    segments: Vec<SegmentProgress>,
}

/// How far one segment of the table was scanned.
#[derive(Debug, Default, Serialize, Deserialize)]
struct SegmentProgress {
    read: u64,
    removed: u64,
    /// The key of the last item that was read: its partition key and its sort key.
    at: Option<(String, String)>,
    done: bool,
}

impl Table {
    /// Puts a tombstone in the place of an account; `false` if there was none. From now on the account is not found.
    pub async fn mark_deleted(&self, id: &AccountId) -> PortResult<bool> {
        let tombstone = ItemBuilder::at(&keys::account(id)).flag(GONE, true).done();
        let put = Write::put(tombstone).when("attribute_exists(#pk) AND attribute_not_exists(#gone)");
        Ok(self.transact(&[put, Write::delete(keys::account_entry(id))]).await?.is_ok())
    }

    /// Removes items of a deleted account for about `time`, and at least a page of each segment; `None` if there is no
    /// tombstone.
    pub async fn remove_items(&self, id: &AccountId, time: Duration) -> PortResult<Option<AccountRemoval>> {
        let tombstone = self.get(&keys::account(id)).await?.filter(|item| item.contains_key(GONE));
        let Some(tombstone) = tombstone else { return Ok(None) };
        for token in self.token_family(id, None).await? {
            self.remove_token(id, &token).await?;
        }
        let kept = ItemReader(&tombstone).maybe_text(PROGRESS).map(serde_json::from_str::<RemovalProgress>);
        let mut progress = kept.transpose().map_err(|_| corrupt(PROGRESS))?.unwrap_or_default();
        progress.segments.resize_with(SEGMENTS, SegmentProgress::default);
        let end = Instant::now().checked_add(time);
        let segments = progress.segments.iter_mut().enumerate();
        let ended = segments.map(|(number, segment)| self.remove_from_segment(id, number, segment, end));
        // A segment that failed keeps what it has done.
        let ended = futures_util::future::join_all(ended).await;
        let text = serde_json::to_string(&progress).map_err(|error| PortError::unavailable("store", error))?;
        let item = ItemBuilder::at(&keys::account(id)).flag(GONE, true).text(PROGRESS, text).done();
        self.write(Write::put(item).when("attribute_exists(#gone)"), ReturnItem::Old).await?;
        ended.into_iter().collect::<PortResult<()>>()?;
        Ok(Some(AccountRemoval {
            done: progress.segments.iter().all(|segment| segment.done),
            read: progress.segments.iter().map(|segment| segment.read).sum(),
            removed: progress.segments.iter().map(|segment| segment.removed).sum(),
        }))
    }

    async fn remove_from_segment(
        &self,
        id: &AccountId,
        number: usize,
        segment: &mut SegmentProgress,
        end: Option<Instant>,
    ) -> PortResult<()> {
        let (prefix, tombstone) = (format!("{id} "), keys::account(id));
        while !segment.done {
            let from = segment.at.as_ref().map(|(pk, sk)| ItemKey { pk: pk.clone(), sk: sk.clone() });
            let page = self.scan_page(&prefix, number, from.as_ref()).await?;
            let found: Vec<ItemKey> = page.found.into_iter().filter(|key| *key != tombstone).collect();
            segment.removed += found.len() as u64;
            self.delete_all(found).await?;
            segment.read += page.read;
            segment.done = page.next.is_none();
            segment.at = page.next.map(|key| (key.pk, key.sk));
            if end.is_some_and(|end| Instant::now() >= end) {
                break;
            }
        }
        Ok(())
    }

    /// Removes the tombstone of an account whose items are removed.
    pub async fn end_removal(&self, id: &AccountId) -> PortResult<()> {
        let delete = Write::delete(keys::account(id)).when("attribute_exists(#gone)");
        self.write(delete, ReturnItem::Old).await.map(|_| ())
    }
}
