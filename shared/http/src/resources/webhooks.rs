//! `/webhooks` (section 3).

use futures_util::FutureExt as _;
use hookline_core::errors::ValidationErrors;
use hookline_core::ids::{DeliveryId, WebhookId};
use hookline_core::model::{Policy, Webhook};
use hookline_core::ports::{DeliveryQuery, DeliveryScope};
use hookline_core::use_cases::webhooks::test_report::test_report;
use hookline_core::use_cases::webhooks::{register, secret, test};
use hookline_core::values::{Condition, FieldValue, Filter, Patch, node_id};
use http::header::{ETAG, HeaderName, LOCATION, USER_AGENT};
use http::{HeaderMap, Method, StatusCode};
use serde_json::json;

use crate::input::{self, JsonObject};
use crate::listing::{PageLinks, QueryParameters, Selection, page_answer, query, strict_boolean};
use crate::request::{AuthenticatedRequest, BodySpec, Handler, Permission, QuerySpec, Route, body};
use crate::response::{ApiError, ApiResponse, EntityTag};
use crate::views::test_report;
use crate::views::webhook::{WEBHOOK, WebhookContext, sort_value, view};

/// The routes of this module.
pub(crate) static ROUTES: &[Route] = &[
    Route {
        method: Method::GET,
        path: "/webhooks",
        id: "listWebhooks",
        summary: "Lists the webhooks of the account, newest first.",
        query: QuerySpec::List(&WEBHOOK),
        body: BodySpec::None,
        success: (StatusCode::OK, Some("Webhooks")),
        other: &[],
        handler: Handler::Authenticated(Permission::Read, |request| list(request, None).boxed()),
    },
    Route {
        method: Method::GET,
        path: "/webhooks/enabled",
        id: "listEnabledWebhooks",
        summary: "Lists the webhooks that are not disabled.",
        query: QuerySpec::List(&WEBHOOK),
        body: BodySpec::None,
        success: (StatusCode::OK, Some("Webhooks")),
        other: &[],
        handler: Handler::Authenticated(Permission::Read, |request| list(request, Some(false)).boxed()),
    },
    Route {
        method: Method::GET,
        path: "/webhooks/disabled",
        id: "listDisabledWebhooks",
        summary: "Lists the webhooks that are disabled.",
        query: QuerySpec::List(&WEBHOOK),
        body: BodySpec::None,
        success: (StatusCode::OK, Some("Webhooks")),
        other: &[],
        handler: Handler::Authenticated(Permission::Read, |request| list(request, Some(true)).boxed()),
    },
    Route {
        method: Method::POST,
        path: "/webhooks",
        id: "createWebhook",
        summary: "Creates a webhook.",
        query: QuerySpec::Record(&WEBHOOK),
        body: BodySpec::Json("WebhookInput"),
        success: (StatusCode::OK, Some("Webhook")),
        other: &[],
        handler: Handler::Authenticated(Permission::Administer, |request| create(request).boxed()),
    },
    Route {
        method: Method::GET,
        path: "/webhooks/{id}",
        id: "getWebhook",
        summary: "Shows a webhook.",
        query: QuerySpec::Record(&WEBHOOK),
        body: BodySpec::None,
        success: (StatusCode::OK, Some("Webhook")),
        other: &[(StatusCode::NOT_MODIFIED, None)],
        handler: Handler::Authenticated(Permission::Read, |request| show(request).boxed()),
    },
    Route {
        method: Method::PATCH,
        path: "/webhooks/{id}",
        id: "updateWebhook",
        summary: "Updates the given fields of a webhook.",
        query: QuerySpec::Record(&WEBHOOK),
        body: BodySpec::Json("WebhookChanges"),
        success: (StatusCode::OK, Some("Webhook")),
        other: &[(StatusCode::PRECONDITION_FAILED, Some("Message"))],
        handler: Handler::Authenticated(Permission::Administer, |request| update(request).boxed()),
    },
    Route {
        method: Method::DELETE,
        path: "/webhooks/{id}",
        id: "deleteWebhook",
        summary: "Deletes a webhook. Its waiting messages are cancelled at their next attempt.",
        query: QuerySpec::None,
        body: BodySpec::None,
        success: (StatusCode::NO_CONTENT, None),
        other: &[(StatusCode::PRECONDITION_FAILED, Some("Message"))],
        handler: Handler::Authenticated(Permission::Administer, |request| delete(request).boxed()),
    },
    Route {
        method: Method::POST,
        path: "/webhooks/{id}/test",
        id: "testWebhook",
        summary: "Sends a test message to the webhook's URI within a second.",
        query: QuerySpec::Named(&[(
            "report",
            "`true` runs the test within the request and returns 200 with a report.",
        )]),
        body: BodySpec::None,
        success: (StatusCode::NO_CONTENT, None),
        other: &[(StatusCode::OK, Some("TestReport")), (StatusCode::UNPROCESSABLE_ENTITY, Some("ValidationFailed"))],
        handler: Handler::Authenticated(Permission::Administer, |request| test(request).boxed()),
    },
    Route {
        method: Method::GET,
        path: "/webhooks/{id}/secret",
        id: "getWebhookSecret",
        summary: "Shows the secret that signs the webhook's messages.",
        query: QuerySpec::None,
        body: BodySpec::None,
        success: (StatusCode::OK, Some("Secret")),
        other: &[],
        handler: Handler::Authenticated(Permission::Administer, |request| secret(request).boxed()),
    },
    Route {
        method: Method::POST,
        path: "/webhooks/{id}/secret/rotate",
        id: "rotateWebhookSecret",
        summary: "Rotates the secret of a webhook. The old secret also signs for 24 hours.",
        query: QuerySpec::None,
        body: BodySpec::None,
        success: (StatusCode::OK, Some("Secret")),
        other: &[],
        handler: Handler::Authenticated(Permission::Administer, |request| rotate_secret(request).boxed()),
    },
];

/// The webhook that the path names.
pub(super) fn webhook_id(request: &AuthenticatedRequest) -> Result<WebhookId, ApiError> {
    let domain = &request.service().settings.domain;
    node_id::parse(domain, "Webhook", &request.id).map(WebhookId).ok_or(ApiError::NotFound)
}

async fn list(request: AuthenticatedRequest, disabled: Option<bool>) -> Result<ApiResponse, ApiError> {
    let service = request.service();
    let account = &request.caller.account;
    let parameters = QueryParameters::parse(&request.query);
    let selection = Selection::of_list(&WEBHOOK, &parameters)?;
    let mut query = query(&WEBHOOK, &parameters, &account.time_zone)?;
    query.filters.extend(disabled.map(|disabled| Filter {
        field: "disabled",
        test: Condition::OneOf(vec![FieldValue::Bool(disabled)]),
        ignore_case: false,
    }));
    let page = service.webhooks.list_webhooks(&account.id, &query).await?;
    let mut records = Vec::with_capacity(page.items.len());
    for webhook in &page.items {
        let shown_policy = if selection.has("webhook_policy") { policy(&request, webhook).await? } else { None };
        let beside = beside(&request, webhook, shown_policy, &selection).await?;
        records.push(view(webhook, &beside, &selection, &service.settings, &account.time_zone));
    }
    let links = PageLinks::new(&request.base_url(&service.settings), &request.url.path, &request.query);
    Ok(page_answer(&records, links, &query, page, sort_value, |webhook| webhook.id.0))
}

async fn show(request: AuthenticatedRequest) -> Result<ApiResponse, ApiError> {
    let id = webhook_id(&request)?;
    let selection = Selection::of_record(&WEBHOOK, &QueryParameters::parse(&request.query))?;
    let webhook =
        request.service().webhooks.webhook(&request.caller.account.id, id).await?.ok_or(ApiError::NotFound)?;
    let policy = policy(&request, &webhook).await?;
    let tag = tag(&webhook, policy.as_ref());
    // Links to attachments expire, so a caller with the current record may still need new ones.
    let has_links = selection.has("attachments") && !webhook.attachments.is_empty();
    if !has_links && tag.is_known_to(&request.headers) {
        return Ok(ApiResponse::empty(StatusCode::NOT_MODIFIED).with(ETAG, tag.header()));
    }
    record(&request, &webhook, policy, &selection).await
}

async fn create(request: AuthenticatedRequest) -> Result<ApiResponse, ApiError> {
    let service = request.service();
    let selection = Selection::of_record(&WEBHOOK, &QueryParameters::parse(&request.query))?;
    let mut input = input::webhook(&JsonObject::read(body::text(&request.body)?)?, &service.settings.domain);
    if input.source == Patch::Null {
        input.source = Patch::Absent;
    }
    let account = &request.caller.account;
    let webhook = register::create(service, account, request.person(), &input, &software(&request.headers)).await?;
    let location = format!("{}/webhooks/{}", service.settings.account_url(&account.id), webhook.id);
    let policy = policy(&request, &webhook).await?;
    Ok(record(&request, &webhook, policy, &selection).await?.with(LOCATION, location))
}

async fn update(request: AuthenticatedRequest) -> Result<ApiResponse, ApiError> {
    let service = request.service();
    let id = webhook_id(&request)?;
    let selection = Selection::of_record(&WEBHOOK, &QueryParameters::parse(&request.query))?;
    let input = input::webhook(&JsonObject::read(body::text(&request.body)?)?, &service.settings.domain);
    let if_match = |stored: &Webhook| EntityTag::webhook_is_expected_by(stored, &request.headers);
    let webhook = register::update(service, &request.caller.account.id, request.person(), id, &input, if_match).await?;
    let policy = policy(&request, &webhook).await?;
    record(&request, &webhook, policy, &selection).await
}

async fn delete(request: AuthenticatedRequest) -> Result<ApiResponse, ApiError> {
    let id = webhook_id(&request)?;
    let if_match = |stored: &Webhook| EntityTag::webhook_is_expected_by(stored, &request.headers);
    register::delete(request.service(), &request.caller.account.id, request.person(), id, if_match).await?;
    Ok(ApiResponse::empty(StatusCode::NO_CONTENT))
}

async fn test(request: AuthenticatedRequest) -> Result<ApiResponse, ApiError> {
    let (service, account, id) = (request.service(), &request.caller.account, webhook_id(&request)?);
    let report = match QueryParameters::parse(&request.query).non_empty("report") {
        None => false,
        Some(text) => strict_boolean(text).ok_or_else(|| {
            let mut problems = ValidationErrors::new();
            problems.add("report", "is invalid");
            ApiError::Invalid(problems)
        })?,
    };
    if report {
        let report = test_report(service, account, id).await?;
        return Ok(ApiResponse::ok(&test_report::view(&report, account, &service.settings)));
    }
    test::test(service, account, id).await?;
    Ok(ApiResponse::empty(StatusCode::NO_CONTENT))
}

async fn secret(request: AuthenticatedRequest) -> Result<ApiResponse, ApiError> {
    let id = webhook_id(&request)?;
    let secret = secret::secret(request.service(), &request.caller.account.id, request.person(), id).await?;
    Ok(ApiResponse::ok(&json!({ "secret": secret.reveal() })))
}

async fn rotate_secret(request: AuthenticatedRequest) -> Result<ApiResponse, ApiError> {
    let id = webhook_id(&request)?;
    let secret = secret::rotate_secret(request.service(), &request.caller.account.id, request.person(), id).await?;
    Ok(ApiResponse::ok(&json!({ "secret": secret.reveal() })))
}

/// A single webhook and its entity tag.
async fn record(
    request: &AuthenticatedRequest,
    webhook: &Webhook,
    policy: Option<Policy>,
    selection: &Selection,
) -> Result<ApiResponse, ApiError> {
    let tag = tag(webhook, policy.as_ref());
    let beside = beside(request, webhook, policy, selection).await?;
    let settings = &request.service().settings;
    let record = view(webhook, &beside, selection, settings, &request.caller.account.time_zone);
    Ok(ApiResponse::ok(&record).with(ETAG, tag.header()))
}

fn tag(webhook: &Webhook, policy: Option<&Policy>) -> EntityTag {
    EntityTag::of_webhook(webhook, policy.is_some_and(|policy| policy.disabled))
}

/// The policy of a webhook.
async fn policy(request: &AuthenticatedRequest, webhook: &Webhook) -> Result<Option<Policy>, ApiError> {
    match webhook.policy {
        Some(policy) => Ok(request.service().policies.policy(&webhook.account, policy).await?),
        None => Ok(None),
    }
}

/// Loads what the webhook shows of other records.
async fn beside(
    request: &AuthenticatedRequest,
    webhook: &Webhook,
    policy: Option<Policy>,
    selection: &Selection,
) -> Result<WebhookContext, ApiError> {
    let mut attachment_uris = Vec::new();
    if selection.has("attachments") {
        let now = request.service().clock.now();
        for attachment in &webhook.attachments {
            attachment_uris.push(request.service().attachments.download_uri(attachment, now).await?);
        }
    }
    Ok(WebhookContext { policy, attachment_uris, last_delivery: last_delivery(request, webhook.id, selection).await? })
}

/// The newest delivery of a webhook, if it is shown.
async fn last_delivery(
    request: &AuthenticatedRequest,
    id: WebhookId,
    selection: &Selection,
) -> Result<Option<DeliveryId>, ApiError> {
    if !selection.has("last_delivery") {
        return Ok(None);
    }
    let service = request.service();
    let newest = DeliveryQuery {
        scope: DeliveryScope::Webhook(id),
        event: Vec::new(),
        outcome: Vec::new(),
        created_at: Vec::new(),
        older_than: None,
        newer_than: None,
        per_page: 1,
    };
    let page = service.deliveries.list_deliveries(&request.caller.account.id, &newest, service.clock.now()).await?;
    Ok(page.items.first().map(|delivery| delivery.id))
}

/// The default of `source`: the first header that names the caller's software, else the original's default.
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
