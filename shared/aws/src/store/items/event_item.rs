//! The two items of an event: the event itself, and the state of its fan-out.

use std::sync::Arc;

use bytes::Bytes;
use hookline_core::errors::PortResult;
use hookline_core::ids::WebhookId;
use hookline_core::model::{Event, EventHead, Payload};
use jiff::Timestamp;

use crate::encoding::unpack;
use crate::store::dynamo::{ItemReader, corrupt};

/// Reads the head of an event.
pub(in crate::store) fn head(read: ItemReader<'_>) -> PortResult<EventHead> {
    serde_json::from_str(read.text("head")?).map_err(|_| corrupt("head"))
}

/// Reads an event with its payload.
pub(in crate::store) fn from_item(read: ItemReader<'_>) -> PortResult<Event> {
    let head = head(read)?;
    let payload = Payload::from_valid_json(Bytes::from(unpack(read.bytes("payload")?)?));
    Ok(Event { head: Arc::new(head), payload })
}

/// The state of an event's fan-out.
pub(in crate::store) struct FanOutItem {
    /// The acceptance that it belongs to. An expired event can be accepted again under its id.
    pub(in crate::store) accepted_at: Timestamp,
    pub(in crate::store) lease: Option<Timestamp>,
    pub(in crate::store) after: Option<WebhookId>,
    /// The matching webhooks, once the fan-out is done.
    pub(in crate::store) matched: Option<Vec<WebhookId>>,
}

impl FanOutItem {
    pub(in crate::store) fn read(read: ItemReader<'_>) -> PortResult<Self> {
        let matched = read.maybe_bytes("matched").map(unpack).transpose()?.map(|packed| {
            let (ids, _) = packed.as_chunks();
            ids.iter().map(|id| WebhookId(u64::from_be_bytes(*id))).collect()
        });
        Ok(Self {
            accepted_at: read.time("accepted_at")?,
            lease: read.maybe_time("lease")?,
            after: read.maybe_number("after")?.map(WebhookId),
            matched,
        })
    }

    /// Reads the state. `None` if it belongs to an earlier acceptance of the same id.
    pub(in crate::store) fn of(read: ItemReader<'_>, head: &EventHead) -> PortResult<Option<Self>> {
        let fan_out = Self::read(read)?;
        let same = fan_out.accepted_at.as_millisecond() == head.accepted_at.as_millisecond();
        Ok(same.then_some(fan_out))
    }
}
