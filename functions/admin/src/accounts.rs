//! The commands about accounts.

use hookline_aws::{Deployment, Table};
use hookline_core::account::{Account, AccountId, MOST_ADMIN_MAILS, is_name};
use hookline_core::clock::{Clock as _, System};
use hookline_core::mail_address::MailAddress;
use hookline_core::ports::Accounts as _;
use hookline_core::settings::is_link;
use hookline_core::time_zone::TimeZone;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::commands::text;

/// What an account shall have; what is not said stays as it is.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fields {
    id: String,
    name: Option<String>,
    admin_mails: Option<Vec<String>>,
    time_zone: Option<String>,
    custom_url: Option<String>,
    disabled: Option<bool>,
}

/// The id of an account.
pub(crate) fn account_id(id: &str) -> Result<AccountId, String> {
    let rule = "1 to 63 lower-case letters, digits and dashes";
    AccountId::parse(id).ok_or_else(|| format!("{id:?} is not an account id: {rule}"))
}

pub(crate) async fn create(table: &Table, fields: Fields) -> Result<Value, String> {
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
        Ok(shown(&account))
    } else {
        Err(format!("there is an account {}, or there was one until a short while ago", account.id))
    }
}

pub(crate) async fn update(table: &Table, fields: Fields) -> Result<Value, String> {
    let id = account_id(&fields.id)?;
    let none = || format!("there is no account {id}");
    let mut account = table.account(&id).await.map_err(text)?.ok_or_else(none)?;
    apply(fields, &mut account)?;
    if table.update_account(&account).await.map_err(text)? { Ok(shown(&account)) } else { Err(none()) }
}

pub(crate) async fn list(table: &Table) -> Result<Value, String> {
    let accounts = table.accounts().await.map_err(text)?;
    Ok(json!({"accounts": accounts.iter().map(shown).collect::<Vec<_>>()}))
}

pub(crate) async fn delete(deployment: &Deployment, id: &str, confirm: &str) -> Result<Value, String> {
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

fn apply(fields: Fields, account: &mut Account) -> Result<(), String> {
    let Fields { id: _, name, admin_mails, time_zone, custom_url, disabled } = fields;
    if let Some(name) = name {
        if !is_name(&name) {
            return Err("name: 1 to 255 characters, and no control characters".to_owned());
        }
        account.name = name;
    }
    if let Some(mails) = admin_mails {
        let parsed: Option<Vec<MailAddress>> = mails.iter().map(|mail| MailAddress::parse(mail)).collect();
        let parsed = parsed.filter(|mails| mails.len() <= MOST_ADMIN_MAILS);
        account.admin_mails =
            parsed.ok_or_else(|| format!("{mails:?} is not a list of at most {MOST_ADMIN_MAILS} addresses"))?;
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

fn shown(account: &Account) -> Value {
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
