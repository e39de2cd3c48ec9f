//! `POST /token` (section 2, *Authentication*): an access token for an hour, by OAuth 2.0 client credentials.

use futures_util::FutureExt as _;
use hookline_core::access_token::{Grant, grant};
use hookline_core::given::Given;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method, StatusCode};
use serde_json::json;

use crate::input::Object;
use crate::listing::Parameters;
use crate::request::{BodyOf, Handler, QueryOf, Route, Visit, body};
use crate::response::{Answer, Refusal};

/// The routes of this module.
pub(crate) static ROUTES: &[Route] = &[Route {
    method: Method::POST,
    path: "/token",
    id: "createAccessToken",
    summary: "Gives an access token for an hour, by OAuth 2.0 client credentials.",
    query: QueryOf::None,
    body: BodyOf::Form("ClientCredentials"),
    good: (StatusCode::OK, Some("AccessToken")),
    also: &[(StatusCode::BAD_REQUEST, Some("OAuthError"))],
    handler: Handler::Open(|visit| token(visit).boxed()),
}];

/// When a client comes back that has very many access tokens, in seconds.
const COME_BACK_AFTER: u64 = 60;

/// Why there is no token (RFC 6749, section 5.2).
enum Denied {
    InvalidRequest,
    InvalidClient,
    UnsupportedGrantType,
}

impl Denied {
    fn answer(&self) -> Answer {
        let error = match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
        };
        Answer::json(StatusCode::BAD_REQUEST, &json!({ "error": error }))
    }
}

/// What a client says of itself.
#[derive(Debug, PartialEq, Eq)]
struct Credentials {
    grant_type: String,
    id: String,
    secret: String,
}

async fn token(visit: Visit) -> Result<Answer, Refusal> {
    let Some(credentials) = credentials(&visit.headers, &visit.body) else {
        return Ok(Denied::InvalidRequest.answer());
    };
    if credentials.grant_type != "client_credentials" {
        return Ok(Denied::UnsupportedGrantType.answer());
    }
    let account = visit.place.account.as_deref();
    match grant(visit.service(), account, &credentials.id, &credentials.secret).await? {
        Grant::Granted { token, expires_in } => Ok(Answer::ok(&json!({
            "access_token": token.expose(),
            "token_type": "Bearer",
            "expires_in": expires_in,
        }))),
        Grant::InvalidClient => Ok(Denied::InvalidClient.answer()),
        Grant::TooMany => Err(Refusal::TooMany { retry_after: COME_BACK_AFTER }),
    }
}

/// Reads a form or JSON; `None` if something is missing, or said twice.
fn credentials(headers: &HeaderMap, body: &bytes::Bytes) -> Option<Credentials> {
    let text = body::text(body).ok()?;
    let kind = headers.get(CONTENT_TYPE).map(|value| value.to_str().unwrap_or("?"));
    let kind = kind.map(|kind| kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
    let read = match kind.as_deref() {
        Some("application/x-www-form-urlencoded") => {
            let form = Parameters::parse(text);
            let field = |name: &str| {
                let mut values = form.iter().filter(|(key, _)| *key == name).map(|(_, value)| value.to_owned());
                let value = values.next()?;
                values.next().is_none().then_some(value)
            };
            Credentials { grant_type: field("grant_type")?, id: field("client_id")?, secret: field("client_secret")? }
        }
        None | Some("application/json") => {
            let object = Object::read(text).ok()?;
            let field = |name: &str| match object.text(name) {
                Given::Value(value) => Some(value),
                Given::Absent | Given::Null | Given::WrongType => None,
            };
            Credentials { grant_type: field("grant_type")?, id: field("client_id")?, secret: field("client_secret")? }
        }
        Some(_) => return None,
    };
    (!read.id.is_empty() && !read.secret.is_empty()).then_some(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: Option<&str>, body: &'static str) -> Option<Credentials> {
        let kind = kind.map(|kind| (CONTENT_TYPE, kind.parse().unwrap()));
        credentials(&kind.into_iter().collect(), &body.into())
    }

    #[test]
    fn credentials_come_as_a_form_or_json() {
        let form = Some("application/x-www-form-urlencoded; charset=utf-8");
        let wanted = || Credentials { grant_type: "g".into(), id: "i".into(), secret: "s/".into() };
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
