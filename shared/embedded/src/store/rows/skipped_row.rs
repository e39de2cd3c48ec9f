//! A chunk of skipped messages as a row. What its event contains is not stored again.

use hookline_core::ids::AccountId;
use hookline_core::model::SkippedChunk;
use rusqlite::{Connection, Row, params};

use super::values::{event_id, event_name, time};
use crate::store::sqlite::errors::corrupt;

/// The columns of a chunk `s` with its event `e`.
pub(crate) const SKIPPED: &str = "s.webhooks, s.custom_url, e.id, e.name, e.accepted_at";

/// Writes a chunk of the account and event with these numbers.
pub(crate) fn insert_skipped(
    connection: &Connection,
    account: i64,
    event: i64,
    chunk: &SkippedChunk,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO skipped (account, id, event, custom_url, webhooks) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![
            account,
            chunk.id().uuid().as_bytes(),
            event,
            chunk.custom_url,
            SkippedChunk::encode_webhooks(&chunk.webhooks, &chunk.event)
        ])
        .map(|_| ())
}

/// Reads a chunk.
pub(crate) fn skipped_from(row: &Row<'_>, account: &AccountId) -> rusqlite::Result<SkippedChunk> {
    let event = event_name(row.get_ref(3)?.as_str()?)?;
    let webhooks = SkippedChunk::decode_webhooks(row.get_ref(0)?.as_blob()?, &event);
    Ok(SkippedChunk {
        account: account.clone(),
        event,
        event_id: event_id(row.get_ref(2)?.as_str()?)?,
        accepted_at: time(row.get(4)?)?,
        custom_url: row.get(1)?,
        webhooks: webhooks.ok_or_else(|| corrupt("skipped webhooks"))?,
    })
}
