//! A webhook as a row: its record as JSON, and beside it what a delivery does not need.

use hookline_core::model::{DeliveryTarget, Webhook, WebhookHealth};
use rusqlite::{Connection, Row, params};

use super::account_row::account_from;
use super::policy_row::policy_from;
use super::values::{from_json, time, to_json};
use crate::store::sqlite::errors::corrupt;

/// The columns of a webhook `w` with its health `h`.
pub(crate) const WEBHOOK: &str = "w.record, w.description, w.attachments, h.last_error";

/// The tables of a webhook.
pub(crate) const FROM: &str = "accounts a JOIN webhooks w ON w.account = a.num LEFT JOIN health h ON h.webhook = w.id";

/// Reads the columns of [`WEBHOOK`].
pub(crate) fn webhook_from(row: &Row<'_>) -> rusqlite::Result<Webhook> {
    let record = record_from(row, 0)?;
    let attachments = from_json(row, 2, "attachments")?;
    Ok(Webhook { description: row.get(1)?, attachments, last_error: row.get(3)?, ..record })
}

/// Reads the record at `at`: a webhook without description, attachments and last error.
pub(crate) fn record_from(row: &Row<'_>, at: usize) -> rusqlite::Result<Webhook> {
    from_json(row, at, "webhook")
}

/// Writes a new webhook.
pub(crate) fn insert(connection: &Connection, account: i64, webhook: &Webhook) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO webhooks (id, account, host_hash, record, description, attachments)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            webhook.id.0.cast_signed(),
            account,
            webhook.uri.host().hash().cast_signed(),
            to_json(webhook, "webhook")?,
            webhook.description,
            to_json(&webhook.attachments, "attachments")?,
        ])?;
    insert_subscriptions(connection, account, webhook)
}

/// Writes the events of a webhook that has none.
pub(crate) fn insert_subscriptions(connection: &Connection, account: i64, webhook: &Webhook) -> rusqlite::Result<()> {
    let mut insert =
        connection.prepare_cached("INSERT INTO subscriptions (account, event, webhook) VALUES (?1, ?2, ?3)")?;
    webhook.events.iter().try_for_each(|event| {
        insert.execute(params![account, event.to_string(), webhook.id.0.cast_signed()]).map(|_| ())
    })
}

/// Writes all of a changed webhook but its events.
pub(crate) fn update(connection: &Connection, webhook: &Webhook) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE webhooks SET host_hash = ?2, description = ?3, attachments = ?4 WHERE id = ?1")?
        .execute(params![
            webhook.id.0.cast_signed(),
            webhook.uri.host().hash().cast_signed(),
            webhook.description,
            to_json(&webhook.attachments, "attachments")?,
        ])?;
    update_record(connection, webhook)
}

/// Writes the record of a changed webhook, and neither its description nor its attachments.
pub(crate) fn update_record(connection: &Connection, webhook: &Webhook) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE webhooks SET record = ?2 WHERE id = ?1")?
        .execute(params![webhook.id.0.cast_signed(), to_json(webhook, "webhook")?])
        .map(|_| ())
}

/// The health of a webhook, from the columns at `at`; all null if it is healthy.
pub(crate) fn health_from(row: &Row<'_>, at: usize) -> rusqlite::Result<WebhookHealth> {
    Ok(WebhookHealth {
        last_error: row.get(at)?,
        failures: row.get::<_, Option<u32>>(at + 1)?.unwrap_or_default(),
        first_failure_at: row.get::<_, Option<i64>>(at + 2)?.map(time).transpose()?,
    })
}

/// The columns of a delivery's target: health `h`, record of the webhook `w` and of its policy `p`, then the account `a`.
pub(crate) const TARGET: &str = "h.last_error, h.failures, h.first_failure_at, w.record, p.record";

/// Reads the columns of [`TARGET`], followed by those of the account. A webhook whose policy is missing is an error of
/// the store: no message goes out unsigned.
pub(crate) fn target_from(row: &Row<'_>) -> rusqlite::Result<DeliveryTarget> {
    let health = health_from(row, 0)?;
    let webhook = record_from(row, 3)?;
    let policy = webhook.policy.map(|_| policy_from(row, 4)).transpose()?;
    DeliveryTarget::new(webhook, &account_from(row, 5)?, policy, health).ok_or_else(|| corrupt("delivery target"))
}
