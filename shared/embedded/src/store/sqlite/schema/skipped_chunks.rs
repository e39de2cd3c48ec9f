//! Schema 6: the records of skipped messages become chunks.

use hookline_core::ids::{AccountId, DeliveryId, EventId, MessageId, WebhookId};
use hookline_core::model::skipped::MAX_WEBHOOKS;
use hookline_core::model::{EventName, SkipReason, SkippedChunk, SkippedWebhook};

use jiff::Timestamp;
use rusqlite::{Connection, params};

use crate::store::sqlite::errors::corrupt;

pub(super) fn write(connection: &Connection) -> rusqlite::Result<()> {
    let mut events = connection.prepare(
        "SELECT DISTINCT e.num, a.num, a.id, e.id, e.accepted_at, e.name
         FROM deliveries d JOIN events e ON e.num = d.event JOIN accounts a ON a.num = d.account WHERE d.outcome = 5",
    )?;
    let mut missed = connection.prepare(
        "SELECT webhook, error, custom_url, webhook_name FROM deliveries WHERE event = ?1 AND outcome = 5 ORDER BY webhook",
    )?;
    let mut insert = connection
        .prepare("INSERT INTO skipped (account, id, event, custom_url, webhooks) VALUES (?1, ?2, ?3, ?4, ?5)")?;
    let mut events = events.query([])?;
    while let Some(row) = events.next()? {
        let (event, account): (i64, i64) = (row.get(0)?, row.get(1)?);
        let account_id = AccountId::parse(row.get_ref(2)?.as_str()?).ok_or_else(|| corrupt("account id"))?;
        let event_id = EventId::parse(row.get_ref(3)?.as_str()?).ok_or_else(|| corrupt("event id"))?;
        let accepted_at = Timestamp::from_millisecond(row.get(4)?).map_err(|_| corrupt("time"))?;
        let name = row.get_ref(5)?.as_str()?;
        let name = EventName::builtin(name).or_else(|| EventName::own_type(name)).ok_or_else(|| corrupt("event"))?;
        let rows: Vec<(SkippedWebhook, Option<String>)> = missed
            .query_map([event], |row| {
                let error: Option<String> = row.get(1)?;
                let reason = error.as_deref().and_then(SkipReason::parse);
                let webhook = SkippedWebhook {
                    id: WebhookId(row.get::<_, i64>(0)?.cast_unsigned()),
                    reason: reason.unwrap_or(SkipReason::DisabledByAdministrator),
                    name: row.get(3)?,
                };
                Ok((webhook, row.get(2)?))
            })?
            .collect::<rusqlite::Result<_>>()?;
        for rows in rows.chunks(MAX_WEBHOOKS) {
            let Some((first, custom_url)) = rows.first() else { continue };
            let id = DeliveryId::of_skipped(&MessageId::derive(&account_id, &event_id, accepted_at, first.id));
            let webhooks: Vec<_> = rows.iter().map(|(webhook, _)| webhook.clone()).collect();
            let webhooks = SkippedChunk::encode_webhooks(&webhooks, &name);
            insert.execute(params![account, id.uuid().as_bytes(), event, custom_url, webhooks])?;
        }
    }
    connection.execute("DELETE FROM deliveries WHERE outcome = 5", []).map(|_| ())
}
