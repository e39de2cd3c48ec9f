//! Accounts, as operators manage them (section 11): the command line of the binary and the function `admin` call these.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::errors::OperatorError;
use crate::ids::AccountId;
use crate::model::Account;
use crate::model::account::{MAX_ADMIN_MAILS, is_name};
use crate::ports::Accounts;
use crate::settings::is_link;
use crate::values::{Clock, MailAddress, TimeZone};

/// An account to create or to change. What is absent stays as it is.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountInput {
    /// Its id.
    pub id: String,
    /// Its name; that of a new account is its id by default.
    pub name: Option<String>,
    /// Mail addresses of its administrators, at most 20.
    pub admin_mails: Option<Vec<String>>,
    /// An IANA time zone.
    pub time_zone: Option<String>,
    /// The `custom_url` of its messages; empty for none.
    pub custom_url: Option<String>,
    /// True to disable it, false to enable it.
    pub disabled: Option<bool>,
}

/// Creates an account.
///
/// # Errors
/// A field is wrong, or the id is taken.
pub async fn create(accounts: &dyn Accounts, clock: &dyn Clock, input: AccountInput) -> Result<Account, OperatorError> {
    let id = account_id(&input.id)?;
    let mut account = Account {
        name: id.to_string(),
        id,
        admin_mails: Vec::new(),
        time_zone: TimeZone::default(),
        custom_url: None,
        disabled: false,
        created_at: clock.now(),
    };
    apply(input, &mut account)?;
    if accounts.create_account(&account).await? {
        Ok(account)
    } else {
        Err(OperatorError::Refused(format!("account {} exists already, or was deleted a short while ago", account.id)))
    }
}

/// Changes an account.
///
/// # Errors
/// A field is wrong, or the account does not exist.
pub async fn update(accounts: &dyn Accounts, input: AccountInput) -> Result<Account, OperatorError> {
    let mut account = existing(accounts, &input.id).await?;
    apply(input, &mut account)?;
    if accounts.update_account(&account).await? { Ok(account) } else { Err(missing(&account.id)) }
}

/// Deletes an account with its tokens, webhooks, events and delivery records.
///
/// # Errors
/// The account does not exist.
pub async fn delete(accounts: &dyn Accounts, id: &AccountId) -> Result<(), OperatorError> {
    if accounts.delete_account(id).await? { Ok(()) } else { Err(missing(id)) }
}

/// The account with this id.
///
/// # Errors
/// The account does not exist.
pub async fn existing(accounts: &dyn Accounts, id: &str) -> Result<Account, OperatorError> {
    let id = account_id(id)?;
    accounts.account(&id).await?.ok_or_else(|| missing(&id))
}

/// Reads the id of an account.
///
/// # Errors
/// It breaks the rule of ids, which the error states.
pub fn account_id(id: &str) -> Result<AccountId, OperatorError> {
    let rule = "1 to 63 lower-case letters, digits and dashes";
    AccountId::parse(id).ok_or_else(|| OperatorError::Input(format!("{id:?} is not an account id: {rule}")))
}

/// An account as operators see it.
#[must_use]
pub fn shown(account: &Account) -> Value {
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

/// The error of an account that does not exist.
#[must_use]
pub fn missing(id: &AccountId) -> OperatorError {
    OperatorError::Refused(format!("account {id} does not exist"))
}

/// Reads the name of an account or a person.
pub(super) fn name(field: &str, text: String) -> Result<String, OperatorError> {
    let rule = "1 to 255 characters, without control characters";
    if is_name(&text) { Ok(text) } else { Err(OperatorError::Input(format!("{field}: {rule}"))) }
}

fn apply(input: AccountInput, account: &mut Account) -> Result<(), OperatorError> {
    let AccountInput { id: _, name: new_name, admin_mails, time_zone, custom_url, disabled } = input;
    let wrong = |reason: String| Err(OperatorError::Input(reason));
    if let Some(text) = new_name {
        account.name = name("name", text)?;
    }
    if let Some(mails) = admin_mails {
        let parsed: Option<Vec<MailAddress>> = mails.iter().map(|mail| MailAddress::parse(mail.trim())).collect();
        let Some(parsed) = parsed.filter(|mails| mails.len() <= MAX_ADMIN_MAILS) else {
            return wrong(format!("admin_mails: {mails:?} is not a list of at most {MAX_ADMIN_MAILS} mail addresses"));
        };
        account.admin_mails = parsed;
    }
    if let Some(zone) = time_zone {
        let Some(parsed) = TimeZone::parse(&zone) else {
            return wrong(format!("time_zone: {zone:?} is not an IANA time zone such as Europe/Amsterdam"));
        };
        account.time_zone = parsed;
    }
    if let Some(url) = custom_url {
        if !url.is_empty() && !is_link(&url) {
            return wrong(format!("custom_url: {url:?} is not an http(s) URL"));
        }
        account.custom_url = (!url.is_empty()).then_some(url);
    }
    account.disabled = disabled.unwrap_or(account.disabled);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account() -> Account {
        Account {
            id: AccountId::parse("wdc").unwrap(),
            name: "Widgets".to_owned(),
            admin_mails: vec![MailAddress::parse("ada@example.com").unwrap()],
            time_zone: TimeZone::default(),
            custom_url: Some("https://desk.example.com".to_owned()),
            disabled: true,
            created_at: jiff::Timestamp::UNIX_EPOCH,
        }
    }

    fn input(json: Value) -> AccountInput {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn what_is_absent_stays() {
        let mut changed = account();
        apply(input(json!({"id": "wdc"})), &mut changed).unwrap();
        assert_eq!(changed, account());
        let all = json!({"id": "wdc", "name": "W", "admin_mails": [], "time_zone": "Europe/Amsterdam", "custom_url": "",
            "disabled": false});
        apply(input(all), &mut changed).unwrap();
        let want = json!({"id": "wdc", "name": "W", "admin_mails": [], "time_zone": "Europe/Amsterdam",
            "custom_url": null, "disabled": false, "created_at": "1970-01-01T00:00:00Z"});
        assert_eq!(shown(&changed), want);
    }

    #[test]
    fn each_error_names_its_field() {
        let too_many = vec!["a@example.com"; MAX_ADMIN_MAILS + 1];
        for (field, value) in [
            ("name", json!("a\u{7}")),
            ("admin_mails", json!(["nobody"])),
            ("admin_mails", json!(too_many)),
            ("time_zone", json!("Mars/Olympus")),
            ("custom_url", json!("ftp://example.com")),
        ] {
            let error = apply(input(json!({"id": "wdc", field: value})), &mut account()).unwrap_err();
            assert!(error.to_string().starts_with(&format!("{field}: ")), "{error}");
            assert!(matches!(error, OperatorError::Input(_)));
        }
        assert!(account_id("Wdc").is_err());
        assert!(serde_json::from_value::<AccountInput>(json!({"id": "wdc", "nmae": "W"})).is_err());
    }
}
