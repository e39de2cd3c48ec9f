//! `hookline account …` and `hookline token …`: on the data folder, also while the service runs.

use std::path::Path;

use hookline_core::account::{Account, AccountId, MOST_ADMIN_MAILS, is_name};
use hookline_core::clock::{Clock as _, System};
use hookline_core::mail_address::MailAddress;
use hookline_core::ports::{Accounts, TokenCreated};
use hookline_core::secret::Secret;
use hookline_core::settings::{Settings, is_link};
use hookline_core::time_zone::TimeZone;
use hookline_core::token::{self, Person, Role, Token, TokenHash};
use hookline_embedded::{DataFolder, Kept, Store, View};
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::arguments::{self, AccountFields, Folder};
use crate::host::open_store;
use crate::output::{Failure, print, say};

/// The ports on the store of a data folder that exists.
fn open(folder: &Folder) -> Result<View, Failure> {
    Ok(open_existing(&folder.data)?.api())
}

/// The store of a data folder that exists.
pub(crate) fn open_existing(data: &Path) -> Result<Store, Failure> {
    let folder = DataFolder::at(data);
    if !folder.database().is_file() {
        let data = data.display();
        return Err(Failure::of(format!("{data} holds no database; `hookline serve --data {data}` makes one")));
    }
    open_store(&folder, Kept::of(&Settings::default()))
}

/// `hookline account …`
pub(crate) async fn account(command: arguments::Account) -> Result<(), Failure> {
    match command {
        arguments::Account::Create { id, fields, folder } => {
            let id = account_id(&id)?;
            let name = fields.name.clone().unwrap_or_else(|| id.to_string());
            let mut account = Account {
                id: id.clone(),
                name,
                admin_mails: Vec::new(),
                time_zone: TimeZone::default(),
                custom_url: None,
                disabled: false,
                created_at: System.now(),
            };
            apply(&fields, &mut account)?;
            if !open(&folder)?.create_account(&account).await.map_err(Failure::of)? {
                return Err(Failure::of(format!("there is an account {id} already")));
            }
            shown(&folder, &account_json(&account), &format!("created account {id}"))
        }
        arguments::Account::Update { id, fields, enable, folder } => {
            let (view, mut account) = existing(&folder, &id).await?;
            apply(&fields, &mut account)?;
            account.disabled &= !enable;
            written(view.update_account(&account).await, &id)?;
            shown(&folder, &account_json(&account), &format!("changed account {id}"))
        }
        arguments::Account::List { folder } => {
            let accounts = open(&folder)?.accounts().await.map_err(Failure::of)?;
            if folder.json {
                return print(&Value::from(accounts.iter().map(account_json).collect::<Vec<_>>()).to_string());
            }
            for account in accounts {
                let state = if account.disabled { "\tdisabled" } else { "" };
                print(&format!("{}\t{}{state}", account.id, account.name))?;
            }
            Ok(())
        }
        arguments::Account::Disable { id, folder } => {
            let (view, mut account) = existing(&folder, &id).await?;
            account.disabled = true;
            written(view.update_account(&account).await, &id)?;
            shown(&folder, &account_json(&account), &format!("disabled account {id}"))
        }
        arguments::Account::Delete { id, yes, folder } => {
            let (view, account) = existing(&folder, &id).await?;
            if !yes {
                return Err(Failure::Usage(format!(
                    "this deletes account {id} with its webhooks, events and delivery records: add --yes"
                )));
            }
            written(view.delete_account(&account.id).await, &id)?;
            shown(&folder, &account_json(&account), &format!("deleted account {id}"))
        }
    }
}

/// `hookline token …`
pub(crate) async fn token(command: arguments::Token) -> Result<(), Failure> {
    match command {
        arguments::Token::Create { account, person, person_id, role, expires, folder } => {
            let role = Role::parse(&role)
                .ok_or_else(|| Failure::Usage(format!("{role:?} is not administrator, auditor or publisher")))?;
            check_name("--person", &person)?;
            let expires_at = expires.as_deref().map(expiry).transpose()?;
            let account = account_id(&account)?;
            let view = open(&folder)?;
            let token = new_token(&view, &account, Person { id: person_id, name: person }, role, expires_at).await?;
            if folder.json { print(&json!({"token": token.expose()}).to_string()) } else { print(token.expose()) }
        }
        arguments::Token::List { account, folder } => {
            let view = open(&folder)?;
            let accounts = match account {
                Some(id) => vec![existing(&folder, &id).await?.1.id],
                None => view.accounts().await.map_err(Failure::of)?.into_iter().map(|account| account.id).collect(),
            };
            let mut listed = Vec::new();
            for account in accounts {
                for token in view.tokens(&account).await.map_err(Failure::of)? {
                    listed.push((account.clone(), token));
                }
            }
            if folder.json {
                let all: Vec<Value> = listed.iter().map(|(account, token)| token_json(account, token)).collect();
                return print(&Value::from(all).to_string());
            }
            for (account, token) in listed {
                let expires = token.expires_at.map_or_else(|| "never expires".to_owned(), |at| format!("until {at}"));
                print(&format!("{}\t{account}\t{}\t{}\t{expires}", token.id, token.role.as_str(), token.person.name))?;
            }
            Ok(())
        }
        arguments::Token::Revoke { id, folder } => {
            if !open(&folder)?.revoke_token(id).await.map_err(Failure::of)? {
                return Err(Failure::of(format!("there is no token {id}")));
            }
            shown(&folder, &json!({"revoked": id}), &format!("revoked token {id}"))
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
) -> Result<Secret<String>, Failure> {
    let secret = token::new_token(&System);
    let hash = TokenHash::of(secret.expose());
    let token = Token { id: Uuid::now_v7(), hash, person, role, created_at: System.now(), expires_at, parent: None };
    let limit = Settings::default().max_tokens;
    match accounts.create_token(account, &token, limit).await.map_err(Failure::of)? {
        TokenCreated::Done => Ok(secret),
        TokenCreated::TooMany => Err(Failure::of(format!("account {account} has reached its limit of {limit} tokens"))),
        TokenCreated::Gone => Err(Failure::of(format!("there is no account {account}"))),
    }
}

/// The moment in so long a time: `90d`, `12h`.
fn expiry(text: &str) -> Result<Timestamp, Failure> {
    let bad = || Failure::Usage(format!("--expires: {text:?} is not a duration such as 90d or 12h"));
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

fn account_id(text: &str) -> Result<AccountId, Failure> {
    AccountId::parse(text).ok_or_else(|| {
        Failure::Usage(format!("{text:?} is not an account id: 1 to 63 lower-case letters, digits and dashes"))
    })
}

async fn existing(folder: &Folder, id: &str) -> Result<(View, Account), Failure> {
    let (view, id) = (open(folder)?, account_id(id)?);
    let account = view.account(&id).await.map_err(Failure::of)?;
    account.map(|account| (view, account)).ok_or_else(|| Failure::of(format!("there is no account {id}")))
}

fn written(answer: Result<bool, impl std::fmt::Display>, id: &str) -> Result<(), Failure> {
    match answer {
        Ok(true) => Ok(()),
        Ok(false) => Err(Failure::of(format!("there is no account {id}"))),
        Err(fault) => Err(Failure::of(fault)),
    }
}

fn check_name(argument: &str, name: &str) -> Result<(), Failure> {
    if is_name(name) {
        return Ok(());
    }
    Err(Failure::Usage(format!("{argument}: a name has 1 to 255 characters, and no control characters")))
}

fn apply(fields: &AccountFields, account: &mut Account) -> Result<(), Failure> {
    let AccountFields { name, admin_mail, time_zone, custom_url } = fields;
    if let Some(name) = name {
        check_name("--name", name)?;
        account.name.clone_from(name);
    }
    if let Some(mails) = admin_mail {
        account.admin_mails = if mails.is_empty() {
            Vec::new()
        } else {
            MailAddress::parse_list(mails, MOST_ADMIN_MAILS).ok_or_else(|| {
                Failure::Usage(format!("--admin-mail: {mails:?} is not a list of at most {MOST_ADMIN_MAILS} addresses"))
            })?
        };
    }
    if let Some(zone) = time_zone {
        account.time_zone = TimeZone::parse(zone)
            .ok_or_else(|| Failure::Usage(format!("--time-zone: {zone:?} is not an IANA time zone")))?;
    }
    if let Some(url) = custom_url {
        if !url.is_empty() && !is_link(url) {
            return Err(Failure::Usage(format!("--custom-url: {url:?} is not an http(s) URL")));
        }
        account.custom_url = (!url.is_empty()).then(|| url.clone());
    }
    Ok(())
}

/// Shows a result: as JSON on stdout if that was asked for, else in words on stderr.
pub(crate) fn shown(folder: &Folder, json: &Value, text: &str) -> Result<(), Failure> {
    if folder.json {
        print(&json.to_string())
    } else {
        say(text);
        Ok(())
    }
}

fn account_json(account: &Account) -> Value {
    let Account { id, name, admin_mails, time_zone, custom_url, disabled, created_at } = account;
    json!({
        "id": id.as_str(),
        "name": name,
        "admin_mails": admin_mails.iter().map(MailAddress::as_str).collect::<Vec<_>>(),
        "time_zone": time_zone.name(),
        "custom_url": custom_url,
        "disabled": disabled,
        "created_at": created_at.to_string(),
    })
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
