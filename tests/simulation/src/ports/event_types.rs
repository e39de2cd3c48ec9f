//! The accounts' own event types behind the gate.

use async_trait::async_trait;
use hookline_core::account::AccountId;
use hookline_core::event::EventName;
use hookline_core::event_type::{EventType, EventTypeId};
use hookline_core::listing::{Page, Query};
use hookline_core::ports::{Answer, EventTypeCreated, EventTypes};
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
    ) -> Answer<EventTypeCreated> {
        self.store.create_event_type(account, name, now, limit).await
    }

    async fn delete_event_type(&self, account: &AccountId, id: EventTypeId) -> Answer<bool> {
        self.store.delete_event_type(account, id).await
    }

    async fn list_event_types(&self, account: &AccountId, query: &Query) -> Answer<Page<EventType>> {
        self.store.list_event_types(account, query).await
    }

    async fn own_event_names(&self, account: &AccountId) -> Answer<Vec<EventName>> {
        self.store.own_event_names(account).await
    }
}
