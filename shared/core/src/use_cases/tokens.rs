//! Access tokens, as operators create, list and revoke them (section 11).

use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::accounts;
use crate::errors::OperatorError;
use crate::ids::AccountId;
use crate::model::token::new_token;
use crate::model::{Person, Role, Token, TokenHash, TokenScope};
use crate::ports::{Accounts, CreateTokenOutcome};
use crate::values::{Clock, Entropy, Secret};

/// A token to create.
#[derive(Debug)]
pub struct TokenInput {
    /// The person who uses it.
    pub person: Person,
    /// What it may do.
    pub role: Role,
    /// When it stops working, if ever.
    pub expires_at: Option<Timestamp>,
}

/// Creates a token and returns its id and the token itself, which is not stored and cannot be shown again. An account
/// has at most `limit` of them.
///
/// # Errors
/// The person's name is wrong, the account does not exist, or it has reached its limit.
pub async fn create(
    accounts: &dyn Accounts,
    (clock, entropy): (&dyn Clock, &dyn Entropy),
    account: &AccountId,
    input: TokenInput,
    limit: u64,
) -> Result<(Uuid, Secret<String>), OperatorError> {
    let TokenInput { person: Person { id, name }, role, expires_at } = input;
    let person = Person { id, name: accounts::name("person", name)? };
    let secret = new_token(entropy);
    let created_at = clock.now();
    // A version 7 UUID: the DynamoDB table lists tokens by id, oldest first.
    let mut random = [0; 10];
    entropy.fill(&mut random);
    let milliseconds = created_at.as_millisecond().unsigned_abs();
    let id = uuid::Builder::from_unix_timestamp_millis(milliseconds, &random).into_uuid();
    let hash = TokenHash::of(secret.expose());
    let token = Token { id, hash, person, role, created_at, expires_at, parent: None, scope: TokenScope::Account };
    match accounts.create_token(account, &token, limit).await? {
        CreateTokenOutcome::Done => Ok((id, secret)),
        CreateTokenOutcome::TooMany => {
            Err(OperatorError::Refused(format!("account {account} has reached its limit of {limit} tokens")))
        }
        CreateTokenOutcome::Gone => Err(accounts::missing(account)),
    }
}

/// Revokes a token. It stops working with the next call.
///
/// # Errors
/// The token does not exist.
pub async fn revoke(accounts: &dyn Accounts, id: Uuid) -> Result<(), OperatorError> {
    if accounts.revoke_token(id).await? {
        Ok(())
    } else {
        Err(OperatorError::Refused(format!("token {id} does not exist")))
    }
}

/// A token as operators see it: never the token itself.
#[must_use]
pub fn shown(account: &AccountId, token: &Token) -> Value {
    let Token { id, hash: _, person, role, created_at, expires_at, parent: _, scope: _ } = token;
    json!({
        "id": id,
        "account": account.as_str(),
        "person": {"id": person.id, "name": person.name},
        "role": role.as_str(),
        "created_at": created_at.to_string(),
        "expires_at": expires_at.map(|at| at.to_string()),
    })
}
