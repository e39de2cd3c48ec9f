//! The commands, each an object whose `command` names it.
//!
//! | `command` | with |
//! |---|---|
//! | `account.create`, `account.update` | `id`, and what it shall have: `name`, `admin_mails`, `time_zone`, `custom_url`, `disabled` |
//! | `account.list` | |
//! | `account.delete` | `id`, and `confirm`, which is the id again |
//! | `token.create` | `account`, `person`, `person_id`, `role`, `expires_in_days` |
//! | `token.list` | `account` |
//! | `token.revoke` | `id` |
//! | `dead_letters.show`, `dead_letters.redrive` | `queue`: `events` or `deliveries`; `most`, default 100 |
//! | `master_key.change` | `to`: the key that wraps all data keys from now on |
//!
//! Each may have a `request_id` too ([`super::requests`]).
//!
//! `master_key.change` takes two steps, and nothing stands still: let the functions use both keys and set
//! `HOOKLINE_MASTER_KEY` to the new one, then call it; when it answers, the old key is needed no more.

use std::time::Duration;

use hookline_aws::{Deployment, QueueName, Table};
use hookline_core::ids::AccountId;
use hookline_core::model::account::{MAX_ADMIN_MAILS, is_name};
use hookline_core::model::{Account, Person, Role, Token, TokenHash, token};
use hookline_core::ports::{Accounts as _, CreateTokenOutcome};
use hookline_core::settings::is_link;
use hookline_core::values::{Clock as _, MailAddress, System, TimeZone};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

/// What the operator wants.
#[derive(Debug, Deserialize)]
#[serde(tag = "command")]
pub(crate) enum AdminCommand {
    #[serde(rename = "account.create")]
    CreateAccount(AccountInput),
    #[serde(rename = "account.update")]
    UpdateAccount(AccountInput),
    #[serde(rename = "account.list")]
    ListAccounts,
    #[serde(rename = "account.delete")]
    DeleteAccount { id: String, confirm: String },
    #[serde(rename = "token.create")]
    CreateToken(TokenInput),
    #[serde(rename = "token.list")]
    ListTokens { account: String },
    #[serde(rename = "token.revoke")]
    RevokeToken { id: Uuid },
    #[serde(rename = "dead_letters.show")]
    ShowDeadLetters {
        queue: QueueName,
        #[serde(default = "hundred")]
        most: usize,
    },
    #[serde(rename = "dead_letters.redrive")]
    RedriveDeadLetters {
        queue: QueueName,
        #[serde(default = "hundred")]
        most: usize,
    },
    #[serde(rename = "master_key.change")]
    ChangeMasterKey { to: String },
}

impl AdminCommand {
    /// It changes nothing, so it may run any number of times.
    pub(crate) fn only_reads(&self) -> bool {
        match self {
            Self::ListAccounts | Self::ListTokens { .. } | Self::ShowDeadLetters { .. } => true,
            Self::CreateAccount(_)
            | Self::UpdateAccount(_)
            | Self::DeleteAccount { .. }
            | Self::CreateToken(_)
            | Self::RevokeToken { .. }
            | Self::RedriveDeadLetters { .. }
            | Self::ChangeMasterKey { .. } => false,
        }
    }
}

fn hundred() -> usize {
    100
}

/// Carries out a command. The error is for the operator.
pub(crate) async fn run(deployment: &Deployment, command: AdminCommand) -> Result<Value, String> {
    let table = deployment.table();
    match command {
        AdminCommand::CreateAccount(fields) => create_account(table, fields).await,
        AdminCommand::UpdateAccount(fields) => update_account(table, fields).await,
        AdminCommand::ListAccounts => list_accounts(table).await,
        AdminCommand::DeleteAccount { id, confirm } => delete_account(deployment, &id, &confirm).await,
        AdminCommand::CreateToken(token) => create_token(table, token, deployment.settings.core.max_tokens).await,
        AdminCommand::ListTokens { account } => list_tokens(table, &account).await,
        AdminCommand::RevokeToken { id } => revoke_token(table, id).await,
        AdminCommand::ShowDeadLetters { queue, most } => {
            let reasons = deployment.dead_letters().reasons(queue, most).await.map_err(text)?;
            Ok(json!({"dead_letters": reasons.iter().map(|reason| json!({"reason": reason})).collect::<Vec<_>>()}))
        }
        AdminCommand::RedriveDeadLetters { queue, most } => {
            let moved = deployment.dead_letters().redrive(queue, most).await.map_err(text)?;
            Ok(json!({"moved": moved}))
        }
        AdminCommand::ChangeMasterKey { to } => {
            let vault = deployment.vault().map_err(text)?;
            let (mut rewrapped, mut overtaken) = (0, 0);
            for account in table.accounts().await.map_err(text)? {
                let done = vault.change_master_key(&account.id, &to).await.map_err(text)?;
                rewrapped += done.rewrapped;
                overtaken += done.overtaken;
            }
            Ok(json!({"rewrapped": rewrapped, "overtaken": overtaken}))
        }
    }
}

/// A fault as a text.
fn text(fault: impl std::fmt::Display) -> String {
    fault.to_string()
}

/// What an account shall have; what is not said stays as it is.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AccountInput {
    id: String,
    name: Option<String>,
    admin_mails: Option<Vec<String>>,
    time_zone: Option<String>,
    custom_url: Option<String>,
    disabled: Option<bool>,
}

/// The id of an account.
fn account_id(id: &str) -> Result<AccountId, String> {
    let rule = "1 to 63 lower-case letters, digits and dashes";
    AccountId::parse(id).ok_or_else(|| format!("{id:?} is not an account id: {rule}"))
}

async fn create_account(table: &Table, fields: AccountInput) -> Result<Value, String> {
    let id = account_id(&fields.id)?;
    let mut account = Account {
        name: id.to_string(),
        id,
        admin_mails: Vec::new(),
        time_zone: TimeZone::default(),
        custom_url: None,
        disabled: false,
        created_at: System.now(),
    };
    apply(fields, &mut account)?;
    if table.create_account(&account).await.map_err(text)? {
        Ok(account_json(&account))
    } else {
        Err(format!("there is an account {}, or there was one until a short while ago", account.id))
    }
}

async fn update_account(table: &Table, fields: AccountInput) -> Result<Value, String> {
    let id = account_id(&fields.id)?;
    let none = || format!("there is no account {id}");
    let mut account = table.account(&id).await.map_err(text)?.ok_or_else(none)?;
    apply(fields, &mut account)?;
    if table.update_account(&account).await.map_err(text)? { Ok(account_json(&account)) } else { Err(none()) }
}

async fn list_accounts(table: &Table) -> Result<Value, String> {
    let accounts = table.accounts().await.map_err(text)?;
    Ok(json!({"accounts": accounts.iter().map(account_json).collect::<Vec<_>>()}))
}

async fn delete_account(deployment: &Deployment, id: &str, confirm: &str) -> Result<Value, String> {
    if id != confirm {
        return Err(format!(
            "this deletes account {id} with its webhooks, events and delivery records: say \"confirm\": {id:?} too"
        ));
    }
    let id = account_id(id)?;
    let attachments = deployment.attachments().map_err(text)?;
    let existed = deployment.table().delete_account(&id).await.map_err(text)?;
    // Also when it was gone before: whoever deleted it may not have come so far.
    if deployment.table().account(&id).await.map_err(text)?.is_none() {
        attachments.remove_all(&id).await.map_err(text)?;
    }
    if existed { Ok(json!({"deleted": id.as_str()})) } else { Err(format!("there is no account {id}")) }
}

fn apply(fields: AccountInput, account: &mut Account) -> Result<(), String> {
    let AccountInput { id: _, name, admin_mails, time_zone, custom_url, disabled } = fields;
    if let Some(name) = name {
        if !is_name(&name) {
            return Err("name: 1 to 255 characters, and no control characters".to_owned());
        }
        account.name = name;
    }
    if let Some(mails) = admin_mails {
        let parsed: Option<Vec<MailAddress>> = mails.iter().map(|mail| MailAddress::parse(mail)).collect();
        let parsed = parsed.filter(|mails| mails.len() <= MAX_ADMIN_MAILS);
        account.admin_mails =
            parsed.ok_or_else(|| format!("{mails:?} is not a list of at most {MAX_ADMIN_MAILS} addresses"))?;
    }
    if let Some(zone) = time_zone {
        account.time_zone = TimeZone::parse(&zone).ok_or_else(|| format!("{zone:?} is not an IANA time zone"))?;
    }
    if let Some(url) = custom_url {
        if !url.is_empty() && !is_link(&url) {
            return Err(format!("custom_url: {url:?} is not an http(s) URL"));
        }
        account.custom_url = (!url.is_empty()).then_some(url);
    }
    account.disabled = disabled.unwrap_or(account.disabled);
    Ok(())
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

/// What a token shall be.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TokenInput {
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
async fn create_token(table: &Table, wanted: TokenInput, limit: u64) -> Result<Value, String> {
    let TokenInput { account, person, person_id, role, expires_in_days } = wanted;
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
        CreateTokenOutcome::Done => Ok(json!({"id": token.id, "token": secret.expose()})),
        CreateTokenOutcome::TooMany => Err(format!("account {account} has its limit of {limit} tokens")),
        CreateTokenOutcome::Gone => Err(format!("there is no account {account}")),
    }
}

async fn list_tokens(table: &Table, account: &str) -> Result<Value, String> {
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

async fn revoke_token(table: &Table, id: Uuid) -> Result<Value, String> {
    if table.revoke_token(id).await.map_err(text)? {
        Ok(json!({"revoked": id}))
    } else {
        Err(format!("there is no token {id}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read() {
        for good in [
            r#"{"command":"account.create","id":"wdc","name":"W","admin_mails":["a@example.com"]}"#,
            r#"{"command":"account.list"}"#,
            r#"{"command":"account.delete","id":"wdc","confirm":"wdc"}"#,
            r#"{"command":"token.create","account":"wdc","person":"Ada","role":"auditor","expires_in_days":90}"#,
            r#"{"command":"dead_letters.redrive","queue":"deliveries"}"#,
            r#"{"command":"master_key.change","to":"alias/new"}"#,
        ] {
            assert!(serde_json::from_str::<AdminCommand>(good).is_ok(), "{good}");
        }
        for bad in [
            r#"{"command":"account.destroy"}"#,
            r#"{"command":"account.create","id":"wdc","nmae":"W"}"#,
            r#"{"command":"token.create","account":"wdc","person":"Ada","role":"root"}"#,
            r#"{"command":"dead_letters.redrive","queue":"mails"}"#,
        ] {
            assert!(serde_json::from_str::<AdminCommand>(bad).is_err(), "{bad}");
        }
    }
}
