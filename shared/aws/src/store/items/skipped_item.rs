//! The item of a chunk of skipped messages.

use hookline_core::errors::PortResult;
use hookline_core::ids::AccountId;
use hookline_core::model::SkippedChunk;

use crate::store::dynamo::{Item, ItemBuilder, ItemReader, Kept, bytes, corrupt};
use crate::store::keys;

pub(in crate::store) fn to_item(chunk: &SkippedChunk, kept: Kept) -> Item {
    ItemBuilder::at(&keys::skipped_chunk(&chunk.account, chunk.id()))
        .text("event", chunk.event.as_str())
        .text("event_id", chunk.event_id.as_str())
        .time("accepted_at", chunk.accepted_at)
        .maybe_text("custom_url", chunk.custom_url.as_deref())
        .set("webhooks", bytes(SkippedChunk::encode_webhooks(&chunk.webhooks, &chunk.event)))
        .expires(chunk.accepted_at + kept.deliveries.min(kept.events))
        .done()
}

pub(in crate::store) fn from_item(account: &AccountId, item: &Item) -> PortResult<SkippedChunk> {
    let read = ItemReader(item);
    let event = read.event_name("event")?;
    let webhooks = SkippedChunk::decode_webhooks(read.bytes("webhooks")?, &event).ok_or_else(|| corrupt("webhooks"))?;
    Ok(SkippedChunk {
        account: account.clone(),
        event,
        event_id: read.event_id("event_id")?,
        accepted_at: read.time("accepted_at")?,
        custom_url: read.owned("custom_url"),
        webhooks,
    })
}
