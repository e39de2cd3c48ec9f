//! The commands: JSON objects with the name in `command`.
//!
//! | `command` | other fields |
//! |---|---|
//! | `account.create`, `account.update` | `id`, and the fields to set: `name`, `admin_mails`, `time_zone`, `custom_url`, `disabled` |
//! | `account.list` | |
//! | `account.delete` | `id`, and `confirm`: the id again |
//! | `token.create` | `account`, `person`, `person_id`, `role`, `expires_in_days` |
//! | `token.list` | `account` |
//! | `token.revoke` | `id` |
//! | `dead_letters.show`, `dead_letters.redrive` | `queue`: `events` or `deliveries`; `most`, default 100 |
//! | `master_key.change` | `to`: the key that wraps all data keys from then on |
//!
//! `account.delete` removes items of the account for 30 seconds per call. It is repeated, with another `request_id`, until
//! its answer says that it is `done`.
//!
//! Each may have a `request_id` too ([`super::requests`]).
//!
//! To change the master key without downtime, allow the functions to use both keys, set `HOOKLINE_MASTER_KEY` to the new
//! one, and call `master_key.change`. After its answer the old key is no longer needed.

use std::time::Duration;

use hookline_aws::{AccountRemoval, Deployment, QueueName};
use hookline_core::model::{Person, Role};
use hookline_core::ports::Accounts as _;
use hookline_core::use_cases::accounts::{self, AccountInput};
use hookline_core::use_cases::tokens;
use hookline_core::values::{Clock as _, System};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

/// How long one call removes items of a deleted account: the AWS command line waits 60 seconds for an answer.
const REMOVAL_TIME: Duration = Duration::from_secs(30);

/// A command with its fields.
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
        AdminCommand::CreateAccount(input) => {
            Ok(accounts::shown(&accounts::create(table, &System, input).await.map_err(text)?))
        }
        AdminCommand::UpdateAccount(input) => Ok(accounts::shown(&accounts::update(table, input).await.map_err(text)?)),
        AdminCommand::ListAccounts => {
            let all = table.accounts().await.map_err(text)?;
            Ok(json!({"accounts": all.iter().map(accounts::shown).collect::<Vec<_>>()}))
        }
        AdminCommand::DeleteAccount { id, confirm } => delete_account(deployment, &id, &confirm).await,
        AdminCommand::CreateToken(input) => create_token(deployment, input).await,
        AdminCommand::ListTokens { account } => {
            let account = accounts::account_id(&account).map_err(text)?;
            let all = table.tokens(&account).await.map_err(text)?;
            Ok(json!({"tokens": all.iter().map(|token| tokens::shown(&account, token)).collect::<Vec<_>>()}))
        }
        AdminCommand::RevokeToken { id } => {
            tokens::revoke(table, id).await.map_err(text)?;
            Ok(json!({"revoked": id}))
        }
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

async fn delete_account(deployment: &Deployment, id: &str, confirm: &str) -> Result<Value, String> {
    if id != confirm {
        return Err(format!(
            "this deletes account {id} with its webhooks, events and delivery records: to confirm, add \"confirm\": {id:?}"
        ));
    }
    let id = accounts::account_id(id).map_err(text)?;
    let (table, attachments) = (deployment.table(), deployment.attachments().map_err(text)?);
    table.mark_deleted(&id).await.map_err(text)?;
    let Some(removal) = table.remove_items(&id, REMOVAL_TIME).await.map_err(text)? else {
        return Err(accounts::missing(&id).to_string());
    };
    let AccountRemoval { done, read, removed } = removal;
    if done {
        // Last of all the tombstone, so that a repeated command finishes what an interrupted one began.
        attachments.remove_all(&id).await.map_err(text)?;
        table.end_removal(&id).await.map_err(text)?;
    }
    Ok(json!({"deleted": id.as_str(), "done": done, "items_read": read, "items_removed": removed}))
}

/// A token to create.
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

/// Creates a token. This answer is the only one that shows it.
async fn create_token(deployment: &Deployment, input: TokenInput) -> Result<Value, String> {
    let TokenInput { account, person, person_id, role, expires_in_days } = input;
    let account = accounts::account_id(&account).map_err(text)?;
    let in_days = |days: u32| System.now().checked_add(Duration::from_hours(24) * days).map_err(text);
    let input = tokens::TokenInput {
        person: Person { id: person_id, name: person },
        role,
        expires_at: expires_in_days.map(in_days).transpose()?,
    };
    let limit = deployment.settings.core.max_tokens;
    let created = tokens::create(deployment.table(), (&System, &System), &account, input, limit).await;
    let (id, token) = created.map_err(text)?;
    Ok(json!({"id": id, "token": token.expose()}))
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
