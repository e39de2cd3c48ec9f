//! `/webhooks/:id/redeliver` and `/redeliveries/:id`: recovering an outage (section 10).

use futures_util::FutureExt as _;
use hookline_core::redeliver::job::{Asked, ask};
use http::{Method, StatusCode};
use serde_json::json;
use uuid::Uuid;

use super::webhooks;
use crate::input::{self, Object};
use crate::listing::{Parameters, Selection};
use crate::request::{BodyOf, Call, Duty, Handler, QueryOf, Route, body};
use crate::response::{Answer, Refusal};
use crate::views::redelivery::{REDELIVERY, view};

/// The routes of this module.
pub(crate) static ROUTES: &[Route] = &[
    Route {
        method: Method::POST,
        path: "/webhooks/{id}/redeliver",
        id: "redeliverMany",
        summary: "Sends again what ended without a success, each message once. The same body while the job runs answers with that job.",
        query: QueryOf::None,
        body: BodyOf::Json("RedeliveryInput"),
        good: (StatusCode::ACCEPTED, Some("RedeliveryAsked")),
        also: &[],
        handler: Handler::Closed(Duty::Administer, |call| start(call).boxed()),
    },
    Route {
        method: Method::GET,
        path: "/redeliveries/{id}",
        id: "getRedelivery",
        summary: "Shows how far a redelivery job has come.",
        query: QueryOf::Record(&REDELIVERY),
        body: BodyOf::None,
        good: (StatusCode::OK, Some("Redelivery")),
        also: &[(StatusCode::NOT_MODIFIED, None)],
        handler: Handler::Closed(Duty::Read, |call| show(call).boxed()),
    },
];

async fn start(call: Call) -> Result<Answer, Refusal> {
    let id = webhooks::webhook_id(&call)?;
    let account = &call.caller.account;
    let input = input::redelivery(&Object::read(body::text(&call.body)?)?, &account.time_zone);
    let Asked { job, matched, more } = ask(call.service(), &account.id, id, &input).await?;
    Ok(Answer::json(StatusCode::ACCEPTED, &json!({"id": job, "matched": matched, "more": more})))
}

async fn show(call: Call) -> Result<Answer, Refusal> {
    let service = call.service();
    let account = &call.caller.account;
    let id = Uuid::try_parse(&call.id).map_err(|_| Refusal::NotFound)?;
    let selection = Selection::of_record(&REDELIVERY, &Parameters::parse(&call.query))?;
    let job = service.redeliveries.redelivery(&account.id, id).await?.ok_or(Refusal::NotFound)?;
    let webhook = service.webhooks.webhook(&account.id, job.webhook).await?;
    let webhook = webhook.as_ref().map(|webhook| (webhook.name.as_str(), webhook.disabled));
    Ok(Answer::ok(&view(&job, webhook, &selection, &service.settings, &account.time_zone)).tagged(&call.headers))
}
