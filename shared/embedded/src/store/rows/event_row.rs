//! An event as a row.

use std::sync::Arc;

use bytes::Bytes;
use hookline_core::model::{Event, EventHead, Payload};
use rusqlite::Row;

use crate::store::sqlite::errors::corrupt;

/// Reads head and payload from the columns at `at`.
pub(crate) fn event_from(row: &Row<'_>, at: usize) -> rusqlite::Result<Event> {
    let head: EventHead = serde_json::from_str(row.get_ref(at)?.as_str()?).map_err(|_| corrupt("event"))?;
    let payload = Payload::from_valid_json(Bytes::copy_from_slice(row.get_ref(at + 1)?.as_blob()?));
    Ok(Event { head: Arc::new(head), payload })
}
