//! `POST /token` (section 2, *Authentication*): OAuth 2.0 client credentials, for an access token that lasts an hour.

use futures_util::FutureExt as _;
use hookline_core::use_cases::access_token::{AccessTokenGrant, grant};
use hookline_core::values::Patch;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method, StatusCode};
use serde_json::json;

use crate::input::JsonObject;
use crate::listing::QueryParameters;
use crate::request::{BodySpec, Handler, PublicRequest, QuerySpec, Route, body};
use crate::response::{ApiError, ApiResponse};

/// The routes of this module.
pub(crate) static ROUTES: &[Route] = &[Route {
    method: Method::POST,
    path: "/token",
    id: "createAccessToken",
    summary: "Grants an access token for an hour, by OAuth 2.0 client credentials. The body may be JSON as well.",
    query: QuerySpec::None,
    body: BodySpec::Form("ClientCredentials"),
    success: (StatusCode::OK, Some("AccessToken")),
    other: &[(StatusCode::BAD_REQUEST, Some("OAuthError"))],
    handler: Handler::Public(|request| token(request).boxed()),
}];

/// `Retry-After` for a client that has too many access tokens, in seconds.
pub(super) const COME_BACK_AFTER: u64 = 60;

/// Why no token was granted (RFC 6749, section 5.2).
pub(super) enum OAuthError {
    InvalidRequest,
    InvalidClient,
    InvalidGrant,
    UnsupportedGrantType,
}

impl OAuthError {
    pub(super) fn answer(&self) -> ApiResponse {
        let error = match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::UnsupportedGrantType => "unsupported_grant_type",
        };
        ApiResponse::json(StatusCode::BAD_REQUEST, &json!({ "error": error }))
    }
}

/// The credentials of a client.
#[derive(Debug, PartialEq, Eq)]
struct ClientCredentials {
    grant_type: String,
    id: String,
    secret: String,
}

async fn token(request: PublicRequest) -> Result<ApiResponse, ApiError> {
    let Some(credentials) = credentials(&request.headers, &request.body) else {
        return Ok(OAuthError::InvalidRequest.answer());
    };
    if credentials.grant_type != "client_credentials" {
        return Ok(OAuthError::UnsupportedGrantType.answer());
    }
    let account = request.url.account.as_deref();
    match grant(request.service(), account, &credentials.id, &credentials.secret).await? {
        AccessTokenGrant::Granted { token, expires_in } => Ok(ApiResponse::ok(&json!({
            "access_token": token.expose(),
            "token_type": "Bearer",
            "expires_in": expires_in,
        }))),
        AccessTokenGrant::InvalidClient => Ok(OAuthError::InvalidClient.answer()),
        AccessTokenGrant::TooMany => Err(ApiError::TooManyRequests { retry_after: COME_BACK_AFTER }),
    }
}

/// Parses a form or JSON; `None` if a field is missing or repeated.
fn credentials(headers: &HeaderMap, body: &bytes::Bytes) -> Option<ClientCredentials> {
    let text = body::text(body).ok()?;
    let kind = headers.get(CONTENT_TYPE).map(|value| value.to_str().unwrap_or("?"));
    let kind = kind.map(|kind| kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
    let read = match kind.as_deref() {
        Some("application/x-www-form-urlencoded") => {
            let form = QueryParameters::parse(text);
            let field = |name: &str| {
                let mut values = form.iter().filter(|(key, _)| *key == name).map(|(_, value)| value.to_owned());
                let value = values.next()?;
                values.next().is_none().then_some(value)
            };
            ClientCredentials {
                grant_type: field("grant_type")?,
                id: field("client_id")?,
                secret: field("client_secret")?,
            }
        }
        None | Some("application/json") => {
            let object = JsonObject::read(text).ok()?;
            let field = |name: &str| match object.text(name) {
                Patch::Value(value) => Some(value),
                Patch::Absent | Patch::Null | Patch::WrongType => None,
            };
            ClientCredentials {
                grant_type: field("grant_type")?,
                id: field("client_id")?,
                secret: field("client_secret")?,
            }
        }
        Some(_) => return None,
    };
    (!read.id.is_empty() && !read.secret.is_empty()).then_some(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: Option<&str>, body: &'static str) -> Option<ClientCredentials> {
        let kind = kind.map(|kind| (CONTENT_TYPE, kind.parse().unwrap()));
        credentials(&kind.into_iter().collect(), &body.into())
    }

    #[test]
    fn credentials_come_as_a_form_or_json() {
        let form = Some("application/x-www-form-urlencoded; charset=utf-8");
        let wanted = || ClientCredentials { grant_type: "g".into(), id: "i".into(), secret: "s/".into() };
        assert_eq!(read(form, "grant_type=g&client_id=i&client_secret=s%2F&scope=x"), Some(wanted()));
        for kind in [None, Some("application/json"), Some("Application/JSON; charset=utf-8")] {
            assert_eq!(read(kind, r#"{"grant_type":"g","client_id":"i","client_secret":"s/"}"#), Some(wanted()));
        }
        for bad in
            ["", "grant_type=g&client_id=i", "grant_type=g&client_id=&client_secret=s", "client_id=i&client_secret=s"]
        {
            assert_eq!(read(form, bad), None, "{bad}");
        }
        assert_eq!(read(form, "grant_type=g&client_id=i&client_id=i&client_secret=s"), None);
        assert_eq!(read(None, "grant_type=g&client_id=i&client_secret=s"), None);
        assert_eq!(read(Some("text/plain"), "grant_type=g&client_id=i&client_secret=s"), None);
    }
}
