//! The accounts' own event types behind the gate.

use async_trait::async_trait;
use hookline_core::errors::PortResult;
use hookline_core::ids::{AccountId, EventTypeId};
use hookline_core::model::{EventName, EventType};
use hookline_core::ports::{CreateEventTypeOutcome, EventTypes};
use hookline_core::values::{ListQuery, Page};
use jiff::Timestamp;

use super::Gated;

#[async_trait]
impl EventTypes for Gated {
    async fn create_event_type(
        &self,
        account: &AccountId,
        name: &EventName,
        now: Timestamp,
        limit: u64,
    ) -> PortResult<CreateEventTypeOutcome> {
        self.store.create_event_type(account, name, now, limit).await
    }

    async fn delete_event_type(&self, account: &AccountId, id: EventTypeId) -> PortResult<bool> {
        self.store.delete_event_type(account, id).await
    }

    async fn list_event_types(&self, account: &AccountId, query: &ListQuery) -> PortResult<Page<EventType>> {
        self.store.list_event_types(account, query).await
    }

    async fn own_event_names(&self, account: &AccountId) -> PortResult<Vec<EventName>> {
        self.store.own_event_names(account).await
    }
}
