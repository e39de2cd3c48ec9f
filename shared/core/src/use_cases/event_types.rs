//! Creates, changes, deletes and finds the event types of an account (sections 4 and 14).

use serde_json::value::RawValue;

use super::retry_on_conflict::retry_on_conflict;
use crate::errors::{PortResult, UseCaseError, ValidationErrors};
use crate::ids::{AccountId, EventTypeId};
use crate::model::event::VERIFY;
use crate::model::{EventName, EventType, EventTypeDocuments, SchemaMode, Subscription};
use crate::ports::CreateEventTypeOutcome;
use crate::service::Service;
use crate::values::{JsonSchema, Patch};

/// The longest description, in characters.
const MAX_DESCRIPTION: usize = 1000;
/// The largest example, in bytes.
const MAX_EXAMPLE: usize = 65_536;

/// What an administrator says about an event type. Unknown and read-only fields never get here.
#[derive(Debug, Clone, Default)]
pub struct EventTypeInput {
    /// `name`
    pub name: Patch<String>,
    /// `description`
    pub description: Patch<String>,
    /// `schema`, as its JSON text
    pub schema: Patch<String>,
    /// `example`, as its JSON text
    pub example: Patch<String>,
    /// `schema_mode`
    pub schema_mode: Patch<String>,
}

/// Creates a type.
pub async fn create(
    service: &Service,
    account: &AccountId,
    input: &EventTypeInput,
) -> Result<(EventType, EventTypeDocuments), UseCaseError> {
    let name = match &input.name {
        Patch::Absent | Patch::Null => Err("can't be blank"),
        Patch::WrongType => Err("is invalid"),
        Patch::Value(text) if text.is_empty() => Err("can't be blank"),
        Patch::Value(text) if text == VERIFY || EventName::builtin(text).is_some() => Err("is not allowed"),
        Patch::Value(text) => EventName::own_type(text).ok_or("is invalid"),
    };
    let name = name.map_err(|why| ValidationErrors::of("name", why))?;
    let now = service.clock.now();
    let mut new = EventType {
        id: EventTypeId(0),
        name,
        description: None,
        schema_mode: SchemaMode::Off,
        created_at: now,
        updated_at: now,
        version: 1,
    };
    let mut documents = EventTypeDocuments::default();
    apply(input, &mut new, &mut documents).check()?;
    let limit = service.settings.max_event_types;
    match service.event_types.create_event_type(account, &new, &documents, limit).await? {
        CreateEventTypeOutcome::Done(created) => Ok((created, documents)),
        CreateEventTypeOutcome::Exists => Err(ValidationErrors::of("name", "is not allowed").into()),
        CreateEventTypeOutcome::TooMany => {
            Err(ValidationErrors::of("event_types", format!("has reached its limit of {limit}")).into())
        }
    }
}

/// Changes the fields that the input mentions. `if_match` is asked whether the stored type is still the one that the
/// caller saw.
pub async fn update(
    service: &Service,
    account: &AccountId,
    id: EventTypeId,
    input: &EventTypeInput,
    if_match: impl Fn(&EventType) -> bool + Send + Sync,
) -> Result<(EventType, EventTypeDocuments), UseCaseError> {
    retry_on_conflict("an event type", || async {
        let own = service.event_types.own_event_types(account).await?;
        let stored = own.into_iter().find(|one| one.id == id).ok_or(UseCaseError::NotFound)?;
        if !if_match(&stored) {
            return Err(UseCaseError::PreconditionFailed);
        }
        let stored_documents = service.event_types.event_type_documents(account, id).await?;
        let (mut changed, mut documents) = (stored.clone(), stored_documents.clone());
        let mut problems = apply(input, &mut changed, &mut documents);
        let same = match &input.name {
            Patch::Absent => true,
            Patch::Null | Patch::WrongType => false,
            Patch::Value(text) => text == stored.name.as_str(),
        };
        if !same {
            problems.add("name", "can't be changed");
        }
        problems.check()?;
        if (&changed, &documents) == (&stored, &stored_documents) {
            return Ok(Some((changed, documents)));
        }
        changed.updated_at = service.clock.now();
        changed.version += 1;
        let written = service.event_types.update_event_type(account, &changed, &documents).await?;
        Ok(written.then_some((changed, documents)))
    })
    .await
}

/// Applies all fields but the name, and gathers what is wrong with them.
fn apply(input: &EventTypeInput, event_type: &mut EventType, documents: &mut EventTypeDocuments) -> ValidationErrors {
    let mut problems = ValidationErrors::new();
    let EventTypeInput { name: _, description, schema, example, schema_mode } = input;
    match description {
        Patch::Absent => {}
        Patch::Null => event_type.description = None,
        Patch::WrongType => problems.add("description", "is invalid"),
        Patch::Value(text) if text.chars().count() > MAX_DESCRIPTION => {
            problems.too_long("description", MAX_DESCRIPTION);
        }
        Patch::Value(text) => event_type.description = Some(text.clone()),
    }
    match schema_mode {
        Patch::Absent => {}
        Patch::Null => event_type.schema_mode = SchemaMode::Off,
        Patch::WrongType => problems.add("schema_mode", "is invalid"),
        Patch::Value(text) => match SchemaMode::parse(text) {
            Some(mode) => event_type.schema_mode = mode,
            None => problems.add("schema_mode", "is not included in the list"),
        },
    }
    match example {
        Patch::Absent => {}
        Patch::Null => documents.example = None,
        Patch::WrongType => problems.add("example", "is invalid"),
        Patch::Value(text) if !text.starts_with('{') => problems.add("example", "must be an object"),
        Patch::Value(text) if text.len() > MAX_EXAMPLE => {
            problems.add("example", format!("is too long (maximum is {MAX_EXAMPLE} bytes)"));
        }
        Patch::Value(text) => documents.example = Some(text.clone()),
    }
    match schema {
        Patch::Absent => {}
        Patch::Null => documents.schema = None,
        Patch::WrongType => problems.add("schema", "is invalid"),
        Patch::Value(text) => documents.schema = Some(text.clone()),
    }
    match documents.schema.as_deref().map(JsonSchema::parse) {
        None if event_type.schema_mode != SchemaMode::Off => problems.add("schema_mode", "needs a schema"),
        None => {}
        Some(Err(error)) => problems.add("schema", error.to_string()),
        Some(Ok(schema)) => {
            let example: Option<&RawValue> =
                documents.example.as_deref().and_then(|text| serde_json::from_str(text).ok());
            if let Some(Err(mismatch)) = example.map(|example| schema.check(example)) {
                problems.add("example", mismatch.to_string());
            }
        }
    }
    problems
}

/// Deletes a type. Webhooks that wait for it stay; nothing can be published for them any more.
pub async fn delete(service: &Service, account: &AccountId, id: EventTypeId) -> Result<(), UseCaseError> {
    if service.event_types.delete_event_type(account, id).await? { Ok(()) } else { Err(UseCaseError::NotFound) }
}

/// The account's type of that name, or else of that id.
pub async fn find(
    service: &Service,
    account: &AccountId,
    name: &str,
    id: Option<EventTypeId>,
) -> PortResult<Option<EventType>> {
    let own = service.event_types.own_event_types(account).await?;
    let named = own.iter().position(|one| one.name.as_str() == name);
    let at = named.or_else(|| own.iter().position(|one| Some(one.id) == id));
    Ok(at.and_then(|at| own.into_iter().nth(at)))
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
    if !events.any(may_be_own) {
        return Ok(Vec::new());
    }
    let own = service.event_types.own_event_types(account).await?;
    Ok(own.into_iter().map(|one| one.name).collect())
}
