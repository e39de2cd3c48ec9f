//! Error responses (section 2, *Errors*): the only place that chooses their status and text.

use axum::response::{IntoResponse, Response};
use hookline_core::errors::{PortError, UseCaseError, ValidationErrors};
use http::header::{ALLOW, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde::Serialize;

use super::api_response::ApiResponse;

/// Why a request failed.
#[derive(Debug)]
pub(crate) enum ApiError {
    /// The head of the request is invalid: 400, 414 or 431.
    Malformed(StatusCode),
    /// 400, with this message.
    BadRequest(String),
    /// 401: no token.
    MissingToken,
    /// 401: the token is unknown, expired or revoked.
    InvalidToken,
    /// 403
    Forbidden,
    /// 404
    NotFound,
    /// 405: the path exists, but not with this method.
    MethodNotAllowed {
        /// The value of `Allow`.
        allow: String,
    },
    /// 406: `Accept` excludes JSON.
    NotAcceptable,
    /// 409: the id of an event belongs to another.
    Conflict,
    /// 410: a verification code has expired.
    Gone,
    /// 412: `If-Match` names another version of the record.
    PreconditionFailed,
    /// 413
    TooLarge,
    /// 415: the route does not take a body of this type.
    UnsupportedMediaType,
    /// 422, with every validation error.
    Invalid(ValidationErrors),
    /// 429
    TooManyRequests {
        /// The value of `Retry-After`, in seconds.
        retry_after: u64,
    },
    /// 429: a quota per time is used up, and named.
    QuotaExceeded {
        /// The value of `Retry-After`, in seconds.
        retry_after: u64,
        /// The name of the quota and its limit.
        quota: ValidationErrors,
    },
    /// 508: the request is itself the delivery of a webhook.
    LoopDetected,
    /// 503: our own infrastructure failed. Only the log has the details.
    Unavailable(PortError),
    /// 500: a bug. Only the log has the details.
    Internal,
}

/// The cause of a 5xx: an extension of the response, for the log.
#[derive(Debug, Clone)]
pub(crate) struct ErrorCause(pub(crate) String);

impl ApiError {
    /// 400 for an invalid parameter.
    pub(crate) fn parameter(name: &str) -> Self {
        Self::BadRequest(format!("Parameter '{name}' is invalid"))
    }

    /// The status.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Malformed(status) => *status,
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::MissingToken | Self::InvalidToken => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Self::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
            Self::Conflict => StatusCode::CONFLICT,
            Self::Gone => StatusCode::GONE,
            Self::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TooManyRequests { .. } | Self::QuotaExceeded { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::LoopDetected => StatusCode::LOOP_DETECTED,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The body.
    pub(crate) fn message(&self) -> ErrorBody<'_> {
        match self {
            Self::BadRequest(why) => ErrorBody { message: why, errors: None },
            Self::Invalid(problems) => ErrorBody { message: "Validation Failed", errors: Some(problems.pairs()) },
            Self::QuotaExceeded { quota, .. } => {
                ErrorBody { message: reason_phrase(self.status()), errors: Some(quota.pairs()) }
            }
            other => ErrorBody { message: reason_phrase(other.status()), errors: None },
        }
    }
}

/// The reason phrase of RFC 9110. The library still has the older phrase for 413.
fn reason_phrase(status: StatusCode) -> &'static str {
    match status {
        StatusCode::PAYLOAD_TOO_LARGE => "Content Too Large",
        other => other.canonical_reason().unwrap_or("Error"),
    }
}

/// 400 for a body that is not valid JSON.
pub(crate) fn invalid_json() -> ApiError {
    ApiError::BadRequest("Invalid JSON string posted".to_owned())
}

/// The body of an error.
#[derive(Debug, Serialize)]
pub(crate) struct ErrorBody<'a> {
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<&'a [(String, String)]>,
}

impl From<UseCaseError> for ApiError {
    fn from(error: UseCaseError) -> Self {
        match error {
            UseCaseError::Invalid(problems) => Self::Invalid(problems),
            UseCaseError::NotFound => Self::NotFound,
            UseCaseError::Forbidden => Self::Forbidden,
            UseCaseError::Conflict => Self::Conflict,
            UseCaseError::PreconditionFailed => Self::PreconditionFailed,
            UseCaseError::TooLarge => Self::TooLarge,
            UseCaseError::Fault(fault) => Self::Unavailable(fault),
        }
    }
}

impl From<PortError> for ApiError {
    fn from(fault: PortError) -> Self {
        Self::Unavailable(fault)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = ApiResponse::json(self.status(), &self.message()).into_response();
        let headers = response.headers_mut();
        match self {
            Self::MissingToken => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"hookline\""));
            }
            Self::InvalidToken => {
                let challenge = HeaderValue::from_static("Bearer realm=\"hookline\", error=\"invalid_token\"");
                headers.insert(WWW_AUTHENTICATE, challenge);
            }
            Self::MethodNotAllowed { allow } => headers.extend(allow.try_into().ok().map(|allow| (ALLOW, allow))),
            Self::TooManyRequests { retry_after } | Self::QuotaExceeded { retry_after, quota: _ } => {
                headers.insert(RETRY_AFTER, retry_after.into());
            }
            Self::Unavailable(fault) => {
                headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
                response.extensions_mut().insert(ErrorCause(fault.to_string()));
            }
            Self::Malformed(_)
            | Self::BadRequest(_)
            | Self::Forbidden
            | Self::NotFound
            | Self::NotAcceptable
            | Self::Conflict
            | Self::Gone
            | Self::PreconditionFailed
            | Self::TooLarge
            | Self::UnsupportedMediaType
            | Self::Invalid(_)
            | Self::LoopDetected
            | Self::Internal => {}
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(refusal: &ApiError) -> (u16, String) {
        (refusal.status().as_u16(), serde_json::to_string(&refusal.message()).unwrap())
    }

    #[test]
    fn every_refusal_has_the_text_of_the_contract() {
        let mut problems = ValidationErrors::new();
        problems.add("uri", "can't be blank");
        problems.add("event", "is not included in the list");
        for (refusal, status, body) in [
            (ApiError::Malformed(StatusCode::BAD_REQUEST), 400, r#"{"message":"Bad Request"}"#),
            (ApiError::Malformed(StatusCode::URI_TOO_LONG), 414, r#"{"message":"URI Too Long"}"#),
            (ApiError::parameter("search_after"), 400, r#"{"message":"Parameter 'search_after' is invalid"}"#),
            (ApiError::MissingToken, 401, r#"{"message":"Unauthorized"}"#),
            (ApiError::InvalidToken, 401, r#"{"message":"Unauthorized"}"#),
            (ApiError::Forbidden, 403, r#"{"message":"Forbidden"}"#),
            (ApiError::NotFound, 404, r#"{"message":"Not Found"}"#),
            (ApiError::MethodNotAllowed { allow: "GET".into() }, 405, r#"{"message":"Method Not Allowed"}"#),
            (ApiError::NotAcceptable, 406, r#"{"message":"Not Acceptable"}"#),
            (ApiError::Gone, 410, r#"{"message":"Gone"}"#),
            (ApiError::PreconditionFailed, 412, r#"{"message":"Precondition Failed"}"#),
            (ApiError::TooLarge, 413, r#"{"message":"Content Too Large"}"#),
            (ApiError::UnsupportedMediaType, 415, r#"{"message":"Unsupported Media Type"}"#),
            (
                ApiError::Invalid(problems),
                422,
                r#"{"message":"Validation Failed","errors":[["uri","Uri can't be blank"],["event","Event is not included in the list"]]}"#,
            ),
            (ApiError::TooManyRequests { retry_after: 7 }, 429, r#"{"message":"Too Many Requests"}"#),
            (ApiError::Internal, 500, r#"{"message":"Internal Server Error"}"#),
            (ApiError::Unavailable(PortError::StorageFull), 503, r#"{"message":"Service Unavailable"}"#),
            (ApiError::LoopDetected, 508, r#"{"message":"Loop Detected"}"#),
        ] {
            assert_eq!(text(&refusal), (status, body.to_owned()));
        }
    }

    #[test]
    fn a_refusal_says_how_to_do_better() {
        let header = |refusal: ApiError, name: &str| {
            refusal.into_response().headers().get(name).map(|value| value.to_str().unwrap().to_owned())
        };
        assert_eq!(header(ApiError::MissingToken, "www-authenticate").unwrap(), "Bearer realm=\"hookline\"");
        assert!(header(ApiError::InvalidToken, "www-authenticate").unwrap().contains("invalid_token"));
        assert_eq!(header(ApiError::MethodNotAllowed { allow: "GET, HEAD".into() }, "allow").unwrap(), "GET, HEAD");
        assert_eq!(header(ApiError::TooManyRequests { retry_after: 7 }, "retry-after").unwrap(), "7");
    }
}
