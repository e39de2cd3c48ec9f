//! Mails that wait (section 9). A batch that a step has claimed is renamed, so that what joins later begins another one.

use async_trait::async_trait;
use hookline_core::errors::PortResult;
use hookline_core::ids::AccountId;
use hookline_core::model::{MailBatch, MailStep};
use hookline_core::ports::{MailBatchClaim, MailBatches};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::store::database::StorePorts;
use crate::store::rows::values::{account_number, from_json, millis, time, to_json};

#[async_trait]
impl MailBatches for StorePorts {
    async fn has_mail_batch(&self, account: &AccountId, name: &str) -> PortResult<bool> {
        self.store.read(|connection| {
            let Some(account) = account_number(connection, account)? else { return Ok(false) };
            connection
                .prepare_cached("SELECT 1 FROM mail_batches WHERE account = ?1 AND name = ?2")?
                .exists(params![account, name])
        })
    }

    async fn join_mail_batch(
        &self,
        account: &AccountId,
        name: &str,
        more: &MailBatch,
        due_at: Timestamp,
    ) -> PortResult<()> {
        let (account, name, more) = (account.clone(), name.to_owned(), more.clone());
        self.ask(move |connection| {
            let Some(account) = account_number(connection, &account)? else { return Ok(()) };
            let mut content = stored(connection, account, &name)?.map(|row| row.content).unwrap_or_default();
            content.join(&more);
            let content = to_json(&content, "mail batch")?;
            connection
                .prepare_cached(
                    "INSERT INTO mail_batches (account, name, due, lease, content) VALUES (?1, ?2, ?3, 0, ?4)
                     ON CONFLICT (account, name) DO UPDATE SET content = excluded.content",
                )?
                .execute(params![account, name, millis(due_at), content])
                .map(|_| ())
        })
        .await
    }

    async fn claim_mail_batch(
        &self,
        step: &MailStep,
        now: Timestamp,
        lease_until: Timestamp,
    ) -> PortResult<MailBatchClaim> {
        let step = step.clone();
        self.ask(move |connection| {
            let Some(account) = account_number(connection, &step.account)? else { return Ok(MailBatchClaim::Nothing) };
            let claimed = step.claimed_batch();
            let rename = |from: &str| {
                connection
                    .prepare_cached("UPDATE mail_batches SET name = ?3, lease = ?4 WHERE account = ?1 AND name = ?2")?
                    .execute(params![account, from, claimed, millis(lease_until)])
            };
            if let Some(row) = stored(connection, account, &claimed)? {
                if row.lease > millis(now) {
                    return Ok(MailBatchClaim::Busy { until: time(row.lease)? });
                }
                rename(&claimed)?;
                return Ok(MailBatchClaim::Interrupted(row.content));
            }
            match stored(connection, account, &step.batch)? {
                Some(row) if row.due <= millis(now) => {
                    rename(&step.batch)?;
                    Ok(MailBatchClaim::Won(row.content))
                }
                Some(_) | None => Ok(MailBatchClaim::Nothing),
            }
        })
        .await
    }

    async fn remove_mail_batch(&self, step: &MailStep) -> PortResult<()> {
        let step = step.clone();
        self.ask(move |connection| {
            let Some(account) = account_number(connection, &step.account)? else { return Ok(()) };
            connection
                .prepare_cached("DELETE FROM mail_batches WHERE account = ?1 AND name = ?2")?
                .execute(params![account, step.claimed_batch()])
                .map(|_| ())
        })
        .await
    }
}

struct BatchRow {
    due: i64,
    /// Until when it is claimed.
    lease: i64,
    content: MailBatch,
}

fn stored(connection: &Connection, account: i64, name: &str) -> rusqlite::Result<Option<BatchRow>> {
    connection
        .prepare_cached("SELECT due, lease, content FROM mail_batches WHERE account = ?1 AND name = ?2")?
        .query_row(params![account, name], |row| {
            Ok(BatchRow { due: row.get(0)?, lease: row.get(1)?, content: from_json(row, 2, "mail batch")? })
        })
        .optional()
}
