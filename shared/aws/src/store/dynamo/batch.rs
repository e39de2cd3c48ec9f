//! Calls that read or write many items, or scan the table. What a call leaves unprocessed is requested again.

use std::collections::HashMap;

use aws_sdk_dynamodb::error::BuildError;
use aws_sdk_dynamodb::types::{AttributeValue, DeleteRequest, KeysAndAttributes, PutRequest, WriteRequest};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use hookline_core::errors::{PortError, PortResult};
use tokio::time::Instant;

use super::item::ItemReader;
use super::key::{Item, ItemKey};
use super::table::{Table, back_off, fault};
use super::write::names;

/// Keys in one `BatchGetItem`.
const KEYS_PER_CALL: usize = 100;
/// Writes in one `BatchWriteItem`.
const WRITES_PER_CALL: usize = 25;
/// Segments of a parallel scan.
pub(in crate::store) const SEGMENTS: usize = 4;
/// Concurrent batch calls.
const CONCURRENT_CALLS: usize = 8;

/// A page of a scan.
pub(in crate::store) struct ScannedPage {
    /// How many items were read.
    pub(in crate::store) read: u64,
    /// The keys of those that were looked for.
    pub(in crate::store) found: Vec<ItemKey>,
    /// Where the next page begins; `None` at the end of the segment.
    pub(in crate::store) next: Option<ItemKey>,
}

impl Table {
    /// Reads the items of these keys consistently. Keys without an item are left out.
    pub(in crate::store) async fn get_all(&self, keys: Vec<ItemKey>) -> PortResult<HashMap<ItemKey, Item>> {
        let batches: Vec<Vec<ItemKey>> = keys.chunks(KEYS_PER_CALL).map(<[ItemKey]>::to_vec).collect();
        let found: Vec<Vec<Item>> = stream::iter(batches)
            .map(|batch| self.get_batch(batch.iter().map(ItemKey::item).collect()))
            .buffer_unordered(CONCURRENT_CALLS)
            .try_collect()
            .await?;
        Ok(found.into_iter().flatten().map(|item| (key_of(&item), item)).collect())
    }

    async fn get_batch(&self, mut keys: Vec<Item>) -> PortResult<Vec<Item>> {
        let mut items = Vec::new();
        for attempt in 0.. {
            let wanted = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true).build();
            let wanted = wanted.map_err(|error| PortError::unavailable("store", error))?;
            let request = self.client.batch_get_item().request_items(&*self.name, wanted);
            let page = request.send().await.map_err(|error| fault(&error))?;
            items.extend(page.responses.unwrap_or_default().remove(&*self.name).unwrap_or_default());
            let left = page.unprocessed_keys.unwrap_or_default().remove(&*self.name);
            keys = left.map(|left| left.keys).unwrap_or_default();
            if keys.is_empty() {
                break;
            }
            back_off(attempt, "BatchGetItem").await?;
        }
        Ok(items)
    }

    /// Deletes the items of these keys.
    pub(in crate::store) async fn delete_all(&self, keys: Vec<ItemKey>) -> PortResult<()> {
        let delete = |key: &ItemKey| {
            let delete = DeleteRequest::builder().set_key(Some(key.item())).build()?;
            Ok(WriteRequest::builder().delete_request(delete).build())
        };
        self.write_all(keys.iter().map(delete).collect()).await
    }

    /// Writes these items unconditionally.
    pub(in crate::store) async fn put_all(&self, items: Vec<Item>) -> PortResult<()> {
        let put = |item: Item| {
            let put = PutRequest::builder().set_item(Some(item)).build()?;
            Ok(WriteRequest::builder().put_request(put).build())
        };
        self.write_all(items.into_iter().map(put).collect()).await
    }

    async fn write_all(&self, requests: Result<Vec<WriteRequest>, BuildError>) -> PortResult<()> {
        let requests = requests.map_err(|error| PortError::unavailable("store", error))?;
        let batches: Vec<Vec<WriteRequest>> = requests.chunks(WRITES_PER_CALL).map(<[WriteRequest]>::to_vec).collect();
        stream::iter(batches)
            .map(|batch| self.write_batch(batch))
            .buffer_unordered(CONCURRENT_CALLS)
            .try_for_each(|()| std::future::ready(Ok(())))
            .await
    }

    /// Reads a page of one of [`SEGMENTS`] segments of the whole table, from a position on. Finds the keys whose partition
    /// key starts with `prefix`.
    pub(in crate::store) async fn scan_page(
        &self,
        prefix: &str,
        segment: usize,
        from: Option<&ItemKey>,
    ) -> PortResult<ScannedPage> {
        let condition = "begins_with(#pk, :prefix)";
        let request = self
            .client
            .scan()
            .table_name(&*self.name)
            .consistent_read(true)
            .total_segments(i32::try_from(SEGMENTS).unwrap_or(1))
            .segment(i32::try_from(segment).unwrap_or_default())
            .filter_expression(condition)
            .projection_expression("#pk, #sk")
            .set_expression_attribute_names(names([condition, "#sk"]))
            .expression_attribute_values(":prefix", AttributeValue::S(prefix.to_owned()))
            .set_exclusive_start_key(from.map(ItemKey::item));
        let page = request.send().await.map_err(|error| fault(&error))?;
        Ok(ScannedPage {
            read: u64::try_from(page.scanned_count).unwrap_or_default(),
            found: page.items.unwrap_or_default().iter().map(key_of).collect(),
            next: page.last_evaluated_key.as_ref().map(key_of),
        })
    }

    async fn write_batch(&self, mut requests: Vec<WriteRequest>) -> PortResult<()> {
        let began = Instant::now();
        for attempt in 0.. {
            let request = self.client.batch_write_item().request_items(&*self.name, requests);
            let answer = request.send().await.map_err(|error| fault(&error))?;
            requests = answer.unprocessed_items.unwrap_or_default().remove(&*self.name).unwrap_or_default();
            if requests.is_empty() {
                self.written(began);
                break;
            }
            back_off(attempt, "BatchWriteItem").await?;
        }
        Ok(())
    }
}

/// The key of an item.
fn key_of(item: &Item) -> ItemKey {
    let read = ItemReader(item);
    ItemKey { pk: read.owned("pk").unwrap_or_default(), sk: read.sk().to_owned() }
}
