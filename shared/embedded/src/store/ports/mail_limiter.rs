//! When mails about failures were sent (section 9): per webhook, per address of an account, and how many per account
//! and day.

use async_trait::async_trait;
use hookline_core::errors::PortResult;
use hookline_core::ids::{AccountId, WebhookId};
use hookline_core::model::MailKind;
use hookline_core::ports::{MailLimiter, MailLimits, MailPermit};
use hookline_core::values::MailAddress;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::store::database::StorePorts;
use crate::store::rows::values::{account_number, millis, millis_before};

/// Milliseconds of a day.
const DAY: i64 = 86_400_000;

#[async_trait]
impl MailLimiter for StorePorts {
    async fn admit(
        &self,
        account: &AccountId,
        webhooks: &[WebhookId],
        to: &[MailAddress],
        kind: MailKind,
        now: Timestamp,
        limits: MailLimits,
    ) -> PortResult<MailPermit> {
        let (account, webhooks, to) = (account.clone(), webhooks.to_vec(), to.to_vec());
        self.ask(move |connection| {
            let Some(account) = account_number(connection, &account)? else { return Ok(MailPermit::Suppressed) };
            let over = millis_before(now, limits.interval);
            let known = known(connection, &webhooks, kind)?;
            let rested: Vec<&WebhookMails> = known.iter().filter(|last| last.sent_at <= over).collect();
            let day = millis(now).div_euclid(DAY);
            let (sent, addressees) = sent_on(connection, account, day)?;
            let mut to = match (sent < limits.per_day, kind.is_about_failures()) {
                (false, _) => Vec::new(),
                (true, true) => rested_addresses(connection, account, to, over)?,
                (true, false) => to,
            };
            to.truncate(limits.addressees_per_day.saturating_sub(addressees) as usize);
            if rested.is_empty() || to.is_empty() {
                known.iter().try_for_each(|last| silence(connection, last.webhook, kind))?;
                return Ok(if rested.is_empty() { MailPermit::Suppressed } else { MailPermit::Beyond });
            }
            count_day(connection, account, day, to.len())?;
            let (mut failed, mut dropped) = (0, 0);
            for last in &rested {
                if kind.is_about_failures() {
                    take(connection, account, last.webhook, &to, now)?;
                    (failed, dropped) = (failed + last.failed, dropped + last.dropped);
                } else {
                    take_of_state(connection, last.webhook, kind, now)?;
                }
            }
            let webhooks = rested.iter().map(|last| WebhookId(last.webhook.cast_unsigned())).collect();
            Ok(MailPermit::Send { to, webhooks, failed, dropped })
        })
        .await
    }
}

/// The last mail about a webhook, and what was suppressed since.
struct WebhookMails {
    webhook: i64,
    sent_at: i64,
    failed: u32,
    dropped: u32,
}

/// The last mails about webhooks. One that was deleted in the meantime, and its mail state with it, is left out. Webhook
/// ids are unique in a deployment, so the webhook alone is the key.
fn known(connection: &Connection, webhooks: &[WebhookId], kind: MailKind) -> rusqlite::Result<Vec<WebhookMails>> {
    let mut read = connection.prepare_cached(&format!(
        "SELECT coalesce(n.{}, 0), coalesce(n.failed, 0), coalesce(n.dropped, 0)
         FROM webhooks w LEFT JOIN notices n ON n.webhook = w.id WHERE w.id = ?1",
        kind.sent_at()
    ))?;
    let mut known = Vec::with_capacity(webhooks.len());
    for webhook in webhooks {
        let webhook = webhook.0.cast_signed();
        let last = |row: &Row<'_>| {
            Ok(WebhookMails { webhook, sent_at: row.get(0)?, failed: row.get(1)?, dropped: row.get(2)? })
        };
        known.extend(read.query_row([webhook], last).optional()?);
    }
    Ok(known)
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
fn rested_addresses(
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
