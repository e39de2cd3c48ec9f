//! How a request ends that did not get what it asked for: the one place where such an answer gets its status and text
//! (section 2, *Errors*).

use axum::response::{IntoResponse, Response};
use hookline_core::ports::Fault;
use hookline_core::problems::{Error, Problems};
use http::header::{ALLOW, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde::Serialize;

use super::api_response::Answer;

/// Why a request is refused, or could not be done.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// 400: the request cannot be understood; the text says why.
    Unreadable(String),
    /// 401: no token.
    NoToken,
    /// 401: a token that does not work.
    BadToken,
    /// 403
    Forbidden,
    /// 404
    NotFound,
    /// 405: the path answers these methods only.
    MethodNotAllowed {
        /// The value of `Allow`.
        allow: String,
    },
    /// 406: the caller does not read JSON.
    NotAcceptable,
    /// 410: what was asked for is over.
    Gone,
    /// 412: `If-Match` names another version of the record.
    PreconditionFailed,
    /// 413
    TooLarge,
    /// 415: the body is of a type that is not understood.
    UnsupportedType,
    /// 422, with all that is wrong.
    Invalid(Problems),
    /// 429
    TooMany {
        /// When to come back, in seconds.
        retry_after: u64,
    },
    /// 429: a quota of so much in a time, named.
    TooFast {
        /// When to come back, in seconds.
        retry_after: u64,
        /// The quota.
        quota: Problems,
    },
    /// 508: the request is a webhook's own message.
    Loop,
    /// 503: our own infrastructure failed. The details go to the log alone.
    Fault(Fault),
    /// 500: a mistake of ours. The details go to the log alone.
    Bug,
}

/// The cause of a 5xx, which travels with the response to the log.
#[derive(Debug, Clone)]
pub(crate) struct Cause(pub(crate) String);

impl Refusal {
    /// 400 for a parameter that cannot be read.
    pub(crate) fn parameter(name: &str) -> Self {
        Self::Unreadable(format!("Parameter '{name}' is invalid"))
    }

    /// The status.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Unreadable(_) => StatusCode::BAD_REQUEST,
            Self::NoToken | Self::BadToken => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
            Self::Gone => StatusCode::GONE,
            Self::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TooMany { .. } | Self::TooFast { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Loop => StatusCode::LOOP_DETECTED,
            Self::Fault(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Bug => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The body.
    pub(crate) fn message(&self) -> Message<'_> {
        match self {
            Self::Unreadable(why) => Message { message: why, errors: None },
            Self::Invalid(problems) => Message { message: "Validation Failed", errors: Some(problems.pairs()) },
            Self::TooFast { quota, .. } => {
                Message { message: reason_phrase(self.status()), errors: Some(quota.pairs()) }
            }
            other => Message { message: reason_phrase(other.status()), errors: None },
        }
    }
}

/// The reason phrase of RFC 9110; the library still has the older one of 413.
fn reason_phrase(status: StatusCode) -> &'static str {
    match status {
        StatusCode::PAYLOAD_TOO_LARGE => "Content Too Large",
        other => other.canonical_reason().unwrap_or("Error"),
    }
}

/// 400 for a body that is not the JSON that is wanted.
pub(crate) fn not_json() -> Refusal {
    Refusal::Unreadable("Invalid JSON string posted".to_owned())
}

/// The body of a refusal.
#[derive(Debug, Serialize)]
pub(crate) struct Message<'a> {
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<&'a [(String, String)]>,
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        match error {
            Error::Invalid(problems) => Self::Invalid(problems),
            Error::NotFound => Self::NotFound,
            Error::Forbidden => Self::Forbidden,
            Error::PreconditionFailed => Self::PreconditionFailed,
            Error::TooLarge => Self::TooLarge,
            Error::Fault(fault) => Self::Fault(fault),
        }
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = Answer::json(self.status(), &self.message()).into_response();
        let headers = response.headers_mut();
        match self {
            Self::NoToken => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"hookline\""));
            }
            Self::BadToken => {
                let challenge = HeaderValue::from_static("Bearer realm=\"hookline\", error=\"invalid_token\"");
                headers.insert(WWW_AUTHENTICATE, challenge);
            }
            Self::MethodNotAllowed { allow } => headers.extend(allow.try_into().ok().map(|allow| (ALLOW, allow))),
            Self::TooMany { retry_after } | Self::TooFast { retry_after, quota: _ } => {
                headers.insert(RETRY_AFTER, retry_after.into());
            }
            Self::Fault(fault) => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
                response.extensions_mut().insert(Cause(fault.to_string()));
            }
            Self::Unreadable(_)
            | Self::Forbidden
            | Self::NotFound
            | Self::NotAcceptable
            | Self::Gone
            | Self::PreconditionFailed
            | Self::TooLarge
            | Self::UnsupportedType
            | Self::Invalid(_)
            | Self::Loop
            | Self::Bug => {}
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(refusal: &Refusal) -> (u16, String) {
        (refusal.status().as_u16(), serde_json::to_string(&refusal.message()).unwrap())
    }

    #[test]
    fn every_refusal_has_the_text_of_the_contract() {
        let mut problems = Problems::new();
        problems.add("uri", "can't be blank");
        problems.add("event", "is not included in the list");
        for (refusal, status, body) in [
            (Refusal::parameter("search_after"), 400, r#"{"message":"Parameter 'search_after' is invalid"}"#),
            (Refusal::NoToken, 401, r#"{"message":"Unauthorized"}"#),
            (Refusal::BadToken, 401, r#"{"message":"Unauthorized"}"#),
            (Refusal::Forbidden, 403, r#"{"message":"Forbidden"}"#),
            (Refusal::NotFound, 404, r#"{"message":"Not Found"}"#),
            (Refusal::MethodNotAllowed { allow: "GET".into() }, 405, r#"{"message":"Method Not Allowed"}"#),
            (Refusal::NotAcceptable, 406, r#"{"message":"Not Acceptable"}"#),
            (Refusal::Gone, 410, r#"{"message":"Gone"}"#),
            (Refusal::PreconditionFailed, 412, r#"{"message":"Precondition Failed"}"#),
            (Refusal::TooLarge, 413, r#"{"message":"Content Too Large"}"#),
            (Refusal::UnsupportedType, 415, r#"{"message":"Unsupported Media Type"}"#),
            (
                Refusal::Invalid(problems),
                422,
                r#"{"message":"Validation Failed","errors":[["uri","Uri can't be blank"],["event","Event is not included in the list"]]}"#,
            ),
            (Refusal::TooMany { retry_after: 7 }, 429, r#"{"message":"Too Many Requests"}"#),
            (Refusal::Bug, 500, r#"{"message":"Internal Server Error"}"#),
            (Refusal::Fault(Fault::StorageFull), 503, r#"{"message":"Service Unavailable"}"#),
            (Refusal::Loop, 508, r#"{"message":"Loop Detected"}"#),
        ] {
            assert_eq!(text(&refusal), (status, body.to_owned()));
        }
    }

    #[test]
    fn a_refusal_says_how_to_do_better() {
        let header = |refusal: Refusal, name: &str| {
            refusal.into_response().headers().get(name).map(|value| value.to_str().unwrap().to_owned())
        };
        assert_eq!(header(Refusal::NoToken, "www-authenticate").unwrap(), "Bearer realm=\"hookline\"");
        assert!(header(Refusal::BadToken, "www-authenticate").unwrap().contains("invalid_token"));
        assert_eq!(header(Refusal::MethodNotAllowed { allow: "GET, HEAD".into() }, "allow").unwrap(), "GET, HEAD");
        assert_eq!(header(Refusal::TooMany { retry_after: 7 }, "retry-after").unwrap(), "7");
    }
}
