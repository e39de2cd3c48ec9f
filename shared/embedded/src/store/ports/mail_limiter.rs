//! When mails about failures were sent (section 9): per webhook, per address of an account, and how many per account
//! and day.

use async_trait::async_trait;
use hookline_core::errors::PortResult;
use hookline_core::ids::{AccountId, WebhookId};
use hookline_core::ports::{MailKind, MailLimiter, MailLimits, MailPermit};
use hookline_core::values::MailAddress;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::store::database::StorePorts;
use crate::store::rows::values::{account_number, millis, millis_before};

/// Milliseconds of a day.
const DAY: i64 = 86_400_000;

#[async_trait]
impl MailLimiter for StorePorts {
    async fn admit(
        &self,
        account: &AccountId,
        webhook: WebhookId,
        to: &[MailAddress],
        kind: MailKind,
        now: Timestamp,
        limits: MailLimits,
    ) -> PortResult<MailPermit> {
        let (account, to) = (account.clone(), to.to_vec());
        // Webhook ids are unique in a deployment, so the webhook alone is the key.
        let webhook = webhook.0.cast_signed();
        self.ask(move |connection| {
            let Some(account) = account_number(connection, &account)? else { return Ok(MailPermit::Suppressed) };
            if !connection.prepare_cached("SELECT 1 FROM webhooks WHERE id = ?1")?.exists([webhook])? {
                // The webhook was deleted in the meantime, and its mail state with it.
                return Ok(MailPermit::Suppressed);
            }
            let last: Option<(i64, u32, u32)> = connection
                .prepare_cached("SELECT sent_at, failed, dropped FROM notices WHERE webhook = ?1")?
                .query_row([webhook], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
                .optional()?;
            let over = millis_before(now, limits.interval);
            let day = millis(now).div_euclid(DAY);
            let may =
                last.is_none_or(|(sent_at, ..)| sent_at <= over) && sent_on(connection, account, day)? < limits.per_day;
            let to = if may { rested(connection, account, to, over)? } else { Vec::new() };
            if to.is_empty() {
                silence(connection, webhook, kind)?;
                return Ok(MailPermit::Suppressed);
            }
            take(connection, account, webhook, &to, now, day)?;
            let (failed, dropped) = last.map_or((0, 0), |(_, failed, dropped)| (failed, dropped));
            Ok(MailPermit::Send { to, failed, dropped })
        })
        .await
    }
}

/// How many mails were sent for an account on a day.
fn sent_on(connection: &Connection, account: i64, day: i64) -> rusqlite::Result<u32> {
    connection
        .prepare_cached("SELECT sent FROM mail_days WHERE account = ?1 AND day = ?2")?
        .query_row([account, day], |row| row.get(0))
        .optional()
        .map(Option::unwrap_or_default)
}

/// The addresses that got no mail after `over`.
fn rested(
    connection: &Connection,
    account: i64,
    to: Vec<MailAddress>,
    over: i64,
) -> rusqlite::Result<Vec<MailAddress>> {
    let mut recent = connection
        .prepare_cached("SELECT 1 FROM mail_addresses WHERE account = ?1 AND address = ?2 AND sent_at > ?3")?;
    let mut rested = Vec::with_capacity(to.len());
    for address in to {
        if !recent.exists(params![account, key(&address), over])? {
            rested.push(address);
        }
    }
    Ok(rested)
}

/// Counts a mail that is not sent.
fn silence(connection: &Connection, webhook: i64, kind: MailKind) -> rusqlite::Result<()> {
    let (failed, dropped) = match kind {
        MailKind::Failed => (1, 0),
        MailKind::Dropped => (0, 1),
        MailKind::Throttled => return Ok(()),
    };
    connection
        .prepare_cached(
            "INSERT INTO notices (webhook, sent_at, failed, dropped) VALUES (?1, 0, ?2, ?3)
             ON CONFLICT (webhook) DO UPDATE SET failed = failed + excluded.failed, dropped = dropped + excluded.dropped",
        )?
        .execute(params![webhook, failed, dropped])
        .map(|_| ())
}

/// Records that a mail is sent.
fn take(
    connection: &Connection,
    account: i64,
    webhook: i64,
    to: &[MailAddress],
    now: Timestamp,
    day: i64,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO notices (webhook, sent_at, failed, dropped) VALUES (?1, ?2, 0, 0)
             ON CONFLICT (webhook) DO UPDATE SET sent_at = excluded.sent_at, failed = 0, dropped = 0",
        )?
        .execute([webhook, millis(now)])?;
    connection
        .prepare_cached(
            "INSERT INTO mail_days (account, day, sent) VALUES (?1, ?2, 1)
             ON CONFLICT (account) DO UPDATE SET sent = iif(day = excluded.day, sent + 1, 1), day = excluded.day",
        )?
        .execute([account, day])?;
    for address in to {
        connection
            .prepare_cached("INSERT OR REPLACE INTO mail_addresses (account, address, sent_at) VALUES (?1, ?2, ?3)")?
            .execute(params![account, key(address), millis(now)])?;
    }
    Ok(())
}

/// Addresses are compared without regard to case.
fn key(address: &MailAddress) -> String {
    address.as_str().to_ascii_lowercase()
}
