//! `/event_types` (section 4): the account's own event types.

use futures_util::FutureExt as _;
use hookline_core::event_type::{self, EventTypeId};
use hookline_core::node_id;
use http::header::LOCATION;
use http::{Method, StatusCode};

use crate::input::Object;
use crate::listing::{Links, Parameters, Selection, page_headers, query};
use crate::request::{BodyOf, Call, Duty, Handler, QueryOf, Route, body};
use crate::response::{Answer, Refusal};
use crate::views::event_type::{EVENT_TYPE, NODE, sort_value, view};

/// The routes of this module.
pub(crate) static ROUTES: &[Route] = &[
    Route {
        method: Method::GET,
        path: "/event_types",
        id: "listEventTypes",
        summary: "Lists the account's own event types by name.",
        query: QueryOf::List(&EVENT_TYPE),
        body: BodyOf::None,
        good: (StatusCode::OK, Some("EventTypes")),
        also: &[],
        handler: Handler::Closed(Duty::Read, |call| list(call).boxed()),
    },
    Route {
        method: Method::POST,
        path: "/event_types",
        id: "createEventType",
        summary: "Creates an event type that the account may publish and subscribe to.",
        query: QueryOf::Record(&EVENT_TYPE),
        body: BodyOf::Json("EventTypeInput"),
        good: (StatusCode::CREATED, Some("EventType")),
        also: &[],
        handler: Handler::Closed(Duty::Administer, |call| create(call).boxed()),
    },
    Route {
        method: Method::DELETE,
        path: "/event_types/{id}",
        id: "deleteEventType",
        summary: "Deletes an event type, named by its id or its name. Webhooks that wait for it stay.",
        query: QueryOf::None,
        body: BodyOf::None,
        good: (StatusCode::NO_CONTENT, None),
        also: &[],
        handler: Handler::Closed(Duty::Administer, |call| delete(call).boxed()),
    },
];

async fn list(call: Call) -> Result<Answer, Refusal> {
    let service = call.service();
    let account = &call.caller.account;
    let parameters = Parameters::parse(&call.query);
    let selection = Selection::of_list(&EVENT_TYPE, &parameters)?;
    let query = query(&EVENT_TYPE, &parameters, &account.time_zone)?;
    let page = service.event_types.list_event_types(&account.id, &query).await?;
    let zone = &account.time_zone;
    let records: Vec<_> = page.items.iter().map(|one| view(one, &selection, &service.settings, zone)).collect();
    let links = Links::new(&call.base_url(&service.settings), &call.place.asked, &call.query);
    Ok(page_headers(Answer::ok(&records), links, &query, &page, sort_value, |one| one.id.0))
}

async fn create(call: Call) -> Result<Answer, Refusal> {
    let service = call.service();
    let account = &call.caller.account;
    let selection = Selection::of_record(&EVENT_TYPE, &Parameters::parse(&call.query))?;
    let name = Object::read(body::text(&call.body)?)?.text("name");
    let created = event_type::create(service, &account.id, &name).await?;
    let location = format!("{}/event_types/{}", service.settings.account_url(&account.id), created.id.0);
    let record = view(&created, &selection, &service.settings, &account.time_zone);
    Ok(Answer::json(StatusCode::CREATED, &record).with(LOCATION, location))
}

async fn delete(call: Call) -> Result<Answer, Refusal> {
    let service = call.service();
    let account = &call.caller.account.id;
    // A name begins with a letter, so it is no id; and it is looked for before the node id, which may look like one.
    let id = match event_type::find(service, account, &call.id).await? {
        Some(id) => id,
        None => node_id::parse(&service.settings.domain, NODE, &call.id).map(EventTypeId).ok_or(Refusal::NotFound)?,
    };
    event_type::delete(service, account, id).await?;
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}
