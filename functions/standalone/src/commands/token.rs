//! `hookline token …`: on the data folder, also while the service runs.

use hookline_core::ids::AccountId;
use hookline_core::model::{Person, Role, Token, TokenHash, token};
use hookline_core::ports::{Accounts, CreateTokenOutcome};
use hookline_core::values::{Clock as _, Secret, System};
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::account::{account_id, check_name, existing};
use crate::arguments::TokenCommand;
use crate::assembly::open_existing_ports;
use crate::output::{CommandError, one_line, print, show};
use crate::settings::max_tokens;

/// `hookline token …`
pub(crate) async fn run(command: TokenCommand) -> Result<(), CommandError> {
    match command {
        TokenCommand::Create { account, person, person_id, role, expires, folder } => {
            let role = Role::parse(&role)
                .ok_or_else(|| CommandError::Usage(format!("{role:?} is not administrator, auditor or publisher")))?;
            check_name("--person", &person)?;
            let expires_at = expires.as_deref().map(expiry).transpose()?;
            let account = account_id(&account)?;
            let view = open_existing_ports(&folder.data)?;
            let token = new_token(&view, &account, Person { id: person_id, name: person }, role, expires_at).await?;
            if folder.json { print(&json!({"token": token.expose()}).to_string()) } else { print(token.expose()) }
        }
        TokenCommand::List { account, folder } => {
            let view = open_existing_ports(&folder.data)?;
            let accounts = match account {
                Some(id) => vec![existing(&folder, &id).await?.1.id],
                None => {
                    view.accounts().await.map_err(CommandError::of)?.into_iter().map(|account| account.id).collect()
                }
            };
            let mut listed = Vec::new();
            for account in accounts {
                for token in view.tokens(&account).await.map_err(CommandError::of)? {
                    listed.push((account.clone(), token));
                }
            }
            if folder.json {
                let all: Vec<Value> = listed.iter().map(|(account, token)| token_json(account, token)).collect();
                return print(&Value::from(all).to_string());
            }
            for (account, token) in listed {
                let expires = token.expires_at.map_or_else(|| "never expires".to_owned(), |at| format!("until {at}"));
                print(&format!(
                    "{}\t{account}\t{}\t{}\t{expires}",
                    token.id,
                    token.role.as_str(),
                    one_line(&token.person.name)
                ))?;
            }
            Ok(())
        }
        TokenCommand::Revoke { id, folder } => {
            if !open_existing_ports(&folder.data)?.revoke_token(id).await.map_err(CommandError::of)? {
                return Err(CommandError::of(format!("there is no token {id}")));
            }
            show(folder.json, &json!({"revoked": id}), &format!("revoked token {id}"))
        }
    }
}

/// Makes and stores a token.
pub(crate) async fn new_token(
    accounts: &dyn Accounts,
    account: &AccountId,
    person: Person,
    role: Role,
    expires_at: Option<Timestamp>,
) -> Result<Secret<String>, CommandError> {
    let secret = token::new_token(&System);
    let hash = TokenHash::of(secret.expose());
    let token = Token { id: Uuid::now_v7(), hash, person, role, created_at: System.now(), expires_at, parent: None };
    let limit = max_tokens()?;
    match accounts.create_token(account, &token, limit).await.map_err(CommandError::of)? {
        CreateTokenOutcome::Done => Ok(secret),
        CreateTokenOutcome::TooMany => {
            Err(CommandError::of(format!("account {account} has reached its limit of {limit} tokens")))
        }
        CreateTokenOutcome::Gone => Err(CommandError::of(format!("there is no account {account}"))),
    }
}

/// The moment in so long a time: `90d`, `12h`.
fn expiry(text: &str) -> Result<Timestamp, CommandError> {
    let bad = || CommandError::Usage(format!("--expires: {text:?} is not a duration such as 90d or 12h"));
    let at = text.len().saturating_sub(1);
    let (number, unit) = text.split_at_checked(at).ok_or_else(bad)?;
    let seconds = match unit {
        "d" => 86_400,
        "h" => 3_600,
        "m" => 60,
        _ => return Err(bad()),
    };
    let number: u64 = number.parse().ok().filter(|number| (1..=36_500 * 1440).contains(number)).ok_or_else(bad)?;
    let wait = std::time::Duration::from_secs(number.checked_mul(seconds).ok_or_else(bad)?);
    System.now().checked_add(wait).map_err(|_| bad())
}

fn token_json(account: &AccountId, token: &Token) -> Value {
    let Token { id, hash: _, person, role, created_at, expires_at, parent: _ } = token;
    json!({
        "id": id,
        "account": account.as_str(),
        "person": {"id": person.id, "name": person.name},
        "role": role.as_str(),
        "created_at": created_at.to_string(),
        "expires_at": expires_at.map(|at| at.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let in_days = expiry("90d").unwrap().duration_since(System.now()).as_secs();
        assert!((90 * 86_400 - 5..=90 * 86_400).contains(&in_days));
        for bad in ["", "d", "90", "-1d", "0d", "90w", "1.5d", "99999999999999999999d", "ü"] {
            assert!(expiry(bad).is_err(), "{bad:?}");
        }
    }
}
