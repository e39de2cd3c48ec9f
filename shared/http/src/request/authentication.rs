//! Who calls (section 2, *Authentication*): a bearer token, read by its hash on every call.

use hookline_core::token::{Caller, TokenHash};
use http::HeaderMap;
use http::header::AUTHORIZATION;

use super::state::Shared;
use crate::response::Refusal;

/// What a caller must be allowed to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Duty {
    /// Read webhooks, policies and deliveries: administrators and auditors.
    Read,
    /// Change things and see secrets: administrators.
    Administer,
    /// Publish events: administrators and publishers.
    Publish,
    /// Ask after an event: everybody.
    Follow,
}

impl Duty {
    /// Whether that caller may.
    pub(crate) fn is_allowed_to(self, caller: &Caller) -> bool {
        match self {
            Self::Read => caller.may_read(),
            Self::Administer => caller.may_administer(),
            Self::Publish => caller.may_publish(),
            Self::Follow => true,
        }
    }
}

/// The caller whose token the request carries.
pub(crate) async fn caller(shared: &Shared, headers: &HeaderMap) -> Result<Caller, Refusal> {
    let token = bearer_token(headers)?;
    let service = &shared.api.service;
    let caller = service.accounts.caller(&TokenHash::of(token), service.clock.now()).await?;
    caller.ok_or(Refusal::BadToken)
}

/// The token of `Authorization: Bearer <token>`; the scheme in any case, the header once.
fn bearer_token(headers: &HeaderMap) -> Result<&str, Refusal> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().ok_or(Refusal::NoToken)?;
    if values.next().is_some() {
        return Err(Refusal::BadToken);
    }
    let value = value.to_str().map_err(|_| Refusal::BadToken)?;
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Refusal::NoToken);
    }
    let token = token.trim_matches(' ');
    if token.is_empty() { Err(Refusal::NoToken) } else { Ok(token) }
}

/// Checks `X-4me-Account` and `X-Xurrent-Account`: when sent, they name the account of the token.
pub(crate) fn check_account_headers(headers: &HeaderMap, caller: &Caller) -> Result<(), Refusal> {
    let named = ["x-4me-account", "x-xurrent-account"].into_iter().flat_map(|name| headers.get_all(name));
    for value in named {
        if value.as_bytes() != caller.account.id.as_str().as_bytes() {
            return Err(Refusal::Forbidden);
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
        bearer_token(&headers).map(str::to_owned).map_err(|refusal| refusal.status().as_u16())
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
