//! Authentication (section 2): a bearer token, looked up by its hash on every call.

use hookline_core::model::{Caller, TokenHash};
use http::HeaderMap;
use http::header::AUTHORIZATION;

use super::state::ApiState;
use crate::response::ApiError;

/// The permission that a route requires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Permission {
    /// Reads webhooks, policies and deliveries: administrators and auditors.
    Read,
    /// Changes records and reads secrets: administrators.
    Administer,
    /// Publishes events: administrators and publishers.
    Publish,
    /// Reads the state of an event: every role.
    Follow,
}

impl Permission {
    /// True if the caller's role has this permission.
    pub(crate) fn is_granted_to(self, caller: &Caller) -> bool {
        match self {
            Self::Read => caller.may_read(),
            Self::Administer => caller.may_administer(),
            Self::Publish => caller.may_publish(),
            Self::Follow => true,
        }
    }
}

/// Authenticates a request.
pub(crate) async fn caller(state: &ApiState, headers: &HeaderMap) -> Result<Caller, ApiError> {
    let token = bearer_token(headers)?;
    let service = &state.api.service;
    let caller = service.accounts.caller(&TokenHash::of(token), service.clock.now()).await?;
    caller.ok_or(ApiError::InvalidToken)
}

/// The token of `Authorization: Bearer <token>`. The scheme ignores case; the header must not be repeated.
fn bearer_token(headers: &HeaderMap) -> Result<&str, ApiError> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().ok_or(ApiError::MissingToken)?;
    if values.next().is_some() {
        return Err(ApiError::InvalidToken);
    }
    let value = value.to_str().map_err(|_| ApiError::InvalidToken)?;
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(ApiError::MissingToken);
    }
    let token = token.trim_matches(' ');
    if token.is_empty() { Err(ApiError::MissingToken) } else { Ok(token) }
}

/// Checks `X-4me-Account` and `X-Xurrent-Account`: if sent, they must name the account of the token.
pub(crate) fn check_account_headers(headers: &HeaderMap, caller: &Caller) -> Result<(), ApiError> {
    let named = ["x-4me-account", "x-xurrent-account"].into_iter().flat_map(|name| headers.get_all(name));
    for value in named {
        if value.as_bytes() != caller.account.id.as_str().as_bytes() {
            return Err(ApiError::Forbidden);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(values: &[&str]) -> Result<String, u16> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, value.parse().unwrap());
        }
        bearer_token(&headers).map(str::to_owned).map_err(|error| error.status().as_u16())
    }

    #[test]
    fn a_token_is_read_from_one_bearer_header() {
        assert_eq!(token(&["Bearer hl_x"]), Ok("hl_x".into()));
        assert_eq!(token(&["bEARER  hl_x "]), Ok("hl_x".into()));
        for bad in
            [&[][..], &["hl_x"], &["Basic hl_x"], &["Bearer "], &["Bearer"], &["Bearer a", "Bearer a"], &["\u{e9} x"]]
        {
            assert_eq!(token(bad), Err(401), "{bad:?}");
        }
    }
}
