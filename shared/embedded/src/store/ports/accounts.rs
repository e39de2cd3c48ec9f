//! Accounts and tokens.

use async_trait::async_trait;
use hookline_core::errors::PortResult;
use hookline_core::ids::AccountId;
use hookline_core::model::{Account, Caller, ConsoleLink, Token, TokenHash};
use hookline_core::ports::{Accounts, CreateTokenOutcome};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};
use uuid::Uuid;

use super::console_links;
use crate::store::database::StorePorts;
use crate::store::rows::account_row::{ACCOUNT, TOKEN, account_from, mails, token_from};
use crate::store::rows::values::{account_number, millis};

#[async_trait]
impl Accounts for StorePorts {
    async fn create_account(&self, account: &Account) -> PortResult<bool> {
        let account = account.clone();
        self.ask(move |connection| {
            connection
                .prepare_cached(
                    "INSERT INTO accounts (id, name, admin_mails, time_zone, custom_url, disabled, created_at)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (id) DO NOTHING",
                )?
                .execute(params![
                    account.id.as_str(),
                    account.name,
                    mails(&account.admin_mails),
                    account.time_zone.name(),
                    account.custom_url,
                    account.disabled,
                    millis(account.created_at),
                ])
                .map(|rows| rows == 1)
        })
        .await
    }

    async fn account(&self, id: &AccountId) -> PortResult<Option<Account>> {
        self.store.read(|connection| {
            connection
                .prepare_cached(&format!("SELECT {ACCOUNT} FROM accounts a WHERE a.id = ?1"))?
                .query_row([id.as_str()], |row| account_from(row, 0))
                .optional()
        })
    }

    async fn accounts(&self) -> PortResult<Vec<Account>> {
        self.store
            .list(|connection| {
                connection
                    .prepare_cached(&format!("SELECT {ACCOUNT} FROM accounts a ORDER BY a.id"))?
                    .query_map([], |row| account_from(row, 0))?
                    .collect()
            })
            .await
    }

    async fn update_account(&self, account: &Account) -> PortResult<bool> {
        let account = account.clone();
        self.ask(move |connection| {
            connection
                .prepare_cached(
                    "UPDATE accounts SET name = ?2, admin_mails = ?3, time_zone = ?4, custom_url = ?5, disabled = ?6
                     WHERE id = ?1",
                )?
                .execute(params![
                    account.id.as_str(),
                    account.name,
                    mails(&account.admin_mails),
                    account.time_zone.name(),
                    account.custom_url,
                    account.disabled,
                ])
                .map(|rows| rows == 1)
        })
        .await
    }

    async fn delete_account(&self, id: &AccountId) -> PortResult<bool> {
        self.store.webhooks_changed();
        let id = id.clone();
        self.ask(move |connection| {
            let Some(number) = account_number(connection, &id)? else { return Ok(false) };
            // An account can have many events and records. Without the account they cannot be found, and retention
            // removes them in small steps.
            for sql in [
                "INSERT INTO gone_accounts (num) VALUES (?1)",
                "DELETE FROM health WHERE webhook IN (SELECT id FROM webhooks WHERE account = ?1)",
                "DELETE FROM notices WHERE webhook IN (SELECT id FROM webhooks WHERE account = ?1)",
                "DELETE FROM mail_addresses WHERE account = ?1",
                "DELETE FROM mail_days WHERE account = ?1",
                "DELETE FROM hosts WHERE account = ?1",
                "UPDATE attachments SET webhook = NULL, gone_at = 0 WHERE account = ?1",
                "DELETE FROM webhooks WHERE account = ?1",
                "DELETE FROM subscriptions WHERE account = ?1",
                "DELETE FROM event_types WHERE account = ?1",
                "DELETE FROM policies WHERE account = ?1",
                "DELETE FROM redeliveries WHERE account = ?1",
                "DELETE FROM tokens WHERE account = ?1",
                "DELETE FROM console_links WHERE account = ?1",
                "DELETE FROM data_keys WHERE account = ?1",
                "DELETE FROM accounts WHERE num = ?1",
            ] {
                connection.prepare_cached(sql)?.execute([number])?;
            }
            Ok(true)
        })
        .await
    }

    async fn create_token(&self, account: &AccountId, token: &Token, limit: u64) -> PortResult<CreateTokenOutcome> {
        let (account, token) = (account.clone(), token.clone());
        self.ask(move |connection| create_token(connection, &account, &token, limit)).await
    }

    async fn caller(&self, hash: &TokenHash, now: Timestamp) -> PortResult<Option<Caller>> {
        self.store.read(|connection| {
            connection
                .prepare_cached(&format!(
                    "SELECT {TOKEN}, {ACCOUNT} FROM tokens t JOIN accounts a ON a.num = t.account
                     WHERE t.hash = ?1 AND (t.expires_at IS NULL OR t.expires_at > ?2) AND NOT a.disabled"
                ))?
                .query_row(params![hash.0, millis(now)], |row| {
                    Ok(Caller { token: token_from(row)?, account: account_from(row, 9)? })
                })
                .optional()
        })
    }

    async fn tokens(&self, account: &AccountId) -> PortResult<Vec<Token>> {
        let account = account.clone();
        self.store
            .list(move |connection| {
                connection
                    .prepare_cached(&format!(
                        "SELECT {TOKEN} FROM accounts a JOIN tokens t ON t.account = a.num
                         WHERE a.id = ?1 AND t.parent IS NULL ORDER BY t.created_at, t.num"
                    ))?
                    .query_map([account.as_str()], token_from)?
                    .collect()
            })
            .await
    }

    async fn revoke_token(&self, id: Uuid) -> PortResult<bool> {
        self.ask(move |connection| {
            let rows = connection
                .prepare_cached("DELETE FROM tokens WHERE id = ?1 OR parent = ?1")?
                .execute([id.as_bytes()])?;
            Ok(rows > 0)
        })
        .await
    }

    async fn create_console_link(
        &self,
        account: &AccountId,
        hash: &TokenHash,
        link: &ConsoleLink,
        limit: u64,
    ) -> PortResult<CreateTokenOutcome> {
        let (account, hash, link) = (account.clone(), *hash, link.clone());
        self.ask(move |connection| console_links::create(connection, &account, &hash, &link, limit)).await
    }

    async fn take_console_link(
        &self,
        account: &AccountId,
        hash: &TokenHash,
        now: Timestamp,
    ) -> PortResult<Option<ConsoleLink>> {
        let (account, hash) = (account.clone(), *hash);
        self.ask(move |connection| console_links::take(connection, &account, &hash, now)).await
    }
}

fn create_token(
    connection: &Connection,
    account: &AccountId,
    token: &Token,
    limit: u64,
) -> rusqlite::Result<CreateTokenOutcome> {
    let Token { id, hash, person, role, created_at, expires_at, parent, scope } = token;
    let Some(account) = account_number(connection, account)? else { return Ok(CreateTokenOutcome::Gone) };
    let parent = parent.map(Uuid::into_bytes);
    let scope = scope.number().map(u64::cast_signed);
    if let Some(parent) = parent {
        let is_there = connection
            .prepare_cached("SELECT 1 FROM tokens WHERE id = ?1 AND account = ?2")?
            .exists(params![parent, account])?;
        if !is_there {
            return Ok(CreateTokenOutcome::Gone);
        }
        connection
            .prepare_cached("DELETE FROM tokens WHERE parent = ?1 AND expires_at <= ?2")?
            .execute(params![parent, millis(*created_at)])?;
    }
    let siblings: i64 = connection
        .prepare_cached(
            "SELECT count(*) FROM tokens WHERE account = ?1 AND parent IS ?2 AND (expires_at IS NULL OR expires_at > ?3)
                AND (scope IS NULL) = (?4 IS NULL)",
        )?
        .query_row(params![account, parent, millis(*created_at), scope], |row| row.get(0))?;
    if siblings.cast_unsigned() >= limit {
        return Ok(CreateTokenOutcome::TooMany);
    }
    connection
        .prepare_cached(
            "INSERT INTO tokens (id, hash, account, person_id, person_name, role, created_at, expires_at, parent, scope)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?
        .execute(params![
            id.as_bytes(),
            hash.0,
            account,
            person.id.cast_signed(),
            person.name,
            role.as_str(),
            millis(*created_at),
            expires_at.map(millis),
            parent,
            scope,
        ])
        .map(|_| CreateTokenOutcome::Done)
}
