//! `/webhook_deliveries` and `/webhooks/:id/deliveries` (section 10).

use std::collections::HashMap;

use futures_util::FutureExt as _;
use hookline_core::delivery::{Delivery, DeliveryId, Outcome};
use hookline_core::event::{Event, EventId};
use hookline_core::listing::{Filter, Test, Value};
use hookline_core::message::{Kind, MessageId};
use hookline_core::ports::{DeliveryQuery, DeliveryScope};
use hookline_core::redeliver::redeliver;
use hookline_core::verify;
use hookline_core::webhook::WebhookId;
use http::{Method, StatusCode};

use super::webhooks;
use crate::listing::{Links, Parameters, Selection, conditions, decode_delivery, log_headers, per_page};
use crate::request::{BodyOf, Call, Duty, Handler, QueryOf, Route};
use crate::response::{Answer, Refusal};
use crate::views::delivery::{Around, DELIVERY, event_of_test, view};

/// Parameters that choose all records of one event or message.
const SCOPES: &[&str] = &["event_id", "message_id"];

/// The routes of this module.
pub(crate) static ROUTES: &[Route] = &[
    Route {
        method: Method::GET,
        path: "/webhooks/{id}/deliveries",
        id: "listDeliveriesOfWebhook",
        summary: "Lists the deliveries of a webhook, also of a deleted one, newest first.",
        query: QueryOf::Log(&DELIVERY, &[]),
        body: BodyOf::None,
        good: (StatusCode::OK, Some("Deliveries")),
        also: &[],
        handler: Handler::Closed(Duty::Read, |call| list_of_webhook(call).boxed()),
    },
    Route {
        method: Method::GET,
        path: "/webhook_deliveries",
        id: "listDeliveries",
        summary: "Lists the failed, dropped, cancelled and skipped deliveries of the account, or all of an event or message, newest first.",
        query: QueryOf::Log(&DELIVERY, SCOPES),
        body: BodyOf::None,
        good: (StatusCode::OK, Some("Deliveries")),
        also: &[],
        handler: Handler::Closed(Duty::Read, |call| list_of_account(call).boxed()),
    },
    Route {
        method: Method::GET,
        path: "/webhook_deliveries/{id}",
        id: "getDelivery",
        summary: "Shows the record of a delivery.",
        query: QueryOf::Record(&DELIVERY),
        body: BodyOf::None,
        good: (StatusCode::OK, Some("Delivery")),
        also: &[(StatusCode::NOT_MODIFIED, None)],
        handler: Handler::Closed(Duty::Read, |call| show(call).boxed()),
    },
    Route {
        method: Method::POST,
        path: "/webhook_deliveries/{id}/redeliver",
        id: "redeliver",
        summary: "Sends the message of a delivery again.",
        query: QueryOf::Record(&DELIVERY),
        body: BodyOf::None,
        good: (StatusCode::ACCEPTED, Some("Delivery")),
        also: &[(StatusCode::UNPROCESSABLE_ENTITY, Some("ValidationFailed"))],
        handler: Handler::Closed(Duty::Administer, |call| again(call).boxed()),
    },
];

async fn list_of_webhook(call: Call) -> Result<Answer, Refusal> {
    let id = webhooks::webhook_id(&call)?;
    let parameters = Parameters::parse(&call.query);
    let mut query = query(&call, &parameters, &[], DeliveryScope::Webhook(id))?;
    if query.outcome.is_empty() {
        // Skipped ones are shown only when asked for.
        query.outcome.push(Test::NoneOf(vec![Value::Text(Outcome::Skipped.as_str().to_owned())]));
    }
    if !is_known(&call, id).await? {
        return Err(Refusal::NotFound);
    }
    list(&call, &parameters, query).await
}

async fn list_of_account(call: Call) -> Result<Answer, Refusal> {
    let parameters = Parameters::parse(&call.query);
    let scope = if let Some(id) = parameters.last("message_id") {
        DeliveryScope::Message(MessageId::parse(id).ok_or_else(|| Refusal::parameter("message_id"))?)
    } else if let Some(id) = parameters.last("event_id") {
        DeliveryScope::Event(EventId::parse(id).ok_or_else(|| Refusal::parameter("event_id"))?)
    } else {
        DeliveryScope::Unsuccessful
    };
    let query = query(&call, &parameters, SCOPES, scope)?;
    list(&call, &parameters, query).await
}

async fn show(call: Call) -> Result<Answer, Refusal> {
    let id = delivery_id(&call)?;
    let service = call.service();
    let delivery = service.deliveries.delivery(&call.caller.account.id, id, service.clock.now()).await?;
    Ok(record(&call, &delivery.ok_or(Refusal::NotFound)?, StatusCode::OK).await?.tagged(&call.headers))
}

async fn again(call: Call) -> Result<Answer, Refusal> {
    let id = delivery_id(&call)?;
    let delivery = redeliver(call.service(), &call.caller.account.id, id).await?;
    record(&call, &delivery, StatusCode::ACCEPTED).await
}

/// The delivery that the path names.
fn delivery_id(call: &Call) -> Result<DeliveryId, Refusal> {
    DeliveryId::parse(&call.id).ok_or(Refusal::NotFound)
}

/// True for a webhook of the account, and for a deleted one that still has records.
async fn is_known(call: &Call, id: WebhookId) -> Result<bool, Refusal> {
    let service = call.service();
    let account = &call.caller.account.id;
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

/// Reads the question to the log.
fn query(call: &Call, parameters: &Parameters, own: &[&str], scope: DeliveryScope) -> Result<DeliveryQuery, Refusal> {
    let (mut event, mut outcome, mut created_at) = (Vec::new(), Vec::new(), Vec::new());
    let zone = &call.caller.account.time_zone;
    for Filter { field, test, ignore_case: _ } in conditions(&DELIVERY, parameters, own, zone)? {
        match field {
            "event" => event.push(test),
            "outcome" => outcome.push(test),
            _ => created_at.push(test),
        }
    }
    if let Some(sort) = parameters.last("sort").filter(|sort| !matches!(*sort, "" | "-created_at")) {
        return Err(Refusal::Unreadable(format!("Sorting not allowed on fields: {}", sort.trim_start_matches('-'))));
    }
    if parameters.last("page").is_some_and(|page| !matches!(page, "" | "1")) {
        return Err(Refusal::parameter("page"));
    }
    let place = |name: &str| {
        let text = parameters.last(name);
        text.map(|text| decode_delivery(text).ok_or_else(|| Refusal::parameter(name))).transpose()
    };
    let older_than = place("search_after")?;
    let newer_than = if older_than.is_none() { place("search_before")? } else { None };
    Ok(DeliveryQuery { scope, event, outcome, created_at, older_than, newer_than, per_page: per_page(parameters)? })
}

async fn list(call: &Call, parameters: &Parameters, query: DeliveryQuery) -> Result<Answer, Refusal> {
    let service = call.service();
    let account = &call.caller.account;
    let selection = Selection::of_list(&DELIVERY, parameters)?;
    let page = service.deliveries.list_deliveries(&account.id, &query, service.clock.now()).await?;
    let mut webhooks = HashMap::new();
    let mut records = Vec::with_capacity(page.items.len());
    for delivery in &page.items {
        let webhook = match webhooks.get(&delivery.webhook) {
            Some(known) => known,
            None => webhooks.entry(delivery.webhook).or_insert(webhook_of(call, delivery, &selection).await?),
        };
        let event = event_of(call, delivery, &selection).await?;
        let webhook = webhook.as_ref().map(|(name, disabled): &(String, bool)| (name.as_str(), *disabled));
        let around = Around { account, settings: &service.settings, webhook, event: event.as_ref() };
        records.push(view(delivery, &around, &selection));
    }
    let links = Links::new(&call.base_url(&service.settings), &call.place.asked, &call.query);
    Ok(log_headers(Answer::ok(&records), links, query.per_page, &page))
}

async fn record(call: &Call, delivery: &Delivery, status: StatusCode) -> Result<Answer, Refusal> {
    let selection = Selection::of_record(&DELIVERY, &Parameters::parse(&call.query))?;
    let webhook = webhook_of(call, delivery, &selection).await?;
    let event = event_of(call, delivery, &selection).await?;
    let around = Around {
        account: &call.caller.account,
        settings: &call.service().settings,
        webhook: webhook.as_ref().map(|(name, disabled)| (name.as_str(), *disabled)),
        event: event.as_ref(),
    };
    Ok(Answer::json(status, &view(delivery, &around, &selection)))
}

/// The name of the delivery's webhook and whether it is disabled, if it still exists and is shown.
async fn webhook_of(
    call: &Call,
    delivery: &Delivery,
    selection: &Selection,
) -> Result<Option<(String, bool)>, Refusal> {
    if !selection.has("webhook") {
        return Ok(None);
    }
    let webhook = call.service().webhooks.webhook(&call.caller.account.id, delivery.webhook).await?;
    Ok(webhook.map(|webhook| (webhook.name, webhook.disabled)))
}

/// The event of a delivery, if the request is shown.
async fn event_of(call: &Call, delivery: &Delivery, selection: &Selection) -> Result<Option<Event>, Refusal> {
    if !selection.has("request") || delivery.request.is_none() {
        return Ok(None);
    }
    let service = call.service();
    let account = &call.caller.account;
    match delivery.kind {
        Kind::Test => Ok(Some(event_of_test(delivery, account))),
        Kind::Verify => Ok(Some(verify::recorded_event(&service.settings, delivery))),
        Kind::Event => {
            let stored = service.events.event(&account.id, &delivery.event_id, service.clock.now()).await?;
            Ok(stored.map(|stored| stored.event))
        }
    }
}
