//! `/webhooks/:id/redeliver` and `/redeliveries/:id`: recovering an outage (section 10).

use futures_util::FutureExt as _;
use hookline_core::use_cases::redelivery_job::{JobReceipt, start_job};
use http::{Method, StatusCode};
use serde_json::json;
use uuid::Uuid;

use super::webhooks;
use crate::input::{self, JsonObject};
use crate::listing::{QueryParameters, Selection};
use crate::request::{AuthenticatedRequest, BodySpec, Handler, Permission, QuerySpec, Route, body};
use crate::response::{ApiError, ApiResponse};
use crate::views::redelivery::{REDELIVERY, view};

/// The routes of this module.
pub(crate) static ROUTES: &[Route] = &[
    Route {
        method: Method::POST,
        path: "/webhooks/{id}/redeliver",
        id: "redeliverMany",
        summary: "Starts a job that redelivers the messages that ended without success. The same body returns the same job while it runs.",
        query: QuerySpec::None,
        body: BodySpec::Optional("RedeliveryInput"),
        success: (StatusCode::ACCEPTED, Some("RedeliveryAsked")),
        other: &[],
        handler: Handler::Authenticated(Permission::Administer, |request| start(request).boxed()),
    },
    Route {
        method: Method::GET,
        path: "/redeliveries/{id}",
        id: "getRedelivery",
        summary: "Shows the progress of a redelivery job.",
        query: QuerySpec::Record(&REDELIVERY),
        body: BodySpec::None,
        success: (StatusCode::OK, Some("Redelivery")),
        other: &[(StatusCode::NOT_MODIFIED, None)],
        handler: Handler::Authenticated(Permission::Read, |request| show(request).boxed()),
    },
];

async fn start(request: AuthenticatedRequest) -> Result<ApiResponse, ApiError> {
    let id = webhooks::webhook_id(&request)?;
    let account = &request.caller.account;
    let input = input::redelivery(&JsonObject::read(body::text(&request.body)?)?, &account.time_zone)?;
    let JobReceipt { job, matched, more } = start_job(request.service(), &account.id, id, &input).await?;
    Ok(ApiResponse::json(StatusCode::ACCEPTED, &json!({"id": job, "matched": matched, "more": more})))
}

async fn show(request: AuthenticatedRequest) -> Result<ApiResponse, ApiError> {
    let service = request.service();
    let account = &request.caller.account;
    let id = Uuid::try_parse(&request.id).map_err(|_| ApiError::NotFound)?;
    let selection = Selection::of_record(&REDELIVERY, &QueryParameters::parse(&request.query))?;
    let job = service.redeliveries.redelivery(&account.id, id).await?.ok_or(ApiError::NotFound)?;
    let webhook = service.webhooks.webhook(&account.id, job.webhook).await?;
    let webhook = webhook.as_ref().map(|webhook| (webhook.name.as_str(), webhook.disabled));
    Ok(ApiResponse::ok(&view(&job, webhook, &selection, &service.settings, &account.time_zone))
        .tagged(&request.headers))
}
