//! Keeps the accounts' own event types.

use async_trait::async_trait;

use crate::errors::PortResult;
use crate::ids::{AccountId, EventTypeId};
use crate::model::{EventType, EventTypeDocuments};
use crate::values::{ListQuery, Page};

/// How the creation of an event type went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CreateEventTypeOutcome {
    /// It is created.
    Done(EventType),
    /// The account has a type of that name.
    Exists,
    /// The account has its limit of types, or is gone.
    TooMany,
}

/// The accounts' own event types. A name is unique in its account; an id is never given twice.
#[async_trait]
pub trait EventTypes: Send + Sync {
    /// Stores a new type with its documents, unless the account has `limit` of them. Its id is given here.
    async fn create_event_type(
        &self,
        account: &AccountId,
        new: &EventType,
        documents: &EventTypeDocuments,
        limit: u64,
    ) -> PortResult<CreateEventTypeOutcome>;
    /// Replaces a type and its documents. `false`, and nothing is written, unless the stored version is one less than that
    /// of `changed`.
    async fn update_event_type(
        &self,
        account: &AccountId,
        changed: &EventType,
        documents: &EventTypeDocuments,
    ) -> PortResult<bool>;
    /// Deletes a type; `false` if the account has none of that id.
    async fn delete_event_type(&self, account: &AccountId, id: EventTypeId) -> PortResult<bool>;
    /// A part of an account's types. Fields: `id`, `name`, `created_at`.
    async fn list_event_types(&self, account: &AccountId, query: &ListQuery) -> PortResult<Page<EventType>>;
    /// All of an account's types in the alphabetical order of their names, read consistently: a type that was created or
    /// changed a moment ago MUST be among them, as it is.
    async fn own_event_types(&self, account: &AccountId) -> PortResult<Vec<EventType>>;
    /// The documents of a type, read consistently; empty if there is no such type.
    async fn event_type_documents(&self, account: &AccountId, id: EventTypeId) -> PortResult<EventTypeDocuments>;
}
