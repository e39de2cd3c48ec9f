//! `/webhook_deliveries` and `/webhooks/:id/deliveries` (section 10).

use std::collections::HashMap;

use futures_util::FutureExt as _;
use hookline_core::ids::{DeliveryId, EventId, MessageId, WebhookId};
use hookline_core::model::{Delivery, Event, MessageKind, Outcome};
use hookline_core::ports::{DeliveryQuery, DeliveryScope};
use hookline_core::rules::verification;
use hookline_core::use_cases::redeliver::redeliver;
use hookline_core::values::{Condition, FieldValue, Filter};
use http::{Method, StatusCode};

use super::webhooks;
use crate::listing::{PageLinks, QueryParameters, Selection, conditions, decode_delivery, log_answer, per_page};
use crate::request::{AuthenticatedRequest, BodySpec, Handler, Permission, QuerySpec, Route};
use crate::response::{ApiError, ApiResponse};
use crate::views::delivery::{DELIVERY, DeliveryContext, event_of_test, view};

/// Parameters that select all records of one event or message.
const SCOPES: &[&str] = &["event_id", "message_id"];

/// The routes of this module.
pub(crate) static ROUTES: &[Route] = &[
    Route {
        method: Method::GET,
        path: "/webhooks/{id}/deliveries",
        id: "listDeliveriesOfWebhook",
        summary: "Lists the deliveries of a webhook, also of a deleted one, newest first.",
        query: QuerySpec::Log(&DELIVERY, &[]),
        body: BodySpec::None,
        success: (StatusCode::OK, Some("Deliveries")),
        other: &[],
        handler: Handler::Authenticated(Permission::Read, |request| list_of_webhook(request).boxed()),
    },
    Route {
        method: Method::GET,
        path: "/webhook_deliveries",
        id: "listDeliveries",
        summary: "Lists the failed, dropped, cancelled and skipped deliveries of the account, or all deliveries of an event or message, newest first.",
        query: QuerySpec::Log(&DELIVERY, SCOPES),
        body: BodySpec::None,
        success: (StatusCode::OK, Some("Deliveries")),
        other: &[],
        handler: Handler::Authenticated(Permission::Read, |request| list_of_account(request).boxed()),
    },
    Route {
        method: Method::GET,
        path: "/webhook_deliveries/{id}",
        id: "getDelivery",
        summary: "Shows the record of a delivery.",
        query: QuerySpec::Record(&DELIVERY),
        body: BodySpec::None,
        success: (StatusCode::OK, Some("Delivery")),
        other: &[(StatusCode::NOT_MODIFIED, None)],
        handler: Handler::Authenticated(Permission::Read, |request| show(request).boxed()),
    },
    Route {
        method: Method::POST,
        path: "/webhook_deliveries/{id}/redeliver",
        id: "redeliver",
        summary: "Redelivers the message of a delivery.",
        query: QuerySpec::Record(&DELIVERY),
        body: BodySpec::None,
        success: (StatusCode::ACCEPTED, Some("Delivery")),
        other: &[(StatusCode::UNPROCESSABLE_ENTITY, Some("ValidationFailed"))],
        handler: Handler::Authenticated(Permission::Administer, |request| again(request).boxed()),
    },
];

async fn list_of_webhook(request: AuthenticatedRequest) -> Result<ApiResponse, ApiError> {
    let id = webhooks::webhook_id(&request)?;
    let parameters = QueryParameters::parse(&request.query);
    let mut query = query(&request, &parameters, &[], DeliveryScope::Webhook(id))?;
    if query.outcome.is_empty() {
        // Skipped records are shown only if the query names them.
        query.outcome.push(Condition::NoneOf(vec![FieldValue::Text(Outcome::Skipped.as_str().to_owned())]));
    }
    if !is_known(&request, id).await? {
        return Err(ApiError::NotFound);
    }
    list(&request, &parameters, query).await
}

async fn list_of_account(request: AuthenticatedRequest) -> Result<ApiResponse, ApiError> {
    let parameters = QueryParameters::parse(&request.query);
    let scope = if let Some(id) = parameters.last("message_id") {
        DeliveryScope::Message(MessageId::parse(id).ok_or_else(|| ApiError::parameter("message_id"))?)
    } else if let Some(id) = parameters.last("event_id") {
        DeliveryScope::Event(EventId::parse(id).ok_or_else(|| ApiError::parameter("event_id"))?)
    } else {
        DeliveryScope::Unsuccessful
    };
    let query = query(&request, &parameters, SCOPES, scope)?;
    list(&request, &parameters, query).await
}

async fn show(request: AuthenticatedRequest) -> Result<ApiResponse, ApiError> {
    let id = delivery_id(&request)?;
    let service = request.service();
    let delivery = service.deliveries.delivery(&request.caller.account.id, id, service.clock.now()).await?;
    Ok(record(&request, &delivery.ok_or(ApiError::NotFound)?, StatusCode::OK).await?.tagged(&request.headers))
}

async fn again(request: AuthenticatedRequest) -> Result<ApiResponse, ApiError> {
    let id = delivery_id(&request)?;
    let delivery = redeliver(request.service(), &request.caller.account.id, id).await?;
    record(&request, &delivery, StatusCode::ACCEPTED).await
}

/// The delivery that the path names.
fn delivery_id(request: &AuthenticatedRequest) -> Result<DeliveryId, ApiError> {
    DeliveryId::parse(&request.id).ok_or(ApiError::NotFound)
}

/// True for a webhook of the account, and for a deleted one that still has records.
async fn is_known(request: &AuthenticatedRequest, id: WebhookId) -> Result<bool, ApiError> {
    let service = request.service();
    let account = &request.caller.account.id;
    if service.webhooks.webhook(account, id).await?.is_some() {
        return Ok(true);
    }
    let any = DeliveryQuery {
        scope: DeliveryScope::Webhook(id),
        event: Vec::new(),
        outcome: Vec::new(),
        created_at: Vec::new(),
        older_than: None,
        newer_than: None,
        per_page: 1,
    };
    let page = service.deliveries.list_deliveries(account, &any, service.clock.now()).await?;
    Ok(!page.items.is_empty())
}

/// Parses the query of a delivery list.
fn query(
    request: &AuthenticatedRequest,
    parameters: &QueryParameters,
    own: &[&str],
    scope: DeliveryScope,
) -> Result<DeliveryQuery, ApiError> {
    let (mut event, mut outcome, mut created_at) = (Vec::new(), Vec::new(), Vec::new());
    let zone = &request.caller.account.time_zone;
    for Filter { field, test, ignore_case: _ } in conditions(&DELIVERY, parameters, own, zone)? {
        match field {
            "event" => event.push(test),
            "outcome" => outcome.push(test),
            _ => created_at.push(test),
        }
    }
    if let Some(sort) = parameters.last("sort").filter(|sort| !matches!(*sort, "" | "-created_at")) {
        return Err(ApiError::BadRequest(format!("Sorting not allowed on fields: {}", sort.trim_start_matches('-'))));
    }
    if parameters.last("page").is_some_and(|page| !matches!(page, "" | "1")) {
        return Err(ApiError::parameter("page"));
    }
    let place = |name: &str| {
        let text = parameters.non_empty(name);
        text.map(|text| decode_delivery(text).ok_or_else(|| ApiError::parameter(name))).transpose()
    };
    let older_than = place("search_after")?;
    let newer_than = if older_than.is_none() { place("search_before")? } else { None };
    Ok(DeliveryQuery { scope, event, outcome, created_at, older_than, newer_than, per_page: per_page(parameters)? })
}

async fn list(
    request: &AuthenticatedRequest,
    parameters: &QueryParameters,
    query: DeliveryQuery,
) -> Result<ApiResponse, ApiError> {
    let service = request.service();
    let account = &request.caller.account;
    let selection = Selection::of_list(&DELIVERY, parameters)?;
    let page = service.deliveries.list_deliveries(&account.id, &query, service.clock.now()).await?;
    let mut webhooks = HashMap::new();
    let mut records = Vec::with_capacity(page.items.len());
    for delivery in &page.items {
        let webhook = match webhooks.get(&delivery.webhook) {
            Some(known) => known,
            None => webhooks.entry(delivery.webhook).or_insert(webhook_of(request, delivery, &selection).await?),
        };
        let event = event_of(request, delivery, &selection).await?;
        let webhook = webhook.as_ref().map(|(name, disabled): &(String, bool)| (name.as_str(), *disabled));
        let around = DeliveryContext { account, settings: &service.settings, webhook, event: event.as_ref() };
        records.push(view(delivery, &around, &selection));
    }
    let links = PageLinks::new(&request.base_url(&service.settings), &request.url.path, &request.query);
    Ok(log_answer(&records, links, &query, page))
}

async fn record(
    request: &AuthenticatedRequest,
    delivery: &Delivery,
    status: StatusCode,
) -> Result<ApiResponse, ApiError> {
    let selection = Selection::of_record(&DELIVERY, &QueryParameters::parse(&request.query))?;
    let webhook = webhook_of(request, delivery, &selection).await?;
    let event = event_of(request, delivery, &selection).await?;
    let around = DeliveryContext {
        account: &request.caller.account,
        settings: &request.service().settings,
        webhook: webhook.as_ref().map(|(name, disabled)| (name.as_str(), *disabled)),
        event: event.as_ref(),
    };
    Ok(ApiResponse::json(status, &view(delivery, &around, &selection)))
}

/// The name of the delivery's webhook and whether it is disabled, if it still exists and is shown.
async fn webhook_of(
    request: &AuthenticatedRequest,
    delivery: &Delivery,
    selection: &Selection,
) -> Result<Option<(String, bool)>, ApiError> {
    if !selection.has("webhook") {
        return Ok(None);
    }
    let webhook = request.service().webhooks.webhook(&request.caller.account.id, delivery.webhook).await?;
    Ok(webhook.map(|webhook| (webhook.name, webhook.disabled)))
}

/// The event of a delivery, if the request is shown.
async fn event_of(
    request: &AuthenticatedRequest,
    delivery: &Delivery,
    selection: &Selection,
) -> Result<Option<Event>, ApiError> {
    if !selection.has("request") || delivery.request.is_none() {
        return Ok(None);
    }
    let service = request.service();
    let account = &request.caller.account;
    match delivery.kind {
        MessageKind::Test => Ok(Some(event_of_test(delivery, account))),
        MessageKind::Verify => Ok(Some(verification::recorded_event(&service.settings, delivery))),
        MessageKind::Event => {
            let stored = service.events.event(&account.id, &delivery.event_id, service.clock.now()).await?;
            Ok(stored.map(|stored| stored.event))
        }
    }
}
