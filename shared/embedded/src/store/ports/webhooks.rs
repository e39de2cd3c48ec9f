//! Webhooks, their subscriptions, and their health.

use async_trait::async_trait;
use hookline_core::errors::PortResult;
use hookline_core::ids::{AccountId, PolicyId, WebhookId};
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
use crate::store::rows::policy_row::POLICY;
use crate::store::rows::values::{account_number, millis};
use crate::store::rows::webhook_row::attachments_to;
use crate::store::rows::webhook_row::{
    FROM, WEBHOOK, disabler_number, disabling_from, health_from, names_to, subscription, target_from, webhook_from,
};

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
        let (webhook, audit) = (webhook.clone(), audit.clone());
        self.ask(move |connection| {
            let Some((account, webhooks, patterns)) = counts(connection, &webhook.account)? else {
                // The account was deleted after the caller was authenticated.
                return Ok(CreateOutcome::TooMany);
            };
            if webhooks >= limits.webhooks {
                return Ok(CreateOutcome::TooMany);
            }
            if webhook.event.is_pattern() && patterns >= limits.patterns {
                return Ok(CreateOutcome::TooManyPatterns);
            }
            if !may_be_linked(connection, account, webhook.policy)? {
                return Ok(CreateOutcome::NoPolicy);
            }
            if !attachments::may_be_attached(connection, account, &webhook)? {
                return Ok(CreateOutcome::NoAttachment);
            }
            connection
                .prepare_cached(
                    "INSERT INTO webhooks (id, account, event, uri, host_hash, name, description, disabled,
                        mail_exceptions_to, policy, source, source_id, openid_connect_discovery, header_names, secrets,
                        secrets_version, verified, created_at, updated_at, version, disabled_by, disabled_at, attachments)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20,
                        ?21, ?22, ?23)",
                )?
                .execute(params![
                    webhook.id.0.cast_signed(),
                    account,
                    webhook.event.to_string(),
                    webhook.uri.masked(),
                    webhook.uri.host().hash().cast_signed(),
                    webhook.name,
                    webhook.description,
                    webhook.disabled,
                    webhook.mail_exceptions_to,
                    webhook.policy.map(|policy| policy.0.cast_signed()),
                    webhook.source,
                    webhook.source_id,
                    webhook.openid_connect_discovery,
                    names_to(&webhook.header_names),
                    webhook.secrets.0,
                    webhook.secrets_version.cast_signed(),
                    webhook.verified,
                    millis(webhook.created_at),
                    millis(webhook.updated_at),
                    webhook.version.cast_signed(),
                    webhook.disabling.map(|disabling| disabler_number(disabling.by)),
                    webhook.disabling.map(|disabling| millis(disabling.at)),
                    attachments_to(&webhook.attachments)?,
                ])?;
            attachments::attach(connection, &webhook)?;
            count(connection, account, 1, i64::from(webhook.event.is_pattern()))?;
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
        let (account, audit) = (account.clone(), audit.clone());
        self.ask(move |connection| {
            let Some(stored) = stored(connection, &account, id)? else { return Ok(UpdateOutcome::Gone) };
            if stored.version != version.cast_signed() {
                return Ok(UpdateOutcome::Conflict);
            }
            for sql in [
                "DELETE FROM webhooks WHERE id = ?1",
                "DELETE FROM health WHERE webhook = ?1",
                "DELETE FROM notices WHERE webhook = ?1",
            ] {
                connection.prepare_cached(sql)?.execute([id.0.cast_signed()])?;
            }
            attachments::release(connection, id, audit.at)?;
            count(connection, stored.account, -1, -i64::from(stored.is_pattern))?;
            audit::write(connection, stored.account, &audit)?;
            Ok(UpdateOutcome::Done)
        })
        .await
    }

    async fn subscribers(&self, account: &AccountId, event: &EventName) -> PortResult<Vec<Subscriber>> {
        self.store.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT w.id, w.name, w.event, w.host_hash, w.disabled, w.verified, w.disabled_by, w.disabled_at
                     FROM accounts a JOIN webhooks w ON w.account = a.num
                     WHERE a.id = ?1 AND w.event IN (?2, ?3 || '.*', '*') ORDER BY w.id",
                )?
                .query_map(params![account.as_str(), event.as_str(), event.noun()], |row| {
                    Ok(Subscriber {
                        webhook: WebhookId(row.get::<_, i64>(0)?.cast_unsigned()),
                        name: row.get(1)?,
                        subscription: subscription(row.get_ref(2)?.as_str()?)?,
                        host_hash: row.get::<_, i64>(3)?.cast_unsigned(),
                        enabled: !row.get::<_, bool>(4)?,
                        disabling: disabling_from(row, 6)?,
                        verified: row.get(5)?,
                    })
                })?
                .collect()
        })
    }

    async fn target(&self, account: &AccountId, id: WebhookId) -> PortResult<Option<DeliveryTarget>> {
        self.store.read(|connection| {
            connection
                .prepare_cached(&format!(
                    "SELECT w.name, w.uri, w.header_names, w.secrets, w.secrets_version, w.disabled OR a.disabled,
                        w.verified, w.openid_connect_discovery, w.mail_exceptions_to, a.admin_mails, a.name,
                        h.last_error, h.failures, h.first_failure_at, a.disabled, w.policy, {POLICY}
                     FROM accounts a JOIN webhooks w ON w.account = a.num LEFT JOIN health h ON h.webhook = w.id
                        LEFT JOIN policies p ON p.id = w.policy
                     WHERE a.id = ?1 AND w.id = ?2"
                ))?
                .query_row(params![account.as_str(), id.0.cast_signed()], |row| target_from(row, id))
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
        let (account, audit) = (account.clone(), audit.clone());
        self.ask(move |connection| {
            let Some(account) = account_number(connection, &account)? else { return Ok(false) };
            let rows = connection
                .prepare_cached(
                    "UPDATE webhooks SET disabled = 0, disabled_by = NULL, disabled_at = NULL, updated_at = ?5,
                        version = version + 1
                     WHERE id = ?2 AND account = ?1 AND disabled AND disabled_by = ?3 AND disabled_at = ?4",
                )?
                .execute(params![
                    account,
                    id.0.cast_signed(),
                    disabler_number(disabling.by),
                    millis(disabling.at),
                    millis(audit.at)
                ])?;
            if rows == 1 {
                count_anew(connection, id)?;
                audit::write(connection, account, &audit)?;
            }
            Ok(rows == 1)
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
        let (account, audit) = (account.clone(), audit.clone());
        self.ask(move |connection| {
            let Some(account) = account_number(connection, &account)? else { return Ok(false) };
            let rows = connection
                .prepare_cached(
                    "UPDATE webhooks SET disabled = 1, disabled_by = ?3, disabled_at = ?4, updated_at = ?4,
                        version = version + 1
                     WHERE id = ?2 AND account = ?1 AND NOT disabled",
                )?
                .execute(params![account, id.0.cast_signed(), disabler_number(disabling.by), millis(disabling.at)])?;
            if rows == 1 {
                audit::write(connection, account, &audit)?;
            }
            Ok(rows == 1)
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

/// What a conditional write needs of the stored webhook.
struct StoredWebhook {
    account: i64,
    policy: Option<PolicyId>,
    version: i64,
    is_pattern: bool,
    disabled: bool,
    uri: String,
}

fn stored(connection: &Connection, account: &AccountId, id: WebhookId) -> rusqlite::Result<Option<StoredWebhook>> {
    connection
        .prepare_cached(
            "SELECT w.account, w.version, w.event, w.policy, w.disabled, w.uri
             FROM accounts a JOIN webhooks w ON w.account = a.num
             WHERE a.id = ?1 AND w.id = ?2",
        )?
        .query_row(params![account.as_str(), id.0.cast_signed()], |row| {
            let is_pattern = subscription(row.get_ref(2)?.as_str()?)?.is_pattern();
            let policy = row.get::<_, Option<i64>>(3)?.map(|policy| PolicyId(policy.cast_unsigned()));
            let (disabled, uri) = (row.get(4)?, row.get(5)?);
            Ok(StoredWebhook { account: row.get(0)?, policy, version: row.get(1)?, is_pattern, disabled, uri })
        })
        .optional()
}

fn update(
    connection: &Connection,
    webhook: &Webhook,
    limits: WebhookLimits,
    audit: &AuditEntry,
) -> rusqlite::Result<Result<UpdateOutcome, CreateOutcome>> {
    let Some(stored) = stored(connection, &webhook.account, webhook.id)? else { return Ok(Ok(UpdateOutcome::Gone)) };
    if stored.version + 1 != webhook.version.cast_signed() {
        return Ok(Ok(UpdateOutcome::Conflict));
    }
    let more_patterns = i64::from(webhook.event.is_pattern()) - i64::from(stored.is_pattern);
    if more_patterns > 0 {
        let patterns = counts(connection, &webhook.account)?.map_or(0, |(_, _, patterns)| patterns);
        if patterns >= limits.patterns {
            return Ok(Err(CreateOutcome::TooManyPatterns));
        }
    }
    if webhook.policy != stored.policy && !may_be_linked(connection, stored.account, webhook.policy)? {
        return Ok(Err(CreateOutcome::NoPolicy));
    }
    if !attachments::may_be_attached(connection, stored.account, webhook)? {
        return Ok(Err(CreateOutcome::NoAttachment));
    }
    connection
        .prepare_cached(
            "UPDATE webhooks SET event = ?2, uri = ?3, host_hash = ?4, name = ?5, description = ?6, disabled = ?7,
                mail_exceptions_to = ?8, policy = ?9, source = ?10, source_id = ?11, openid_connect_discovery = ?12,
                header_names = ?13, secrets = ?14, secrets_version = ?15, verified = ?16, created_at = ?17,
                updated_at = ?18, version = ?19, disabled_by = ?20, disabled_at = ?21, attachments = ?22
             WHERE id = ?1",
        )?
        .execute(params![
            webhook.id.0.cast_signed(),
            webhook.event.to_string(),
            webhook.uri.masked(),
            webhook.uri.host().hash().cast_signed(),
            webhook.name,
            webhook.description,
            webhook.disabled,
            webhook.mail_exceptions_to,
            webhook.policy.map(|policy| policy.0.cast_signed()),
            webhook.source,
            webhook.source_id,
            webhook.openid_connect_discovery,
            names_to(&webhook.header_names),
            webhook.secrets.0,
            webhook.secrets_version.cast_signed(),
            webhook.verified,
            millis(webhook.created_at),
            millis(webhook.updated_at),
            webhook.version.cast_signed(),
            webhook.disabling.map(|disabling| disabler_number(disabling.by)),
            webhook.disabling.map(|disabling| millis(disabling.at)),
            attachments_to(&webhook.attachments)?,
        ])?;
    attachments::attach(connection, webhook)?;
    if stored.disabled && !webhook.disabled || stored.uri != webhook.uri.masked() {
        count_anew(connection, webhook.id)?;
    }
    if more_patterns != 0 {
        count(connection, stored.account, 0, more_patterns)?;
    }
    audit::write(connection, stored.account, audit)?;
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
