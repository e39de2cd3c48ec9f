//! The item of an account.

use hookline_core::errors::PortResult;
use hookline_core::model::Account;
use hookline_core::values::{MailAddress, TimeZone};

use crate::store::dynamo::{Item, ItemBuilder, ItemReader, corrupt, number};
use crate::store::keys;

/// The attribute that marks an account's item as a tombstone.
pub(in crate::store) const GONE: &str = "gone";

/// The item, unless it is a tombstone.
pub(in crate::store) fn living(item: &Item) -> Option<&Item> {
    (!item.contains_key(GONE)).then_some(item)
}

pub(in crate::store) fn to_item(account: &Account) -> Item {
    let Account { id, name, admin_mails, time_zone, custom_url, disabled, created_at } = account;
    let mails = admin_mails.iter().map(MailAddress::as_str).collect::<Vec<_>>().join(",");
    ItemBuilder::at(&keys::account(id))
        .text("id", id.as_str())
        .text("name", name)
        .text("admin_mails", mails)
        .text("time_zone", time_zone.name())
        .maybe_text("custom_url", custom_url.as_deref())
        .flag("disabled", *disabled)
        .set("created_at", number(created_at.as_millisecond()))
        .done()
}

/// Reads an account.
pub(in crate::store) fn from_item(item: &Item) -> PortResult<Account> {
    let read = ItemReader(item);
    Ok(Account {
        id: read.account("id")?,
        name: read.text("name")?.to_owned(),
        admin_mails: mails(read.text("admin_mails")?)?,
        time_zone: read.parsed("time_zone", TimeZone::parse)?,
        custom_url: read.owned("custom_url"),
        disabled: read.flag("disabled"),
        created_at: read.time("created_at")?,
    })
}

/// Parses mail addresses that commas separate.
pub(in crate::store) fn mails(text: &str) -> PortResult<Vec<MailAddress>> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    MailAddress::parse_list(text, usize::MAX).ok_or_else(|| corrupt("mail addresses"))
}
