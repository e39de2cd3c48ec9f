//! `/webhooks` (section 3).

use futures_util::FutureExt as _;
use hookline_core::delivery::DeliveryId;
use hookline_core::listing::{Filter, Test, Value};
use hookline_core::node_id;
use hookline_core::policy::Policy;
use hookline_core::ports::{DeliveryQuery, DeliveryScope};
use hookline_core::register;
use hookline_core::test_report::test_report;
use hookline_core::webhook::{Webhook, WebhookId};
use http::header::{ETAG, HeaderName, LOCATION, USER_AGENT};
use http::{HeaderMap, Method, StatusCode};
use serde_json::json;

use crate::input::{self, Object};
use crate::listing::{Links, Parameters, Selection, loose_boolean, page_headers, query};
use crate::request::{BodyOf, Call, Duty, Handler, QueryOf, Route, body};
use crate::response::{Answer, EntityTag, Refusal};
use crate::views::test_report;
use crate::views::webhook::{Beside, WEBHOOK, sort_value, view};

/// The routes of this module.
pub(crate) static ROUTES: &[Route] = &[
    Route {
        method: Method::GET,
        path: "/webhooks",
        id: "listWebhooks",
        summary: "Lists the webhooks of the account, newest first.",
        query: QueryOf::List(&WEBHOOK),
        body: BodyOf::None,
        good: (StatusCode::OK, Some("Webhooks")),
        also: &[],
        handler: Handler::Closed(Duty::Read, |call| list(call, None).boxed()),
    },
    Route {
        method: Method::GET,
        path: "/webhooks/enabled",
        id: "listEnabledWebhooks",
        summary: "Lists the webhooks that are not disabled.",
        query: QueryOf::List(&WEBHOOK),
        body: BodyOf::None,
        good: (StatusCode::OK, Some("Webhooks")),
        also: &[],
        handler: Handler::Closed(Duty::Read, |call| list(call, Some(false)).boxed()),
    },
    Route {
        method: Method::GET,
        path: "/webhooks/disabled",
        id: "listDisabledWebhooks",
        summary: "Lists the webhooks that are disabled.",
        query: QueryOf::List(&WEBHOOK),
        body: BodyOf::None,
        good: (StatusCode::OK, Some("Webhooks")),
        also: &[],
        handler: Handler::Closed(Duty::Read, |call| list(call, Some(true)).boxed()),
    },
    Route {
        method: Method::POST,
        path: "/webhooks",
        id: "createWebhook",
        summary: "Creates a webhook.",
        query: QueryOf::Record(&WEBHOOK),
        body: BodyOf::Json("WebhookInput"),
        good: (StatusCode::OK, Some("Webhook")),
        also: &[],
        handler: Handler::Closed(Duty::Administer, |call| create(call).boxed()),
    },
    Route {
        method: Method::GET,
        path: "/webhooks/{id}",
        id: "getWebhook",
        summary: "Shows a webhook.",
        query: QueryOf::Record(&WEBHOOK),
        body: BodyOf::None,
        good: (StatusCode::OK, Some("Webhook")),
        also: &[(StatusCode::NOT_MODIFIED, None)],
        handler: Handler::Closed(Duty::Read, |call| show(call).boxed()),
    },
    Route {
        method: Method::PATCH,
        path: "/webhooks/{id}",
        id: "updateWebhook",
        summary: "Changes the fields of a webhook that the input mentions.",
        query: QueryOf::Record(&WEBHOOK),
        body: BodyOf::Json("WebhookInput"),
        good: (StatusCode::OK, Some("Webhook")),
        also: &[(StatusCode::PRECONDITION_FAILED, Some("Message"))],
        handler: Handler::Closed(Duty::Administer, |call| update(call).boxed()),
    },
    Route {
        method: Method::DELETE,
        path: "/webhooks/{id}",
        id: "deleteWebhook",
        summary: "Deletes a webhook. Its waiting messages are cancelled at their next attempt.",
        query: QueryOf::None,
        body: BodyOf::None,
        good: (StatusCode::NO_CONTENT, None),
        also: &[(StatusCode::PRECONDITION_FAILED, Some("Message"))],
        handler: Handler::Closed(Duty::Administer, |call| delete(call).boxed()),
    },
    Route {
        method: Method::POST,
        path: "/webhooks/{id}/test",
        id: "testWebhook",
        summary: "Sends a test: within a second the URI gets a normal POST of the webhook's event.",
        query: QueryOf::Named(&[("report", "`true`: runs the test in the request, and answers 200 with a report.")]),
        body: BodyOf::None,
        good: (StatusCode::NO_CONTENT, None),
        also: &[(StatusCode::OK, Some("TestReport")), (StatusCode::UNPROCESSABLE_ENTITY, Some("ValidationFailed"))],
        handler: Handler::Closed(Duty::Administer, |call| test(call).boxed()),
    },
    Route {
        method: Method::GET,
        path: "/webhooks/{id}/secret",
        id: "getWebhookSecret",
        summary: "Shows the secret that signs the webhook's messages.",
        query: QueryOf::None,
        body: BodyOf::None,
        good: (StatusCode::OK, Some("Secret")),
        also: &[],
        handler: Handler::Closed(Duty::Administer, |call| secret(call).boxed()),
    },
    Route {
        method: Method::POST,
        path: "/webhooks/{id}/secret/rotate",
        id: "rotateWebhookSecret",
        summary: "Gives the webhook a new secret. The old one signs as well for 24 hours.",
        query: QueryOf::None,
        body: BodyOf::None,
        good: (StatusCode::OK, Some("Secret")),
        also: &[],
        handler: Handler::Closed(Duty::Administer, |call| rotate_secret(call).boxed()),
    },
];

/// The webhook that the path names.
pub(super) fn webhook_id(call: &Call) -> Result<WebhookId, Refusal> {
    let domain = &call.service().settings.domain;
    node_id::parse(domain, "Webhook", &call.id).map(WebhookId).ok_or(Refusal::NotFound)
}

async fn list(call: Call, disabled: Option<bool>) -> Result<Answer, Refusal> {
    let service = call.service();
    let account = &call.caller.account;
    let parameters = Parameters::parse(&call.query);
    let selection = Selection::of_list(&WEBHOOK, &parameters)?;
    let mut query = query(&WEBHOOK, &parameters, &account.time_zone)?;
    query.filters.extend(disabled.map(|disabled| Filter {
        field: "disabled",
        test: Test::OneOf(vec![Value::Bool(disabled)]),
        ignore_case: false,
    }));
    let page = service.webhooks.list_webhooks(&account.id, &query).await?;
    let mut records = Vec::with_capacity(page.items.len());
    for webhook in &page.items {
        let shown_policy = if selection.has("webhook_policy") { policy(&call, webhook).await? } else { None };
        let beside = beside(&call, webhook, shown_policy, &selection).await?;
        records.push(view(webhook, &beside, &selection, &service.settings, &account.time_zone));
    }
    let links = Links::new(&call.base_url(&service.settings), &call.place.asked, &call.query);
    Ok(page_headers(Answer::ok(&records), links, &query, &page, sort_value, |webhook| webhook.id.0))
}

async fn show(call: Call) -> Result<Answer, Refusal> {
    let id = webhook_id(&call)?;
    let selection = Selection::of_record(&WEBHOOK, &Parameters::parse(&call.query))?;
    let webhook = call.service().webhooks.webhook(&call.caller.account.id, id).await?.ok_or(Refusal::NotFound)?;
    let policy = policy(&call, &webhook).await?;
    let tag = tag(&webhook, policy.as_ref());
    // Links to attachments end, so whoever has the record may yet need new ones.
    let has_links = selection.has("attachments") && !webhook.attachments.is_empty();
    if !has_links && tag.is_known_to(&call.headers) {
        return Ok(Answer::empty(StatusCode::NOT_MODIFIED).with(ETAG, tag.header()));
    }
    record(&call, &webhook, policy, &selection).await
}

async fn create(call: Call) -> Result<Answer, Refusal> {
    let service = call.service();
    let selection = Selection::of_record(&WEBHOOK, &Parameters::parse(&call.query))?;
    let input = input::webhook(&Object::read(body::text(&call.body)?)?, &service.settings.domain);
    let account = &call.caller.account;
    let webhook = register::create(service, account, call.person(), &input, &software(&call.headers)).await?;
    let location = format!("{}/webhooks/{}", service.settings.account_url(&account.id), webhook.id);
    let policy = policy(&call, &webhook).await?;
    Ok(record(&call, &webhook, policy, &selection).await?.with(LOCATION, location))
}

async fn update(call: Call) -> Result<Answer, Refusal> {
    let service = call.service();
    let id = webhook_id(&call)?;
    let selection = Selection::of_record(&WEBHOOK, &Parameters::parse(&call.query))?;
    let input = input::webhook(&Object::read(body::text(&call.body)?)?, &service.settings.domain);
    let if_match = |stored: &Webhook| EntityTag::webhook_is_expected_by(stored, &call.headers);
    let webhook = register::update(service, &call.caller.account.id, call.person(), id, &input, if_match).await?;
    let policy = policy(&call, &webhook).await?;
    record(&call, &webhook, policy, &selection).await
}

async fn delete(call: Call) -> Result<Answer, Refusal> {
    let id = webhook_id(&call)?;
    let if_match = |stored: &Webhook| EntityTag::webhook_is_expected_by(stored, &call.headers);
    register::delete(call.service(), &call.caller.account.id, call.person(), id, if_match).await?;
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}

async fn test(call: Call) -> Result<Answer, Refusal> {
    let (service, account, id) = (call.service(), &call.caller.account, webhook_id(&call)?);
    if Parameters::parse(&call.query).last("report").is_some_and(loose_boolean) {
        let report = test_report(service, account, id).await?;
        return Ok(Answer::ok(&test_report::view(&report, account, &service.settings)));
    }
    register::test(service, account, id).await?;
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}

async fn secret(call: Call) -> Result<Answer, Refusal> {
    let id = webhook_id(&call)?;
    let secret = register::secret(call.service(), &call.caller.account.id, call.person(), id).await?;
    Ok(Answer::ok(&json!({ "secret": secret.reveal() })))
}

async fn rotate_secret(call: Call) -> Result<Answer, Refusal> {
    let id = webhook_id(&call)?;
    let secret = register::rotate_secret(call.service(), &call.caller.account.id, call.person(), id).await?;
    Ok(Answer::ok(&json!({ "secret": secret.reveal() })))
}

/// A single webhook and its entity tag.
async fn record(
    call: &Call,
    webhook: &Webhook,
    policy: Option<Policy>,
    selection: &Selection,
) -> Result<Answer, Refusal> {
    let tag = tag(webhook, policy.as_ref());
    let beside = beside(call, webhook, policy, selection).await?;
    let settings = &call.service().settings;
    let record = view(webhook, &beside, selection, settings, &call.caller.account.time_zone);
    Ok(Answer::ok(&record).with(ETAG, tag.header()))
}

fn tag(webhook: &Webhook, policy: Option<&Policy>) -> EntityTag {
    EntityTag::of_webhook(webhook, policy.is_some_and(|policy| policy.disabled))
}

/// The policy of a webhook.
async fn policy(call: &Call, webhook: &Webhook) -> Result<Option<Policy>, Refusal> {
    match webhook.policy {
        Some(policy) => Ok(call.service().policies.policy(&webhook.account, policy).await?),
        None => Ok(None),
    }
}

/// What is to be shown of other records.
async fn beside(
    call: &Call,
    webhook: &Webhook,
    policy: Option<Policy>,
    selection: &Selection,
) -> Result<Beside, Refusal> {
    let mut attachment_uris = Vec::new();
    if selection.has("attachments") {
        let now = call.service().clock.now();
        for attachment in &webhook.attachments {
            attachment_uris.push(call.service().attachments.download_uri(attachment, now).await?);
        }
    }
    Ok(Beside { policy, attachment_uris, last_delivery: last_delivery(call, webhook.id, selection).await? })
}

/// The newest delivery of a webhook, if it is to be shown.
async fn last_delivery(call: &Call, id: WebhookId, selection: &Selection) -> Result<Option<DeliveryId>, Refusal> {
    if !selection.has("last_delivery") {
        return Ok(None);
    }
    let service = call.service();
    let newest = DeliveryQuery {
        scope: DeliveryScope::Webhook(id),
        event: Vec::new(),
        outcome: Vec::new(),
        created_at: Vec::new(),
        older_than: None,
        newer_than: None,
        per_page: 1,
    };
    let page = service.deliveries.list_deliveries(&call.caller.account.id, &newest, service.clock.now()).await?;
    Ok(page.items.first().map(|delivery| delivery.id))
}

/// What creates a webhook that comes without a `source`: the first header that names it, else the original's name.
fn software(headers: &HeaderMap) -> String {
    let names = [HeaderName::from_static("x-4me-source"), HeaderName::from_static("x-xurrent-source"), USER_AGENT];
    let named = names.iter().filter_map(|name| headers.get(name)).map(|value| {
        let text = String::from_utf8_lossy(value.as_bytes());
        text.trim().chars().filter(|c| !c.is_control()).collect::<String>()
    });
    named.into_iter().find(|name| !name.is_empty()).unwrap_or_else(|| "R-Service API".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_header_that_names_the_software_counts() {
        let mut headers = HeaderMap::new();
        assert_eq!(software(&headers), "R-Service API");
        headers.insert(USER_AGENT, "curl/8".parse().unwrap());
        assert_eq!(software(&headers), "curl/8");
        headers.insert("x-xurrent-source", "B".parse().unwrap());
        assert_eq!(software(&headers), "B");
        headers.insert("x-4me-source", " ".parse().unwrap());
        assert_eq!(software(&headers), "B");
        headers.insert("x-4me-source", "A".parse().unwrap());
        assert_eq!(software(&headers), "A");
    }
}
