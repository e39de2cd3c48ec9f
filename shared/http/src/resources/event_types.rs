//! `/event_types` (sections 4 and 14): the account's own event types.

use futures_util::FutureExt as _;
use hookline_core::ids::EventTypeId;
use hookline_core::model::{EventType, EventTypeDocuments};
use hookline_core::use_cases::event_types;
use hookline_core::values::node_id;
use http::header::{ETAG, LOCATION};
use http::{Method, StatusCode};

use crate::input::{self, JsonObject};
use crate::listing::{PageLinks, QueryParameters, Selection, page_answer, query};
use crate::request::{AuthenticatedRequest, BodySpec, Handler, Permission, QuerySpec, Route, body};
use crate::response::{ApiError, ApiResponse, EntityTag};
use crate::views::event_type::{EVENT_TYPE, NODE, sort_value, view};

/// The routes of this module.
pub(crate) static ROUTES: &[Route] = &[
    Route {
        method: Method::GET,
        path: "/event_types",
        id: "listEventTypes",
        summary: "Lists the account's own event types by name.",
        query: QuerySpec::List(&EVENT_TYPE),
        body: BodySpec::None,
        success: (StatusCode::OK, Some("EventTypes")),
        other: &[],
        handler: Handler::Authenticated(Permission::Read, |request| list(request).boxed()),
    },
    Route {
        method: Method::POST,
        path: "/event_types",
        id: "createEventType",
        summary: "Creates an event type that the account may publish and subscribe to.",
        query: QuerySpec::Record(&EVENT_TYPE),
        body: BodySpec::Json("EventTypeInput"),
        success: (StatusCode::CREATED, Some("EventType")),
        other: &[],
        handler: Handler::Authenticated(Permission::Administer, |request| create(request).boxed()),
    },
    Route {
        method: Method::GET,
        path: "/event_types/{id}",
        id: "getEventType",
        summary: "Shows an event type, by its id or name, with its schema and example.",
        query: QuerySpec::Record(&EVENT_TYPE),
        body: BodySpec::None,
        success: (StatusCode::OK, Some("EventType")),
        other: &[(StatusCode::NOT_MODIFIED, None)],
        handler: Handler::Authenticated(Permission::Read, |request| show(request).boxed()),
    },
    Route {
        method: Method::PATCH,
        path: "/event_types/{id}",
        id: "updateEventType",
        summary: "Updates the given fields of an event type, by its id or name. Its name can't be changed.",
        query: QuerySpec::Record(&EVENT_TYPE),
        body: BodySpec::Json("EventTypeChanges"),
        success: (StatusCode::OK, Some("EventType")),
        other: &[(StatusCode::PRECONDITION_FAILED, Some("Message"))],
        handler: Handler::Authenticated(Permission::Administer, |request| update(request).boxed()),
    },
    Route {
        method: Method::DELETE,
        path: "/event_types/{id}",
        id: "deleteEventType",
        summary: "Deletes an event type by its id or name. Webhooks that wait for it stay.",
        query: QuerySpec::None,
        body: BodySpec::None,
        success: (StatusCode::NO_CONTENT, None),
        other: &[],
        handler: Handler::Authenticated(Permission::Administer, |request| delete(request).boxed()),
    },
];

async fn list(request: AuthenticatedRequest) -> Result<ApiResponse, ApiError> {
    let service = request.service();
    let account = &request.caller.account;
    let parameters = QueryParameters::parse(&request.query);
    let selection = Selection::of_list(&EVENT_TYPE, &parameters)?;
    let query = query(&EVENT_TYPE, &parameters, &account.time_zone)?;
    let page = service.event_types.list_event_types(&account.id, &query).await?;
    let zone = &account.time_zone;
    let records: Vec<_> = page.items.iter().map(|one| view(one, None, &selection, &service.settings, zone)).collect();
    let links = PageLinks::new(&request.base_url(&service.settings), &request.url.path, &request.query);
    Ok(page_answer(&records, links, &query, page, sort_value, |one| one.id.0))
}

async fn create(request: AuthenticatedRequest) -> Result<ApiResponse, ApiError> {
    let service = request.service();
    let account = &request.caller.account;
    let selection = Selection::of_record(&EVENT_TYPE, &QueryParameters::parse(&request.query))?;
    let input = input::event_type(&JsonObject::read(body::text(&request.body)?)?);
    let (created, documents) = event_types::create(service, &account.id, &input).await?;
    let location = format!("{}/event_types/{}", service.settings.account_url(&account.id), created.id.0);
    Ok(record(&request, StatusCode::CREATED, &created, &documents, &selection).with(LOCATION, location))
}

async fn show(request: AuthenticatedRequest) -> Result<ApiResponse, ApiError> {
    let selection = Selection::of_record(&EVENT_TYPE, &QueryParameters::parse(&request.query))?;
    let event_type = found(&request).await?;
    let tag = EntityTag::of_event_type(&event_type);
    if tag.is_known_to(&request.headers) {
        return Ok(ApiResponse::empty(StatusCode::NOT_MODIFIED).with(ETAG, tag.header()));
    }
    let account = &request.caller.account.id;
    let documents = request.service().event_types.event_type_documents(account, event_type.id).await?;
    Ok(record(&request, StatusCode::OK, &event_type, &documents, &selection))
}

async fn update(request: AuthenticatedRequest) -> Result<ApiResponse, ApiError> {
    let service = request.service();
    let selection = Selection::of_record(&EVENT_TYPE, &QueryParameters::parse(&request.query))?;
    let input = input::event_type(&JsonObject::read(body::text(&request.body)?)?);
    let id = found(&request).await?.id;
    let if_match = |stored: &EventType| EntityTag::of_event_type(stored).is_expected_by(&request.headers);
    let (changed, documents) = event_types::update(service, &request.caller.account.id, id, &input, if_match).await?;
    Ok(record(&request, StatusCode::OK, &changed, &documents, &selection))
}

async fn delete(request: AuthenticatedRequest) -> Result<ApiResponse, ApiError> {
    let id = found(&request).await?.id;
    event_types::delete(request.service(), &request.caller.account.id, id).await?;
    Ok(ApiResponse::empty(StatusCode::NO_CONTENT))
}

/// The type that the path names. A name begins with a letter, so it is no id; and it is looked for before the node id,
/// which may look like one.
async fn found(request: &AuthenticatedRequest) -> Result<EventType, ApiError> {
    let service = request.service();
    let id = node_id::parse(&service.settings.domain, NODE, &request.id).map(EventTypeId);
    let found = event_types::find(service, &request.caller.account.id, &request.id, id).await?;
    found.ok_or(ApiError::NotFound)
}

/// A response with a type and its tag.
fn record(
    request: &AuthenticatedRequest,
    status: StatusCode,
    event_type: &EventType,
    documents: &EventTypeDocuments,
    selection: &Selection,
) -> ApiResponse {
    let (settings, zone) = (&request.service().settings, &request.caller.account.time_zone);
    let record = view(event_type, Some(documents), selection, settings, zone);
    ApiResponse::json(status, &record).with(ETAG, EntityTag::of_event_type(event_type).header())
}
