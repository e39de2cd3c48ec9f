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
//! `master_key.change` takes two steps, and nothing stands still: let the functions use both keys and set
//! `HOOKLINE_MASTER_KEY` to the new one, then call it; when it answers, the old key is needed no more.

use hookline_aws::{Deployment, Which};
use hookline_core::ports::Accounts as _;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::accounts::{self, Fields};
use crate::tokens::{self, NewToken};

/// What the operator wants.
#[derive(Debug, Deserialize)]
#[serde(tag = "command")]
pub(crate) enum Command {
    #[serde(rename = "account.create")]
    CreateAccount(Fields),
    #[serde(rename = "account.update")]
    UpdateAccount(Fields),
    #[serde(rename = "account.list")]
    ListAccounts,
    #[serde(rename = "account.delete")]
    DeleteAccount { id: String, confirm: String },
    #[serde(rename = "token.create")]
    CreateToken(NewToken),
    #[serde(rename = "token.list")]
    ListTokens { account: String },
    #[serde(rename = "token.revoke")]
    RevokeToken { id: Uuid },
    #[serde(rename = "dead_letters.show")]
    ShowDeadLetters {
        queue: Which,
        #[serde(default = "hundred")]
        most: usize,
    },
    #[serde(rename = "dead_letters.redrive")]
    RedriveDeadLetters {
        queue: Which,
        #[serde(default = "hundred")]
        most: usize,
    },
    #[serde(rename = "master_key.change")]
    ChangeMasterKey { to: String },
}

fn hundred() -> usize {
    100
}

/// Carries out a command. The error is for the operator.
pub(crate) async fn run(deployment: &Deployment, command: Command) -> Result<Value, String> {
    let table = deployment.table();
    match command {
        Command::CreateAccount(fields) => accounts::create(table, fields).await,
        Command::UpdateAccount(fields) => accounts::update(table, fields).await,
        Command::ListAccounts => accounts::list(table).await,
        Command::DeleteAccount { id, confirm } => accounts::delete(deployment, &id, &confirm).await,
        Command::CreateToken(token) => tokens::create(table, token, deployment.settings.core.max_tokens).await,
        Command::ListTokens { account } => tokens::list(table, &account).await,
        Command::RevokeToken { id } => tokens::revoke(table, id).await,
        Command::ShowDeadLetters { queue, most } => {
            let reasons = deployment.dead_letters().reasons(queue, most).await.map_err(text)?;
            Ok(json!({"dead_letters": reasons.iter().map(|reason| json!({"reason": reason})).collect::<Vec<_>>()}))
        }
        Command::RedriveDeadLetters { queue, most } => {
            let moved = deployment.dead_letters().redrive(queue, most).await.map_err(text)?;
            Ok(json!({"moved": moved}))
        }
        Command::ChangeMasterKey { to } => {
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
pub(crate) fn text(fault: impl std::fmt::Display) -> String {
    fault.to_string()
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
            assert!(serde_json::from_str::<Command>(good).is_ok(), "{good}");
        }
        for bad in [
            r#"{"command":"account.destroy"}"#,
            r#"{"command":"account.create","id":"wdc","nmae":"W"}"#,
            r#"{"command":"token.create","account":"wdc","person":"Ada","role":"root"}"#,
            r#"{"command":"dead_letters.redrive","queue":"mails"}"#,
        ] {
            assert!(serde_json::from_str::<Command>(bad).is_err(), "{bad}");
        }
    }
}
