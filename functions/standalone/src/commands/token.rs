//! `hookline token …`: on the data folder, also while the service runs.

use hookline_core::model::{Person, Role};
use hookline_core::ports::Accounts as _;
use hookline_core::use_cases::accounts;
use hookline_core::use_cases::tokens::{self, TokenInput};
use hookline_core::values::{Clock as _, System};
use jiff::Timestamp;
use serde_json::{Value, json};

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
            let expires_at = expires.as_deref().map(expiry).transpose()?;
            let account = accounts::account_id(&account)?;
            let ports = open_existing_ports(&folder.data)?;
            let input = TokenInput { person: Person { id: person_id, name: person }, role, expires_at };
            let (_, token) = tokens::create(&ports, (&System, &System), &account, input, max_tokens()?).await?;
            if folder.json { print(&json!({"token": token.expose()}).to_string()) } else { print(token.expose()) }
        }
        TokenCommand::List { account, folder } => {
            let ports = open_existing_ports(&folder.data)?;
            let all = match account {
                Some(id) => vec![accounts::existing(&ports, &id).await?],
                None => ports.accounts().await.map_err(CommandError::of)?,
            };
            let mut listed = Vec::new();
            for account in all {
                let account = account.id;
                for token in ports.tokens(&account).await.map_err(CommandError::of)? {
                    listed.push((account.clone(), token));
                }
            }
            if folder.json {
                let all: Vec<Value> = listed.iter().map(|(account, token)| tokens::shown(account, token)).collect();
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
            tokens::revoke(&open_existing_ports(&folder.data)?, id).await?;
            show(folder.json, &json!({"revoked": id}), &format!("revoked token {id}"))
        }
    }
}

/// The moment after a duration such as `90d` or `12h`.
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
