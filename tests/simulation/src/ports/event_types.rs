//! The accounts' own event types behind the gate.

use async_trait::async_trait;
use hookline_core::errors::PortResult;
use hookline_core::ids::{AccountId, EventTypeId};
use hookline_core::model::{EventType, EventTypeDocuments};
use hookline_core::ports::{CreateEventTypeOutcome, EventTypes};
use hookline_core::values::{ListQuery, Page};

use super::Gated;

#[async_trait]
impl EventTypes for Gated {
    async fn create_event_type(
        &self,
        account: &AccountId,
        new: &EventType,
        documents: &EventTypeDocuments,
        limit: u64,
    ) -> PortResult<CreateEventTypeOutcome> {
        self.store.create_event_type(account, new, documents, limit).await
    }

    async fn update_event_type(
        &self,
        account: &AccountId,
        changed: &EventType,
        documents: &EventTypeDocuments,
    ) -> PortResult<bool> {
        self.store.update_event_type(account, changed, documents).await
    }

    async fn delete_event_type(&self, account: &AccountId, id: EventTypeId) -> PortResult<bool> {
        self.store.delete_event_type(account, id).await
    }

    async fn list_event_types(&self, account: &AccountId, query: &ListQuery) -> PortResult<Page<EventType>> {
        self.store.list_event_types(account, query).await
    }

    async fn own_event_types(&self, account: &AccountId) -> PortResult<Vec<EventType>> {
        self.store.own_event_types(account).await
    }

    async fn event_type_documents(&self, account: &AccountId, id: EventTypeId) -> PortResult<EventTypeDocuments> {
        self.store.event_type_documents(account, id).await
    }
}
