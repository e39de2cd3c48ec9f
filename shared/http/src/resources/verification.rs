//! `/webhooks/:id/verify` (section 6): an endpoint calls back with the code that it was sent; an administrator has the
//! message sent again.

use futures_util::FutureExt as _;
use hookline_core::node_id;
use hookline_core::verify::{self, Callback};
use hookline_core::webhook::WebhookId;
use http::{Method, StatusCode};

use super::webhooks::webhook_id;
use crate::listing::Parameters;
use crate::request::{BodyOf, Call, Duty, Handler, PAGE, QueryOf, Route, Visit};
use crate::response::{Answer, Refusal};

/// What the callback's query says.
const QUERY: QueryOf = QueryOf::Named(&[
    ("code", "The code that the endpoint was sent."),
    ("expires_at", "When it expires, as it was sent; not read."),
]);

/// The routes of this module.
pub(crate) static ROUTES: &[Route] = &[
    Route {
        method: Method::GET,
        path: "/webhooks/{id}/verify",
        id: "confirmWebhook",
        summary: "The callback of an endpoint: it wants the webhook's messages. Under the account URL only.",
        query: QUERY,
        body: BodyOf::None,
        good: (StatusCode::OK, Some(PAGE)),
        also: &[(StatusCode::FORBIDDEN, Some("Message")), (StatusCode::GONE, Some("Message"))],
        handler: Handler::Open(|visit| confirm(visit).boxed()),
    },
    Route {
        method: Method::POST,
        path: "/webhooks/{id}/verify",
        id: "verifyWebhook",
        summary: "With `code` the callback of an endpoint. Without, for administrators: sends the verify message again.",
        query: QUERY,
        body: BodyOf::None,
        good: (StatusCode::NO_CONTENT, None),
        also: &[
            (StatusCode::OK, Some(PAGE)),
            (StatusCode::GONE, Some("Message")),
            (StatusCode::UNPROCESSABLE_ENTITY, Some("ValidationFailed")),
        ],
        handler: Handler::Callback(|visit| confirm(visit).boxed(), Duty::Administer, |call| again(call).boxed()),
    },
];

/// What whoever called back sees.
const VERIFIED: &str = "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>Verified</title>\n\
                        <p>This endpoint is verified. The webhook\u{2019}s messages go to it from now on.</p>\n";

async fn confirm(visit: Visit) -> Result<Answer, Refusal> {
    if visit.method == Method::HEAD {
        // Whoever only looks has not decided anything.
        return Err(Refusal::MethodNotAllowed { allow: "GET, POST".to_owned() });
    }
    let service = visit.service();
    let account = visit.account()?;
    let id = node_id::parse(&service.settings.domain, "Webhook", &visit.id).map(WebhookId).ok_or(Refusal::NotFound)?;
    let parameters = Parameters::parse(&visit.query);
    match verify::confirm(service, &account, id, parameters.last("code").unwrap_or_default()).await? {
        Callback::Verified => Ok(Answer::page(VERIFIED)),
        Callback::WrongCode => Err(Refusal::Forbidden),
        Callback::Expired => Err(Refusal::Gone),
        Callback::Unknown => Err(Refusal::NotFound),
    }
}

async fn again(call: Call) -> Result<Answer, Refusal> {
    let id = webhook_id(&call)?;
    verify::again(call.service(), &call.caller.account.id, call.person(), id).await?;
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}
