//! `/webhooks/:id/verify` (section 6): the callback of an endpoint, with the code that it was sent; and, for administrators,
//! sending the verify message again.

use futures_util::FutureExt as _;
use hookline_core::ids::WebhookId;
use hookline_core::use_cases::webhooks::verify::{self, CallbackOutcome};
use hookline_core::values::node_id;
use http::{Method, StatusCode};

use super::webhooks::webhook_id;
use crate::listing::QueryParameters;
use crate::request::{
    AuthenticatedRequest, BodySpec, Handler, PAGE, Permission, PublicRequest, QuerySpec, Route, refuse_delivery,
};
use crate::response::{ApiError, ApiResponse};

/// What the callback's query says.
const QUERY: QuerySpec = QuerySpec::Named(&[
    ("code", "The code that the endpoint was sent."),
    ("expires_at", "When it expires, as it was sent; not read."),
]);

/// The routes of this module.
pub(crate) static ROUTES: &[Route] = &[
    Route {
        method: Method::GET,
        path: "/webhooks/{id}/verify",
        id: "confirmWebhook",
        summary: "Verifies an endpoint: the callback of its verify message. Only below the account URL.",
        query: QUERY,
        body: BodySpec::None,
        success: (StatusCode::OK, Some(PAGE)),
        other: &[(StatusCode::FORBIDDEN, Some("Message")), (StatusCode::GONE, Some("Message"))],
        handler: Handler::Public(|request| confirm(request).boxed()),
    },
    Route {
        method: Method::POST,
        path: "/webhooks/{id}/verify",
        id: "verifyWebhook",
        summary: "With `code`, the callback of an endpoint. Without it, sends the verify message again.",
        query: QUERY,
        body: BodySpec::None,
        success: (StatusCode::NO_CONTENT, None),
        other: &[
            (StatusCode::OK, Some(PAGE)),
            (StatusCode::GONE, Some("Message")),
            (StatusCode::UNPROCESSABLE_ENTITY, Some("ValidationFailed")),
        ],
        handler: Handler::Callback(
            |request| confirm(request).boxed(),
            Permission::Administer,
            |request| again(request).boxed(),
        ),
    },
];

/// The page after a successful callback.
const VERIFIED: &str = "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>Verified</title>\n\
                        <p>This endpoint is verified. The webhook\u{2019}s messages go to it from now on.</p>\n";

async fn confirm(request: PublicRequest) -> Result<ApiResponse, ApiError> {
    if request.method == Method::HEAD {
        // `HEAD` changes nothing.
        return Err(ApiError::MethodNotAllowed { allow: "GET, POST".to_owned() });
    }
    // Also a `GET` changes something here.
    refuse_delivery(&request.headers)?;
    let service = request.service();
    let account = request.account()?;
    let id =
        node_id::parse(&service.settings.domain, "Webhook", &request.id).map(WebhookId).ok_or(ApiError::NotFound)?;
    let parameters = QueryParameters::parse(&request.query);
    match verify::confirm(service, &account, id, parameters.last("code").unwrap_or_default()).await? {
        CallbackOutcome::Verified => Ok(ApiResponse::page(VERIFIED)),
        CallbackOutcome::WrongCode => Err(ApiError::Forbidden),
        CallbackOutcome::Expired => Err(ApiError::Gone),
        CallbackOutcome::Unknown => Err(ApiError::NotFound),
    }
}

async fn again(request: AuthenticatedRequest) -> Result<ApiResponse, ApiError> {
    let id = webhook_id(&request)?;
    verify::resend(request.service(), &request.caller.account.id, request.person(), id).await?;
    Ok(ApiResponse::empty(StatusCode::NO_CONTENT))
}
