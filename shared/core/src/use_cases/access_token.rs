//! Access tokens for an hour, by OAuth 2.0 client credentials (section 2, *Authentication*; RFC 6749, section 4.4).
//!
//! The client is a token that an administrator made: its id and the token itself. What it gets has its account, person
//! and role, counts as the same caller, and goes with it. An access token is no client: access tokens cannot be renewed
//! with themselves.

use std::time::Duration;

use uuid::Uuid;

use crate::errors::PortResult;
use crate::ids::AccountId;
use crate::model::token::new_token;
use crate::model::{Token, TokenHash, TokenScope};
use crate::ports::CreateTokenOutcome;
use crate::service::Service;
use crate::values::Secret;

/// How long an access token works.
const WORKS_FOR: Duration = Duration::from_hours(1);

/// How many access tokens of one client work at once.
const MAX_TOKENS: u64 = 1000;

/// What came of the request for an access token.
#[derive(Debug)]
pub enum AccessTokenGrant {
    /// Here it is.
    Granted {
        /// The token.
        token: Secret<String>,
        /// How long it works, in seconds: an hour, or what is left of its client's time.
        expires_in: i64,
    },
    /// There is no such client, or that is not its secret.
    InvalidClient,
    /// The client has very many already.
    TooMany,
}

/// Gives an access token to a client. `account` is the account that the request's URL names, if it names one.
pub async fn grant(service: &Service, account: Option<&str>, id: &str, secret: &str) -> PortResult<AccessTokenGrant> {
    let now = service.clock.now();
    let Ok(id) = Uuid::try_parse(id) else { return Ok(AccessTokenGrant::InvalidClient) };
    let client = service.accounts.caller(&TokenHash::of(secret), now).await?;
    let right = |account_id: &AccountId| account.is_none_or(|named| named == account_id.as_str());
    let Some(client) = client.filter(|client| client.token.id == id && client.token.parent.is_none()) else {
        return Ok(AccessTokenGrant::InvalidClient);
    };
    if !right(&client.account.id) {
        return Ok(AccessTokenGrant::InvalidClient);
    }
    let hour = now + WORKS_FOR;
    let expires_at = client.token.expires_at.map_or(hour, |end| end.min(hour));
    let secret = new_token(&*service.entropy);
    let token = Token {
        id: service.entropy.uuid(),
        hash: TokenHash::of(secret.expose()),
        person: client.token.person,
        role: client.token.role,
        created_at: now,
        expires_at: Some(expires_at),
        parent: Some(id),
        scope: TokenScope::Account,
    };
    Ok(match service.accounts.create_token(&client.account.id, &token, MAX_TOKENS).await? {
        CreateTokenOutcome::Done => {
            let expires_in = expires_at.duration_since(now).as_secs();
            AccessTokenGrant::Granted { token: secret, expires_in }
        }
        CreateTokenOutcome::TooMany => AccessTokenGrant::TooMany,
        CreateTokenOutcome::Gone => AccessTokenGrant::InvalidClient,
    })
}
