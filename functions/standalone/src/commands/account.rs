//! `hookline account …`: on the data folder, also while the service runs.

use hookline_core::ports::Accounts as _;
use hookline_core::use_cases::accounts::{self, AccountInput};
use hookline_core::values::System;
use serde_json::Value;

use crate::arguments::{AccountArgs, AccountCommand};
use crate::assembly::open_existing_ports;
use crate::output::{CommandError, one_line, print, show};

/// `hookline account …`
pub(crate) async fn run(command: AccountCommand) -> Result<(), CommandError> {
    match command {
        AccountCommand::Create { id, fields, folder } => {
            let ports = open_existing_ports(&folder.data)?;
            let account = accounts::create(&ports, &System, input(id, fields)).await?;
            show(folder.json, &accounts::shown(&account), &format!("created account {}", account.id))
        }
        AccountCommand::Update { id, fields, enable, folder } => {
            let ports = open_existing_ports(&folder.data)?;
            let input = AccountInput { disabled: enable.then_some(false), ..input(id, fields) };
            let account = accounts::update(&ports, input).await?;
            show(folder.json, &accounts::shown(&account), &format!("changed account {}", account.id))
        }
        AccountCommand::List { folder } => {
            let all = open_existing_ports(&folder.data)?.accounts().await.map_err(CommandError::of)?;
            if folder.json {
                return print(&Value::from(all.iter().map(accounts::shown).collect::<Vec<_>>()).to_string());
            }
            for account in all {
                let state = if account.disabled { "\tdisabled" } else { "" };
                print(&format!("{}\t{}{state}", account.id, one_line(&account.name)))?;
            }
            Ok(())
        }
        AccountCommand::Disable { id, folder } => {
            let ports = open_existing_ports(&folder.data)?;
            let input = AccountInput { id, disabled: Some(true), ..AccountInput::default() };
            let account = accounts::update(&ports, input).await?;
            show(folder.json, &accounts::shown(&account), &format!("disabled account {}", account.id))
        }
        AccountCommand::Delete { id, yes, folder } => {
            let ports = open_existing_ports(&folder.data)?;
            let account = accounts::existing(&ports, &id).await?;
            if !yes {
                return Err(CommandError::Usage(format!(
                    "this deletes account {id} with its webhooks, events and delivery records: add --yes"
                )));
            }
            accounts::delete(&ports, &account.id).await?;
            show(folder.json, &accounts::shown(&account), &format!("deleted account {id}"))
        }
    }
}

fn input(id: String, fields: AccountArgs) -> AccountInput {
    let AccountArgs { name, admin_mail, time_zone, custom_url } = fields;
    let admin_mails = admin_mail.map(|list| match list.as_str() {
        "" => Vec::new(),
        list => list.split(',').map(str::to_owned).collect(),
    });
    AccountInput { id, name, admin_mails, time_zone, custom_url, disabled: None }
}
