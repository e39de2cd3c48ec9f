//! `/console_links` (section 13): links that open the console.

use futures_util::FutureExt as _;
use hookline_core::use_cases::access_token::AccessTokenGrant;
use hookline_core::use_cases::console_links::{self, ConsoleLinkInput, RedeemedLink};
use hookline_core::values::{Patch, node_id};
use http::{Method, StatusCode};
use serde_json::json;

use super::access_token::{COME_BACK_AFTER, OAuthError};
use crate::input::JsonObject;
use crate::request::{
    AuthenticatedRequest, BodySpec, CONSOLE_LINKS, Handler, Permission, PublicRequest, QuerySpec, Route, body,
};
use crate::response::{ApiError, ApiResponse};

/// The routes of this module.
pub(crate) static ROUTES: &[Route] = &[
    Route {
        method: Method::POST,
        path: CONSOLE_LINKS,
        id: "createConsoleLink",
        summary: "Makes a link that opens the console once, within five minutes.",
        query: QuerySpec::None,
        body: BodySpec::Json("ConsoleLinkInput"),
        success: (StatusCode::CREATED, Some("ConsoleLink")),
        other: &[],
        handler: Handler::Authenticated(Permission::Administer, |request| create(request).boxed()),
    },
    Route {
        method: Method::POST,
        path: "/console_links/redeem",
        id: "redeemConsoleLink",
        summary: "Gives the console a token for the code of a console link, once.",
        query: QuerySpec::None,
        body: BodySpec::Json("ConsoleLinkCode"),
        success: (StatusCode::OK, Some("ConsoleToken")),
        other: &[(StatusCode::BAD_REQUEST, Some("OAuthError"))],
        handler: Handler::Public(|request| redeem(request).boxed()),
    },
];

async fn create(request: AuthenticatedRequest) -> Result<ApiResponse, ApiError> {
    let service = request.service();
    let object = JsonObject::read(body::text(&request.body)?)?;
    let input = ConsoleLinkInput {
        role: object.text("role"),
        webhook_id: object.id("webhook_id", |id| node_id::parse(&service.settings.domain, "Webhook", id)),
        minutes: object.minutes("minutes"),
    };
    let link = console_links::create(service, &request.caller, &input).await?;
    let zone = &request.caller.account.time_zone;
    Ok(ApiResponse::json(
        StatusCode::CREATED,
        &json!({
            "url": format!("{}/console#code={}", service.settings.public_url, link.code.expose()),
            "expires_at": zone.format(link.expires_at),
        }),
    ))
}

async fn redeem(request: PublicRequest) -> Result<ApiResponse, ApiError> {
    let code = body::text(&request.body).and_then(|text| Ok(JsonObject::read(text)?.text("code")));
    let Ok(Patch::Value(code)) = code else { return Ok(OAuthError::InvalidRequest.answer()) };
    let redeemed = console_links::redeem(request.service(), request.url.account.as_deref(), &code).await?;
    let Some(RedeemedLink { grant, role, webhook }) = redeemed else { return Ok(OAuthError::InvalidGrant.answer()) };
    match grant {
        AccessTokenGrant::Granted { token, expires_in } => Ok(ApiResponse::ok(&json!({
            "access_token": token.expose(),
            "token_type": "Bearer",
            "expires_in": expires_in,
            "role": role.as_str(),
            "webhook_id": webhook,
        }))),
        AccessTokenGrant::TooMany => Err(ApiError::TooManyRequests { retry_after: COME_BACK_AFTER }),
        AccessTokenGrant::InvalidClient => Ok(OAuthError::InvalidGrant.answer()),
    }
}
