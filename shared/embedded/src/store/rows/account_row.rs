//! Accounts and tokens as rows.

use hookline_core::model::{Account, Person, Role, Token, TokenHash, TokenScope};
use hookline_core::values::{MailAddress, TimeZone};
use rusqlite::Row;
use uuid::Uuid;

use super::values::{account_id, time};
use crate::store::sqlite::errors::corrupt;

pub(crate) const ACCOUNT: &str = "a.id, a.name, a.admin_mails, a.time_zone, a.custom_url, a.disabled, a.created_at";
pub(crate) const TOKEN: &str =
    "t.id, t.hash, t.person_id, t.person_name, t.role, t.created_at, t.expires_at, t.parent, t.scope";

pub(crate) fn mails(addresses: &[MailAddress]) -> String {
    addresses.iter().map(MailAddress::as_str).collect::<Vec<_>>().join(",")
}

/// Addresses as they are stored: separated by commas, empty for none.
pub(crate) fn mails_from(text: &str) -> rusqlite::Result<Vec<MailAddress>> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    MailAddress::parse_list(text, usize::MAX).ok_or_else(|| corrupt("mail addresses"))
}

/// Reads the columns of [`ACCOUNT`], starting at `at`.
pub(crate) fn account_from(row: &Row<'_>, at: usize) -> rusqlite::Result<Account> {
    Ok(Account {
        id: account_id(row.get_ref(at)?.as_str()?)?,
        name: row.get(at + 1)?,
        admin_mails: mails_from(row.get_ref(at + 2)?.as_str()?)?,
        time_zone: TimeZone::parse(row.get_ref(at + 3)?.as_str()?).ok_or_else(|| corrupt("time zone"))?,
        custom_url: row.get(at + 4)?,
        disabled: row.get(at + 5)?,
        created_at: time(row.get(at + 6)?)?,
    })
}

/// Reads the columns of [`TOKEN`].
pub(crate) fn token_from(row: &Row<'_>) -> rusqlite::Result<Token> {
    Ok(Token {
        id: Uuid::from_bytes(row.get(0)?),
        hash: TokenHash(row.get(1)?),
        person: Person { id: row.get::<_, i64>(2)?.cast_unsigned(), name: row.get(3)? },
        role: Role::parse(row.get_ref(4)?.as_str()?).ok_or_else(|| corrupt("role"))?,
        created_at: time(row.get(5)?)?,
        expires_at: row.get::<_, Option<i64>>(6)?.map(time).transpose()?,
        parent: row.get::<_, Option<[u8; 16]>>(7)?.map(Uuid::from_bytes),
        scope: TokenScope::of(row.get::<_, Option<i64>>(8)?.map(i64::cast_unsigned)),
    })
}
