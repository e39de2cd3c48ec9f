//! Webhooks, their subscriptions, and their health.

use async_trait::async_trait;
use hookline_core::errors::PortResult;
use hookline_core::ids::{AccountId, WebhookId};
use hookline_core::model::{AuditEntry, DeliveryTarget, Disabling, EventName, Subscriber, Webhook, WebhookHealth};
use hookline_core::ports::{CreateOutcome, UpdateOutcome, WebhookLimits, Webhooks};
use hookline_core::values::{ListQuery, Page};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::attachments;
use super::audit;
use super::policies::may_be_linked;
use crate::store::database::StorePorts;
use crate::store::lists::webhook_list;
use crate::store::rows::account_row::ACCOUNT;
use crate::store::rows::values::millis;
use crate::store::rows::webhook_row;
use crate::store::rows::webhook_row::{FROM, TARGET, WEBHOOK, health_from, record_from, target_from, webhook_from};

#[async_trait]
impl Webhooks for StorePorts {
    async fn allocate_webhook_id(&self) -> PortResult<WebhookId> {
        self.ask(|connection| {
            connection
                .prepare_cached(
                    "INSERT INTO counters (name, value) VALUES ('webhook', 1)
                     ON CONFLICT (name) DO UPDATE SET value = value + 1 RETURNING value",
                )?
                .query_row([], |row| Ok(WebhookId(row.get::<_, i64>(0)?.cast_unsigned())))
        })
        .await
    }

    async fn create_webhook(
        &self,
        webhook: &Webhook,
        limits: WebhookLimits,
        audit: &AuditEntry,
    ) -> PortResult<CreateOutcome> {
        self.store.webhooks_changed();
        let (webhook, audit) = (webhook.clone(), audit.clone());
        self.ask(move |connection| {
            let Some((account, webhooks, patterns)) = counts(connection, &webhook.account)? else {
                // The account was deleted after the caller was authenticated.
                return Ok(CreateOutcome::TooMany);
            };
            if webhooks >= limits.webhooks {
                return Ok(CreateOutcome::TooMany);
            }
            if webhook.events.have_pattern() && patterns >= limits.patterns {
                return Ok(CreateOutcome::TooManyPatterns);
            }
            if !may_be_linked(connection, account, webhook.policy)? {
                return Ok(CreateOutcome::NoPolicy);
            }
            if !attachments::may_be_attached(connection, account, &webhook)? {
                return Ok(CreateOutcome::NoAttachment);
            }
            webhook_row::insert(connection, account, &webhook)?;
            attachments::attach(connection, &webhook)?;
            count(connection, account, 1, i64::from(webhook.events.have_pattern()))?;
            audit::write(connection, account, &audit)?;
            Ok(CreateOutcome::Done)
        })
        .await
    }

    async fn webhook(&self, account: &AccountId, id: WebhookId) -> PortResult<Option<Webhook>> {
        self.store.read(|connection| {
            connection
                .prepare_cached(&format!("SELECT {WEBHOOK} FROM {FROM} WHERE a.id = ?1 AND w.id = ?2"))?
                .query_row(params![account.as_str(), id.0.cast_signed()], webhook_from)
                .optional()
        })
    }

    async fn list_webhooks(&self, account: &AccountId, query: &ListQuery) -> PortResult<Page<Webhook>> {
        let (account, query) = (account.clone(), query.clone());
        self.store.list(move |connection| webhook_list::page(connection, &account, &query)).await
    }

    async fn update_webhook(
        &self,
        webhook: &Webhook,
        limits: WebhookLimits,
        audit: &AuditEntry,
    ) -> PortResult<Result<UpdateOutcome, CreateOutcome>> {
        self.store.webhooks_changed();
        let (webhook, audit) = (webhook.clone(), audit.clone());
        self.ask(move |connection| update(connection, &webhook, limits, &audit)).await
    }

    async fn delete_webhook(
        &self,
        account: &AccountId,
        id: WebhookId,
        version: u64,
        audit: &AuditEntry,
    ) -> PortResult<UpdateOutcome> {
        self.store.webhooks_changed();
        let (account, audit) = (account.clone(), audit.clone());
        self.ask(move |connection| {
            let Some(stored) = stored(connection, &account, id)? else { return Ok(UpdateOutcome::Gone) };
            if stored.webhook.version != version {
                return Ok(UpdateOutcome::Conflict);
            }
            for sql in [
                "DELETE FROM webhooks WHERE id = ?1",
                "DELETE FROM subscriptions WHERE webhook = ?1",
                "DELETE FROM health WHERE webhook = ?1",
                "DELETE FROM notices WHERE webhook = ?1",
            ] {
                connection.prepare_cached(sql)?.execute([id.0.cast_signed()])?;
            }
            attachments::release(connection, id, audit.at)?;
            count(connection, stored.account, -1, -i64::from(stored.webhook.events.have_pattern()))?;
            audit::write(connection, stored.account, &audit)?;
            Ok(UpdateOutcome::Done)
        })
        .await
    }

    async fn subscribers(&self, account: &AccountId, event: &EventName) -> PortResult<Vec<Subscriber>> {
        self.store.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT record FROM webhooks WHERE id IN (SELECT s.webhook FROM accounts a
                        JOIN subscriptions s ON s.account = a.num
                        WHERE a.id = ?1 AND s.event IN (?2, ?3 || '.*', '*')) ORDER BY id",
                )?
                .query_map(params![account.as_str(), event.as_str(), event.noun()], |row| {
                    record_from(row, 0).map(|webhook| Subscriber::of(&webhook))
                })?
                .collect()
        })
    }

    async fn target(&self, account: &AccountId, id: WebhookId) -> PortResult<Option<DeliveryTarget>> {
        self.store.read(|connection| {
            connection
                .prepare_cached(&format!(
                    "SELECT {TARGET}, {ACCOUNT} FROM {FROM} LEFT JOIN policies p ON p.id = w.policy
                     WHERE a.id = ?1 AND w.id = ?2"
                ))?
                .query_row(params![account.as_str(), id.0.cast_signed()], target_from)
                .optional()
        })
    }

    async fn note_failure(
        &self,
        account: &AccountId,
        id: WebhookId,
        error: &str,
        at: Timestamp,
    ) -> PortResult<WebhookHealth> {
        let (account, error) = (account.clone(), error.to_owned());
        self.ask(move |connection| {
            connection
                .prepare_cached(
                    "INSERT INTO health (webhook, last_error, failures, first_failure_at)
                     SELECT w.id, ?3, 1, ?4 FROM accounts a JOIN webhooks w ON w.account = a.num
                     WHERE a.id = ?1 AND w.id = ?2
                     ON CONFLICT (webhook) DO UPDATE SET last_error = excluded.last_error, failures = failures + 1,
                        first_failure_at = coalesce(first_failure_at, excluded.first_failure_at)
                     RETURNING last_error, failures, first_failure_at",
                )?
                .query_row(params![account.as_str(), id.0.cast_signed(), error, millis(at)], |row| health_from(row, 0))
                .optional()
                // A deleted webhook has no health.
                .map(Option::unwrap_or_default)
        })
        .await
    }

    async fn note_success(&self, account: &AccountId, id: WebhookId) -> PortResult<()> {
        let account = account.clone();
        self.tell(move |connection| {
            connection
                .prepare_cached(
                    "DELETE FROM health WHERE webhook IN (SELECT w.id FROM accounts a JOIN webhooks w
                        ON w.account = a.num WHERE a.id = ?1 AND w.id = ?2)",
                )?
                .execute(params![account.as_str(), id.0.cast_signed()])
                .map(|_| ())
        })
        .await
    }

    async fn enable_webhook(
        &self,
        account: &AccountId,
        id: WebhookId,
        disabling: Disabling,
        audit: &AuditEntry,
    ) -> PortResult<bool> {
        self.store.webhooks_changed();
        let (account, audit) = (account.clone(), audit.clone());
        self.ask(move |connection| {
            let Some(StoredWebhook { account, mut webhook }) = stored(connection, &account, id)? else {
                return Ok(false);
            };
            let is_same = |stored: Disabling| stored.by == disabling.by && millis(stored.at) == millis(disabling.at);
            if !webhook.disabled || !webhook.disabling.is_some_and(is_same) {
                return Ok(false);
            }
            (webhook.disabled, webhook.disabling) = (false, None);
            webhook.updated_at = audit.at;
            webhook.version += 1;
            webhook_row::update_record(connection, &webhook)?;
            count_anew(connection, id)?;
            audit::write(connection, account, &audit)?;
            Ok(true)
        })
        .await
    }

    async fn disable_webhook(
        &self,
        account: &AccountId,
        id: WebhookId,
        disabling: Disabling,
        audit: &AuditEntry,
    ) -> PortResult<bool> {
        self.store.webhooks_changed();
        let (account, audit) = (account.clone(), audit.clone());
        self.ask(move |connection| {
            let Some(StoredWebhook { account, mut webhook }) = stored(connection, &account, id)? else {
                return Ok(false);
            };
            if webhook.disabled {
                return Ok(false);
            }
            (webhook.disabled, webhook.disabling) = (true, Some(disabling));
            webhook.updated_at = disabling.at;
            webhook.version += 1;
            webhook_row::update_record(connection, &webhook)?;
            audit::write(connection, account, &audit)?;
            Ok(true)
        })
        .await
    }
}

/// Starts a new failure count; the last error stays.
fn count_anew(connection: &Connection, id: WebhookId) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE health SET failures = 0, first_failure_at = NULL WHERE webhook = ?1")?
        .execute([id.0.cast_signed()])
        .map(|_| ())
}

/// The record of a stored webhook, and the number of its account.
struct StoredWebhook {
    account: i64,
    webhook: Webhook,
}

fn stored(connection: &Connection, account: &AccountId, id: WebhookId) -> rusqlite::Result<Option<StoredWebhook>> {
    connection
        .prepare_cached(
            "SELECT w.account, w.record FROM accounts a JOIN webhooks w ON w.account = a.num
             WHERE a.id = ?1 AND w.id = ?2",
        )?
        .query_row(params![account.as_str(), id.0.cast_signed()], |row| {
            Ok(StoredWebhook { account: row.get(0)?, webhook: record_from(row, 1)? })
        })
        .optional()
}

fn update(
    connection: &Connection,
    webhook: &Webhook,
    limits: WebhookLimits,
    audit: &AuditEntry,
) -> rusqlite::Result<Result<UpdateOutcome, CreateOutcome>> {
    let Some(StoredWebhook { account, webhook: stored }) = stored(connection, &webhook.account, webhook.id)? else {
        return Ok(Ok(UpdateOutcome::Gone));
    };
    if stored.version + 1 != webhook.version {
        return Ok(Ok(UpdateOutcome::Conflict));
    }
    let more_patterns = i64::from(webhook.events.have_pattern()) - i64::from(stored.events.have_pattern());
    if more_patterns > 0 {
        let patterns = counts(connection, &webhook.account)?.map_or(0, |(_, _, patterns)| patterns);
        if patterns >= limits.patterns {
            return Ok(Err(CreateOutcome::TooManyPatterns));
        }
    }
    if webhook.policy != stored.policy && !may_be_linked(connection, account, webhook.policy)? {
        return Ok(Err(CreateOutcome::NoPolicy));
    }
    if !attachments::may_be_attached(connection, account, webhook)? {
        return Ok(Err(CreateOutcome::NoAttachment));
    }
    webhook_row::update(connection, webhook)?;
    if webhook.events != stored.events {
        connection
            .prepare_cached("DELETE FROM subscriptions WHERE webhook = ?1")?
            .execute([webhook.id.0.cast_signed()])?;
        webhook_row::insert_subscriptions(connection, account, webhook)?;
    }
    attachments::attach(connection, webhook)?;
    if stored.disabled && !webhook.disabled || stored.uri != webhook.uri {
        count_anew(connection, webhook.id)?;
    }
    if more_patterns != 0 {
        count(connection, account, 0, more_patterns)?;
    }
    audit::write(connection, account, audit)?;
    Ok(Ok(UpdateOutcome::Done))
}

/// The number of an account, and how many webhooks it has: in all, and with a pattern.
fn counts(connection: &Connection, account: &AccountId) -> rusqlite::Result<Option<(i64, u64, u64)>> {
    connection
        .prepare_cached("SELECT num, webhooks, patterns FROM accounts WHERE id = ?1")?
        .query_row([account.as_str()], |row| {
            Ok((row.get(0)?, row.get::<_, i64>(1)?.cast_unsigned(), row.get::<_, i64>(2)?.cast_unsigned()))
        })
        .optional()
}

fn count(connection: &Connection, account: i64, webhooks: i64, patterns: i64) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE accounts SET webhooks = webhooks + ?2, patterns = patterns + ?3 WHERE num = ?1")?
        .execute([account, webhooks, patterns])
        .map(|_| ())
}
