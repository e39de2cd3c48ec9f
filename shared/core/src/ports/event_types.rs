//! Keeps the accounts' own event types.

use async_trait::async_trait;
use jiff::Timestamp;

use crate::errors::PortResult;
use crate::ids::{AccountId, EventTypeId};
use crate::model::{EventName, EventType};
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
    /// Stores a new type, unless the account has `limit` of them.
    async fn create_event_type(
        &self,
        account: &AccountId,
        name: &EventName,
        now: Timestamp,
        limit: u64,
    ) -> PortResult<CreateEventTypeOutcome>;
    /// Deletes a type; `false` if the account has none of that id.
    async fn delete_event_type(&self, account: &AccountId, id: EventTypeId) -> PortResult<bool>;
    /// A part of an account's types. Fields: `id`, `name`, `created_at`.
    async fn list_event_types(&self, account: &AccountId, query: &ListQuery) -> PortResult<Page<EventType>>;
    /// The names of all of an account's types, in alphabetical order, read consistently: a type that was created a
    /// moment ago MUST be among them.
    async fn own_event_names(&self, account: &AccountId) -> PortResult<Vec<EventName>>;
}
