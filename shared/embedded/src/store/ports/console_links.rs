//! Console links, by the hash of their code.

use hookline_core::ids::AccountId;
use hookline_core::model::{ConsoleLink, TokenHash};
use hookline_core::ports::CreateTokenOutcome;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::store::rows::values::{account_number, from_json, millis, to_json};

/// Stores a link, unless the limit is reached. Expired links of the account are removed.
pub(super) fn create(
    connection: &Connection,
    account: &AccountId,
    hash: &TokenHash,
    link: &ConsoleLink,
    limit: u64,
) -> rusqlite::Result<CreateTokenOutcome> {
    let Some(account) = account_number(connection, account)? else { return Ok(CreateTokenOutcome::Gone) };
    let has_parent = connection
        .prepare_cached("SELECT 1 FROM tokens WHERE id = ?1 AND account = ?2")?
        .exists(params![link.parent.as_bytes(), account])?;
    if !has_parent {
        return Ok(CreateTokenOutcome::Gone);
    }
    connection
        .prepare_cached("DELETE FROM console_links WHERE account = ?1 AND expires_at <= ?2")?
        .execute(params![account, millis(link.created_at)])?;
    let live: i64 = connection
        .prepare_cached("SELECT count(*) FROM console_links WHERE account = ?1")?
        .query_row([account], |row| row.get(0))?;
    if live.cast_unsigned() >= limit {
        return Ok(CreateTokenOutcome::TooMany);
    }
    connection
        .prepare_cached("INSERT INTO console_links (hash, account, expires_at, record) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![hash.0, account, millis(link.expires_at), to_json(link, "console link")?])
        .map(|_| CreateTokenOutcome::Done)
}

/// Deletes a link and returns it, if it has not expired.
pub(super) fn take(
    connection: &Connection,
    account: &AccountId,
    hash: &TokenHash,
    now: Timestamp,
) -> rusqlite::Result<Option<ConsoleLink>> {
    let Some(account) = account_number(connection, account)? else { return Ok(None) };
    let link: Option<ConsoleLink> = connection
        .prepare_cached("DELETE FROM console_links WHERE hash = ?1 AND account = ?2 RETURNING record")?
        .query_row(params![hash.0, account], |row| from_json(row, 0, "console link"))
        .optional()?;
    Ok(link.filter(|link| link.expires_at > now))
}
