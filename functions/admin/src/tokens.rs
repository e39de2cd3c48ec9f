//! The commands about tokens.

use std::time::Duration;

use hookline_aws::Table;
use hookline_core::account::is_name;
use hookline_core::clock::{Clock as _, System};
use hookline_core::ports::{Accounts as _, TokenCreated};
use hookline_core::token::{self, Person, Role, Token, TokenHash};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::accounts::account_id;
use crate::commands::text;

/// What a token shall be.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewToken {
    account: String,
    person: String,
    #[serde(default = "one")]
    person_id: u64,
    role: Role,
    expires_in_days: Option<u32>,
}

fn one() -> u64 {
    1
}

/// Makes a token, and shows it this once.
pub(crate) async fn create(table: &Table, wanted: NewToken, limit: u64) -> Result<Value, String> {
    let NewToken { account, person, person_id, role, expires_in_days } = wanted;
    if !is_name(&person) {
        return Err("person: 1 to 255 characters, and no control characters".to_owned());
    }
    let (account, now) = (account_id(&account)?, System.now());
    let in_days = |days: u32| now.checked_add(Duration::from_hours(24) * days).map_err(text);
    let secret = token::new_token(&System);
    let token = Token {
        id: Uuid::now_v7(),
        hash: TokenHash::of(secret.expose()),
        person: Person { id: person_id, name: person },
        role,
        created_at: now,
        expires_at: expires_in_days.map(in_days).transpose()?,
        parent: None,
    };
    match table.create_token(&account, &token, limit).await.map_err(text)? {
        TokenCreated::Done => Ok(json!({"id": token.id, "token": secret.expose()})),
        TokenCreated::TooMany => Err(format!("account {account} has its limit of {limit} tokens")),
        TokenCreated::Gone => Err(format!("there is no account {account}")),
    }
}

pub(crate) async fn list(table: &Table, account: &str) -> Result<Value, String> {
    let tokens = table.tokens(&account_id(account)?).await.map_err(text)?;
    let shown = tokens.iter().map(|token| {
        let Token { id, hash: _, person, role, created_at, expires_at, parent: _ } = token;
        json!({
            "id": id,
            "person": {"id": person.id, "name": person.name},
            "role": role.as_str(),
            "created_at": created_at.to_string(),
            "expires_at": expires_at.map(|at| at.to_string()),
        })
    });
    Ok(json!({"tokens": shown.collect::<Vec<_>>()}))
}

pub(crate) async fn revoke(table: &Table, id: Uuid) -> Result<Value, String> {
    if table.revoke_token(id).await.map_err(text)? {
        Ok(json!({"revoked": id}))
    } else {
        Err(format!("there is no token {id}"))
    }
}
