//! Creates, deletes and finds the event types of an account (section 4).

use crate::errors::{PortResult, UseCaseError, ValidationErrors};
use crate::ids::{AccountId, EventTypeId};
use crate::model::event::VERIFY;
use crate::model::{EventName, EventType, Subscription};
use crate::ports::CreateEventTypeOutcome;
use crate::service::Service;
use crate::values::{Condition, FieldValue, Filter, ListQuery, Patch, Position, Sort};

/// Creates a type.
pub async fn create(service: &Service, account: &AccountId, name: &Patch<String>) -> Result<EventType, UseCaseError> {
    let name = match name {
        Patch::Absent | Patch::Null => Err("can't be blank"),
        Patch::WrongType => Err("is invalid"),
        Patch::Value(text) if text.is_empty() => Err("can't be blank"),
        Patch::Value(text) if text == VERIFY || EventName::builtin(text).is_some() => Err("is not allowed"),
        Patch::Value(text) => EventName::own_type(text).ok_or("is invalid"),
    };
    let name = name.map_err(|why| ValidationErrors::of("name", why))?;
    let limit = service.settings.max_event_types;
    match service.event_types.create_event_type(account, &name, service.clock.now(), limit).await? {
        CreateEventTypeOutcome::Done(created) => Ok(created),
        CreateEventTypeOutcome::Exists => Err(ValidationErrors::of("name", "is not allowed").into()),
        CreateEventTypeOutcome::TooMany => {
            Err(ValidationErrors::of("event_types", format!("has reached its limit of {limit}")).into())
        }
    }
}

/// Deletes a type. Webhooks that wait for it stay; nothing can be published for them any more.
pub async fn delete(service: &Service, account: &AccountId, id: EventTypeId) -> Result<(), UseCaseError> {
    if service.event_types.delete_event_type(account, id).await? { Ok(()) } else { Err(UseCaseError::NotFound) }
}

/// The id of an account's type of that name.
pub async fn find(service: &Service, account: &AccountId, name: &str) -> PortResult<Option<EventTypeId>> {
    let query = ListQuery {
        filters: vec![Filter {
            field: "name",
            test: Condition::OneOf(vec![FieldValue::Text(name.to_owned())]),
            ignore_case: false,
        }],
        sort: vec![Sort { field: "id", descending: false }],
        position: Position::Page(1),
        per_page: 1,
    };
    let page = service.event_types.list_event_types(account, &query).await?;
    Ok(page.items.first().map(|found| found.id))
}

/// The account's own names, if one of `events` can be understood with their help only.
pub(crate) async fn own_names_for(
    service: &Service,
    account: &AccountId,
    mut events: impl Iterator<Item = &String> + Send,
) -> PortResult<Vec<EventName>> {
    let may_be_own = |text: &String| {
        EventName::builtin(text).is_none()
            && Subscription::pattern(text).is_none()
            && EventName::own_type(text).is_some()
    };
    if events.any(may_be_own) { service.event_types.own_event_names(account).await } else { Ok(Vec::new()) }
}
