//! When mails about a webhook went out (section 9).

use std::time::Duration;

use async_trait::async_trait;
use hookline_core::account::AccountId;
use hookline_core::ports::{Admission, Answer, Notices};
use hookline_core::webhook::WebhookId;
use jiff::Timestamp;
use rusqlite::{OptionalExtension as _, params};

use super::View;
use super::rows::{millis, millis_before};

#[async_trait]
impl Notices for View {
    async fn admit(
        &self,
        _account: &AccountId,
        webhook: WebhookId,
        dropped: bool,
        now: Timestamp,
        interval: Duration,
    ) -> Answer<Admission> {
        // Ids of webhooks are given once per deployment, so the webhook alone is the key.
        let webhook = webhook.0.cast_signed();
        self.ask(move |connection| {
            let last: Option<(i64, u32, u32)> = connection
                .prepare_cached("SELECT sent_at, failed, dropped FROM notices WHERE webhook = ?1")?
                .query_row([webhook], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
                .optional()?;
            match last {
                Some((sent_at, ..)) if sent_at > millis_before(now, interval) => {
                    connection
                        .prepare_cached(
                            "UPDATE notices SET failed = failed + ?2, dropped = dropped + ?3 WHERE webhook = ?1",
                        )?
                        .execute(params![webhook, !dropped, dropped])?;
                    Ok(Admission::Silenced)
                }
                Some(_) | None => {
                    connection
                        .prepare_cached(
                            "INSERT INTO notices (webhook, sent_at, failed, dropped) VALUES (?1, ?2, 0, 0)
                             ON CONFLICT (webhook) DO UPDATE SET sent_at = excluded.sent_at, failed = 0, dropped = 0",
                        )?
                        .execute(params![webhook, millis(now)])?;
                    let (failed, dropped) = last.map_or((0, 0), |(_, failed, dropped)| (failed, dropped));
                    Ok(Admission::Send { failed, dropped })
                }
            }
        })
        .await
    }
}
