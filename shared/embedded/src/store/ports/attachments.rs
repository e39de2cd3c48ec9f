//! Attachment rows: keys that were handed out, the uploads under them, and the webhooks they are attached to.

use hookline_core::errors::PortResult;
use hookline_core::ids::WebhookId;
use hookline_core::model::attachment::MAX_TOTAL;
use hookline_core::model::{Attachment, AttachmentKey, Sealed, Upload, Webhook};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::store::database::{Store, StorePorts};
use crate::store::rows::values::{account_number, millis, time};
use crate::store::sqlite::errors::corrupt;

/// How long an upload waits to be attached to a webhook, in milliseconds.
const WAITS: i64 = 24 * 3_600_000;
/// How long a detached file stays, in milliseconds: longer than its links are valid, and longer than a backup takes to
/// copy it.
const LINGERS: i64 = 3_600_000;

/// A file this close to its removal, in milliseconds, counts as removed: the sweep may be deleting it.
const TOO_LATE: i64 = 60_000;

/// The result of recording an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoteUploadOutcome {
    /// The upload is recorded.
    Done,
    /// Another upload under the key was recorded before, or the key is gone.
    TooLate,
    /// The account has no room for it.
    Full,
}

/// A key that was handed out.
pub(crate) struct HandedOutKey {
    /// The sealed secret that signs the upload and the downloads.
    pub(crate) secret: Sealed,
    /// When it was handed out.
    pub(crate) created_at: Timestamp,
    /// The file name, once uploaded.
    pub(crate) name: Option<String>,
    /// It belongs to a webhook.
    pub(crate) attached: bool,
}

impl StorePorts {
    /// Records a key that is handed out; `false` if the account has no room left.
    pub(crate) async fn hand_out(&self, key: &AttachmentKey, secret: Sealed, now: Timestamp) -> PortResult<bool> {
        let key = key.clone();
        self.ask(move |connection| {
            let Some(account) = account_number(connection, key.account())? else { return Ok(false) };
            if total(connection, account)? >= MAX_TOTAL.cast_signed() {
                return Ok(false);
            }
            connection
                .prepare_cached(
                    "INSERT INTO attachments (key, account, secret, created_at, gone_at) VALUES (?1, ?2, ?3, ?4, ?5)",
                )?
                .execute(params![key.to_string(), account, secret.0, millis(now), millis(now) + WAITS])?;
            Ok(true)
        })
        .await
    }

    /// Finds a key by its last part.
    pub(crate) fn handed_out(&self, id: uuid::Uuid) -> PortResult<Option<(AttachmentKey, HandedOutKey)>> {
        self.store.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT t.key, t.secret, t.created_at, t.name, t.webhook IS NOT NULL FROM attachments t
                     JOIN accounts a ON a.num = t.account WHERE t.key = a.id || '/' || ?1 AND NOT a.disabled",
                )?
                .query_row([id.to_string()], |row| {
                    let handed_out = HandedOutKey {
                        secret: Sealed(row.get(1)?),
                        created_at: time(row.get(2)?)?,
                        name: row.get(3)?,
                        attached: row.get(4)?,
                    };
                    Ok((key_from(row, 0)?, handed_out))
                })
                .optional()
        })
    }

    /// Records a completed upload.
    pub(crate) async fn note_upload(
        &self,
        key: &AttachmentKey,
        name: &str,
        size: u64,
    ) -> PortResult<NoteUploadOutcome> {
        let (key, name) = (key.clone(), name.to_owned());
        self.ask(move |connection| {
            let Some(account) = account_number(connection, key.account())? else {
                return Ok(NoteUploadOutcome::TooLate);
            };
            if total(connection, account)?.saturating_add(size.cast_signed()) > MAX_TOTAL.cast_signed() {
                return Ok(NoteUploadOutcome::Full);
            }
            let noted = connection
                .prepare_cached("UPDATE attachments SET name = ?2, size = ?3 WHERE key = ?1 AND size IS NULL")?
                .execute(params![key.to_string(), name, size.cast_signed()])?;
            Ok(if noted == 1 { NoteUploadOutcome::Done } else { NoteUploadOutcome::TooLate })
        })
        .await
    }

    /// A completed upload.
    pub(crate) fn upload(&self, key: &AttachmentKey) -> PortResult<Option<Upload>> {
        self.store.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT num, name, size, created_at, webhook FROM attachments WHERE key = ?1 AND size IS NOT NULL",
                )?
                .query_row([key.to_string()], |row| {
                    Ok(Upload {
                        id: row.get::<_, i64>(0)?.cast_unsigned(),
                        name: row.get(1)?,
                        size: row.get::<_, i64>(2)?.cast_unsigned(),
                        created_at: time(row.get(3)?)?,
                        webhook: row.get::<_, Option<i64>>(4)?.map(|id| WebhookId(id.cast_unsigned())),
                    })
                })
                .optional()
        })
    }
}

impl Store {
    /// The keys of at most `most` files that are no longer referenced.
    pub(crate) async fn gone_attachments(&self, now: Timestamp, most: u32) -> PortResult<Vec<AttachmentKey>> {
        self.list(move |connection| {
            connection
                .prepare_cached("SELECT key FROM attachments WHERE gone_at <= ?1 ORDER BY gone_at LIMIT ?2")?
                .query_map((millis(now), most), |row| key_from(row, 0))?
                .collect()
        })
        .await
    }

    /// Deletes keys whose files were removed.
    pub(crate) async fn forget_attachments(&self, keys: Vec<AttachmentKey>) -> PortResult<()> {
        self.api()
            .ask(move |connection| {
                let mut forget =
                    connection.prepare_cached("DELETE FROM attachments WHERE key = ?1 AND gone_at IS NOT NULL")?;
                for key in &keys {
                    forget.execute([key.to_string()])?;
                }
                Ok(())
            })
            .await
    }
}

/// The total size of an account's files, in bytes.
fn total(connection: &Connection, account: i64) -> rusqlite::Result<i64> {
    connection
        .prepare_cached("SELECT coalesce(sum(size), 0) FROM attachments WHERE account = ?1")?
        .query_row([account], |row| row.get(0))
}

fn key_from(row: &Row<'_>, at: usize) -> rusqlite::Result<AttachmentKey> {
    AttachmentKey::parse(row.get_ref(at)?.as_str()?).ok_or_else(|| corrupt("key of an attachment"))
}

/// True if all attachments of a webhook exist and belong to no other webhook.
pub(super) fn may_be_attached(connection: &Connection, account: i64, webhook: &Webhook) -> rusqlite::Result<bool> {
    let mut free = connection.prepare_cached(
        "SELECT 1 FROM attachments WHERE num = ?1 AND key = ?2 AND account = ?3 AND size IS NOT NULL
            AND (webhook IS NULL OR webhook = ?4) AND (gone_at IS NULL OR gone_at > ?5)",
    )?;
    let (own, near) = (webhook.id.0.cast_signed(), millis(webhook.updated_at) + TOO_LATE);
    for Attachment { id, key, .. } in &webhook.attachments {
        let is_free = free.exists(params![id.cast_signed(), key.to_string(), account, own, near])?;
        if !is_free {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Attaches files to a webhook, in the transaction that writes it, and releases those that it no longer has.
pub(super) fn attach(connection: &Connection, webhook: &Webhook) -> rusqlite::Result<()> {
    let id = webhook.id.0.cast_signed();
    release(connection, webhook.id, webhook.updated_at)?;
    let mut take = connection.prepare_cached("UPDATE attachments SET webhook = ?2, gone_at = NULL WHERE num = ?1")?;
    for attachment in &webhook.attachments {
        take.execute([attachment.id.cast_signed(), id])?;
    }
    Ok(())
}

/// Detaches all files from a webhook. The sweep removes them later.
pub(super) fn release(connection: &Connection, webhook: WebhookId, now: Timestamp) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE attachments SET webhook = NULL, gone_at = ?2 WHERE webhook = ?1")?
        .execute([webhook.0.cast_signed(), millis(now) + LINGERS])
        .map(|_| ())
}
