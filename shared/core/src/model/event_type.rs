//! An account's own event types (section 4): names beside the 77 that it may publish and subscribe to.

use jiff::Timestamp;
use serde::Serialize;

use crate::account::AccountId;
use crate::event::{EventName, VERIFY};
use crate::given::Given;
use crate::listing::{Filter, Position, Query, Sort, Test, Value};
use crate::matching::Subscription;
use crate::ports::{Answer, EventTypeCreated, Service};
use crate::problems::{Error, Problems};

/// Id of an event type: one counter per deployment, never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct EventTypeId(pub u64);

/// An own event type as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventType {
    /// Its id.
    pub id: EventTypeId,
    /// Its name.
    pub name: EventName,
    /// When it was created.
    pub created_at: Timestamp,
}

/// Creates a type.
pub async fn create(service: &Service, account: &AccountId, name: &Given<String>) -> Result<EventType, Error> {
    let mut problems = Problems::new();
    let name = match name {
        Given::Absent | Given::Null => Err("can't be blank"),
        Given::WrongType => Err("is invalid"),
        Given::Value(text) if text.is_empty() => Err("can't be blank"),
        Given::Value(text) if text == VERIFY || EventName::builtin(text).is_some() => Err("is not allowed"),
        Given::Value(text) => EventName::own_type(text).ok_or("is invalid"),
    };
    let name = match name {
        Ok(name) => name,
        Err(why) => {
            problems.add("name", why);
            return Err(Error::Invalid(problems));
        }
    };
    let limit = service.settings.max_event_types;
    match service.event_types.create_event_type(account, &name, service.clock.now(), limit).await? {
        EventTypeCreated::Done(created) => return Ok(created),
        EventTypeCreated::Exists => problems.add("name", "is not allowed"),
        EventTypeCreated::TooMany => problems.add("event_types", format!("has reached its limit of {limit}")),
    }
    Err(Error::Invalid(problems))
}

/// Deletes a type. Webhooks that wait for it stay; nothing can be published for them any more.
pub async fn delete(service: &Service, account: &AccountId, id: EventTypeId) -> Result<(), Error> {
    if service.event_types.delete_event_type(account, id).await? { Ok(()) } else { Err(Error::NotFound) }
}

/// The id of an account's type of that name.
pub async fn find(service: &Service, account: &AccountId, name: &str) -> Answer<Option<EventTypeId>> {
    let query = Query {
        filters: vec![Filter {
            field: "name",
            test: Test::OneOf(vec![Value::Text(name.to_owned())]),
            ignore_case: false,
        }],
        sort: vec![Sort { field: "id", descending: false }],
        position: Position::Page(1),
        per_page: 1,
    };
    let page = service.event_types.list_event_types(account, &query).await?;
    Ok(page.items.first().map(|found| found.id))
}

/// The account's own names, if `event` can be understood with their help only.
pub(crate) async fn needed(service: &Service, account: &AccountId, event: Option<&String>) -> Answer<Vec<EventName>> {
    let may_be_own = |text: &&String| {
        EventName::builtin(text).is_none()
            && Subscription::pattern(text).is_none()
            && EventName::own_type(text).is_some()
    };
    match event.filter(may_be_own) {
        Some(_) => service.event_types.own_event_names(account).await,
        None => Ok(Vec::new()),
    }
}
