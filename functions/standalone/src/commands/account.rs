//! `hookline account …`: on the data folder, also while the service runs.

use hookline_core::ids::AccountId;
use hookline_core::model::Account;
use hookline_core::model::account::{MAX_ADMIN_MAILS, is_name};
use hookline_core::ports::Accounts as _;
use hookline_core::settings::is_link;
use hookline_core::values::{Clock as _, MailAddress, System, TimeZone};
use hookline_embedded::StorePorts;
use serde_json::{Value, json};

use crate::arguments::{AccountArgs, AccountCommand, FolderArgs};
use crate::assembly::open_existing_ports;
use crate::output::{CommandError, one_line, print, show};

/// `hookline account …`
pub(crate) async fn run(command: AccountCommand) -> Result<(), CommandError> {
    match command {
        AccountCommand::Create { id, fields, folder } => {
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
            if !open_existing_ports(&folder.data)?.create_account(&account).await.map_err(CommandError::of)? {
                return Err(CommandError::of(format!("there is an account {id} already")));
            }
            show(folder.json, &account_json(&account), &format!("created account {id}"))
        }
        AccountCommand::Update { id, fields, enable, folder } => {
            let (view, mut account) = existing(&folder, &id).await?;
            apply(&fields, &mut account)?;
            account.disabled &= !enable;
            written(view.update_account(&account).await, &id)?;
            show(folder.json, &account_json(&account), &format!("changed account {id}"))
        }
        AccountCommand::List { folder } => {
            let accounts = open_existing_ports(&folder.data)?.accounts().await.map_err(CommandError::of)?;
            if folder.json {
                return print(&Value::from(accounts.iter().map(account_json).collect::<Vec<_>>()).to_string());
            }
            for account in accounts {
                let state = if account.disabled { "\tdisabled" } else { "" };
                print(&format!("{}\t{}{state}", account.id, one_line(&account.name)))?;
            }
            Ok(())
        }
        AccountCommand::Disable { id, folder } => {
            let (view, mut account) = existing(&folder, &id).await?;
            account.disabled = true;
            written(view.update_account(&account).await, &id)?;
            show(folder.json, &account_json(&account), &format!("disabled account {id}"))
        }
        AccountCommand::Delete { id, yes, folder } => {
            let (view, account) = existing(&folder, &id).await?;
            if !yes {
                return Err(CommandError::Usage(format!(
                    "this deletes account {id} with its webhooks, events and delivery records: add --yes"
                )));
            }
            written(view.delete_account(&account.id).await, &id)?;
            show(folder.json, &account_json(&account), &format!("deleted account {id}"))
        }
    }
}

pub(super) fn account_id(text: &str) -> Result<AccountId, CommandError> {
    AccountId::parse(text).ok_or_else(|| {
        CommandError::Usage(format!("{text:?} is not an account id: 1 to 63 lower-case letters, digits and dashes"))
    })
}

pub(super) async fn existing(folder: &FolderArgs, id: &str) -> Result<(StorePorts, Account), CommandError> {
    let (view, id) = (open_existing_ports(&folder.data)?, account_id(id)?);
    let account = view.account(&id).await.map_err(CommandError::of)?;
    account.map(|account| (view, account)).ok_or_else(|| CommandError::of(format!("there is no account {id}")))
}

fn written(answer: Result<bool, impl std::fmt::Display>, id: &str) -> Result<(), CommandError> {
    match answer {
        Ok(true) => Ok(()),
        Ok(false) => Err(CommandError::of(format!("there is no account {id}"))),
        Err(fault) => Err(CommandError::of(fault)),
    }
}

pub(super) fn check_name(argument: &str, name: &str) -> Result<(), CommandError> {
    if is_name(name) {
        return Ok(());
    }
    Err(CommandError::Usage(format!("{argument}: a name has 1 to 255 characters, and no control characters")))
}

fn apply(fields: &AccountArgs, account: &mut Account) -> Result<(), CommandError> {
    let AccountArgs { name, admin_mail, time_zone, custom_url } = fields;
    if let Some(name) = name {
        check_name("--name", name)?;
        account.name.clone_from(name);
    }
    if let Some(mails) = admin_mail {
        account.admin_mails = if mails.is_empty() {
            Vec::new()
        } else {
            MailAddress::parse_list(mails, MAX_ADMIN_MAILS).ok_or_else(|| {
                CommandError::Usage(format!(
                    "--admin-mail: {mails:?} is not a list of at most {MAX_ADMIN_MAILS} addresses"
                ))
            })?
        };
    }
    if let Some(zone) = time_zone {
        account.time_zone = TimeZone::parse(zone)
            .ok_or_else(|| CommandError::Usage(format!("--time-zone: {zone:?} is not an IANA time zone")))?;
    }
    if let Some(url) = custom_url {
        if !url.is_empty() && !is_link(url) {
            return Err(CommandError::Usage(format!("--custom-url: {url:?} is not an http(s) URL")));
        }
        account.custom_url = (!url.is_empty()).then(|| url.clone());
    }
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
