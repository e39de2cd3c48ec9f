//! `/event_types` (section 4): the account's own event types.

use futures_util::FutureExt as _;
use hookline_core::ids::EventTypeId;
use hookline_core::use_cases::event_types;
use hookline_core::values::node_id;
use http::header::LOCATION;
use http::{Method, StatusCode};

use crate::input::JsonObject;
use crate::listing::{PageLinks, QueryParameters, Selection, page_answer, query};
use crate::request::{AuthenticatedRequest, BodySpec, Handler, Permission, QuerySpec, Route, body};
use crate::response::{ApiError, ApiResponse};
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
    let records: Vec<_> = page.items.iter().map(|one| view(one, &selection, &service.settings, zone)).collect();
    let links = PageLinks::new(&request.base_url(&service.settings), &request.url.path, &request.query);
    Ok(page_answer(&records, links, &query, page, sort_value, |one| one.id.0))
}

async fn create(request: AuthenticatedRequest) -> Result<ApiResponse, ApiError> {
    let service = request.service();
    let account = &request.caller.account;
    let selection = Selection::of_record(&EVENT_TYPE, &QueryParameters::parse(&request.query))?;
    let name = JsonObject::read(body::text(&request.body)?)?.text("name");
    let created = event_types::create(service, &account.id, &name).await?;
    let location = format!("{}/event_types/{}", service.settings.account_url(&account.id), created.id.0);
    let record = view(&created, &selection, &service.settings, &account.time_zone);
    Ok(ApiResponse::json(StatusCode::CREATED, &record).with(LOCATION, location))
}

async fn delete(request: AuthenticatedRequest) -> Result<ApiResponse, ApiError> {
    let service = request.service();
    let account = &request.caller.account.id;
    // A name begins with a letter, so it is no id; and it is looked for before the node id, which may look like one.
    let id = match event_types::find(service, account, &request.id).await? {
        Some(id) => id,
        None => {
            node_id::parse(&service.settings.domain, NODE, &request.id).map(EventTypeId).ok_or(ApiError::NotFound)?
        }
    };
    event_types::delete(service, account, id).await?;
    Ok(ApiResponse::empty(StatusCode::NO_CONTENT))
}
