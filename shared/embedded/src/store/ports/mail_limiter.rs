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
                .prepare_cached(&format!("SELECT {}, failed, dropped FROM notices WHERE webhook = ?1", kind.sent_at()))?
                .query_row([webhook], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
                .optional()?;
            let (sent_at, failed, dropped) = last.unwrap_or_default();
            let over = millis_before(now, limits.interval);
            let day = millis(now).div_euclid(DAY);
            let (sent, addressees) = sent_on(connection, account, day)?;
            let mut to = match (sent_at <= over && sent < limits.per_day, kind.is_about_failures()) {
                (false, _) => Vec::new(),
                (true, true) => rested(connection, account, to, over)?,
                (true, false) => to,
            };
            to.truncate(limits.addressees_per_day.saturating_sub(addressees) as usize);
            if to.is_empty() {
                silence(connection, webhook, kind)?;
                return Ok(MailPermit::Suppressed);
            }
            count_day(connection, account, day, to.len())?;
            if !kind.is_about_failures() {
                take_of_state(connection, webhook, kind, now)?;
                return Ok(MailPermit::Send { to, failed: 0, dropped: 0 });
            }
            take(connection, account, webhook, &to, now)?;
            Ok(MailPermit::Send { to, failed, dropped })
        })
        .await
    }
}

/// How many mails were sent for an account on a day, and to how many addressees.
fn sent_on(connection: &Connection, account: i64, day: i64) -> rusqlite::Result<(u32, u32)> {
    connection
        .prepare_cached("SELECT sent, addressees FROM mail_days WHERE account = ?1 AND day = ?2")?
        .query_row([account, day], |row| Ok((row.get(0)?, row.get(1)?)))
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
        MailKind::Throttled | MailKind::Disabled | MailKind::Recovered => return Ok(()),
    };
    connection
        .prepare_cached(
            "INSERT INTO notices (webhook, sent_at, failed, dropped) VALUES (?1, 0, ?2, ?3)
             ON CONFLICT (webhook) DO UPDATE SET failed = failed + excluded.failed, dropped = dropped + excluded.dropped",
        )?
        .execute(params![webhook, failed, dropped])
        .map(|_| ())
}

/// Records that a mail about the state of a webhook is sent.
fn take_of_state(connection: &Connection, webhook: i64, kind: MailKind, now: Timestamp) -> rusqlite::Result<()> {
    let sent_at = kind.sent_at();
    connection
        .prepare_cached(&format!(
            "INSERT INTO notices (webhook, sent_at, failed, dropped, {sent_at}) VALUES (?1, 0, 0, 0, ?2)
             ON CONFLICT (webhook) DO UPDATE SET {sent_at} = excluded.{sent_at}"
        ))?
        .execute([webhook, millis(now)])
        .map(|_| ())
}

/// Counts a mail of a day and its addressees.
fn count_day(connection: &Connection, account: i64, day: i64, addressees: usize) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO mail_days (account, day, sent, addressees) VALUES (?1, ?2, 1, ?3)
             ON CONFLICT (account) DO UPDATE SET sent = iif(day = excluded.day, sent + 1, 1),
                 addressees = iif(day = excluded.day, addressees + excluded.addressees, excluded.addressees),
                 day = excluded.day",
        )?
        .execute(params![account, day, i64::try_from(addressees).unwrap_or(i64::MAX)])
        .map(|_| ())
}

/// Records that a mail about failures is sent.
fn take(
    connection: &Connection,
    account: i64,
    webhook: i64,
    to: &[MailAddress],
    now: Timestamp,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO notices (webhook, sent_at, failed, dropped) VALUES (?1, ?2, 0, 0)
             ON CONFLICT (webhook) DO UPDATE SET sent_at = excluded.sent_at, failed = 0, dropped = 0",
        )?
        .execute([webhook, millis(now)])?;
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
