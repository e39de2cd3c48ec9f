//! The port for webhooks. A webhook, its entry in the list, its subscriptions and the counters change in one
//! transaction, whose size [`MAX_LINKED_WRITES`](hookline_core::model::MAX_LINKED_WRITES) bounds.

use std::sync::Arc;

use async_trait::async_trait;
use hookline_core::errors::{PortError, PortResult};
use hookline_core::ids::{AccountId, WebhookId};
use hookline_core::model::event::AUTOMATION_RULE;
use hookline_core::model::{AuditEntry, DeliveryTarget, Disabling, EventName, Subscriber, Webhook, WebhookHealth};
use hookline_core::ports::{CreateOutcome, UpdateOutcome, WebhookLimits, Webhooks};
use hookline_core::values::{ListQuery, Page};
use jiff::Timestamp;

use super::enabling::EnableChange;
use crate::store::dynamo::{
    Item, ItemReader, PartitionQuery, ReturnItem, SortKeyRange, Table, Write, WriteOutcome, item, number, text, time,
};
use crate::store::items::account_item::living;
use crate::store::items::attachment_item::{attach, from_attribute, release};
use crate::store::items::policy_item::{self, link, unlink};
use crate::store::items::webhook_item;
use crate::store::items::webhook_item::WebhookItems;
use crate::store::keys;

#[async_trait]
impl Webhooks for Table {
    async fn allocate_webhook_id(&self) -> PortResult<WebhookId> {
        self.count_up("webhooks").await.map(WebhookId)
    }

    async fn create_webhook(
        &self,
        webhook: &Webhook,
        limits: WebhookLimits,
        audit: &AuditEntry,
    ) -> PortResult<CreateOutcome> {
        let WebhookItems { state, text, entry, subscriptions } = webhook_item::items(webhook);
        let account = Write::check(keys::account(&webhook.account));
        let mut writes = vec![
            count(&webhook.account, 1, i64::from(webhook.events.have_pattern()), limits),
            account.when("attribute_exists(#pk) AND attribute_not_exists(#gone)"),
            Write::put(state).when_absent(),
            Write::put(entry),
            self.audit_write(audit).await?,
        ];
        let policy = writes.len();
        writes.extend(webhook.policy.map(|policy| link(&webhook.account, policy)));
        writes.extend(text.map(Write::put));
        writes.extend(subscriptions.into_iter().map(Write::put));
        let attachments = writes.len();
        writes.extend(attach(webhook, &[]));
        let Err(failed) = self.transact(&writes).await? else { return Ok(CreateOutcome::Done) };
        match failed.into_iter().next() {
            Some((0, counters)) => full(counters.as_ref(), limits),
            // The account may have been deleted since the request was authenticated. Nothing can be created in it.
            Some((1, _)) => Ok(CreateOutcome::TooMany),
            Some((write, _)) if write >= attachments => Ok(CreateOutcome::NoAttachment),
            Some((write, _)) if write == policy => Ok(CreateOutcome::NoPolicy),
            Some(_) | None => Err(PortError::unavailable("store", "a webhook id was allocated twice")),
        }
    }

    async fn webhook(&self, account: &AccountId, id: WebhookId) -> PortResult<Option<Webhook>> {
        let items = self.webhook_items(account, id).await?;
        let Some(state) = find(&items, keys::STATE) else { return Ok(None) };
        webhook_item::webhook(account, state, find(&items, keys::HEALTH), find(&items, keys::TEXT)).map(Some)
    }

    async fn list_webhooks(&self, account: &AccountId, query: &ListQuery) -> PortResult<Page<Webhook>> {
        self.webhook_page(account, query).await
    }

    async fn update_webhook(
        &self,
        webhook: &Webhook,
        limits: WebhookLimits,
        audit: &AuditEntry,
    ) -> PortResult<Result<UpdateOutcome, CreateOutcome>> {
        let (account, id) = (&webhook.account, webhook.id);
        let items = self.webhook_items(account, id).await?;
        let Some(stored) = find(&items, keys::STATE) else { return Ok(Ok(UpdateOutcome::Gone)) };
        let before = webhook_item::events(stored)?;
        let read_version: u64 = stored.number("version")?;
        if read_version + 1 != webhook.version {
            return Ok(Ok(UpdateOutcome::Conflict));
        }
        let WebhookItems { state, text, entry, subscriptions } = webhook_item::items(webhook);
        let same_version = Write::put(state).when("#version = :version").with("version", number(read_version));
        let mut writes = vec![same_version, Write::put(entry), self.audit_write(audit).await?];
        writes.extend(subscriptions.into_iter().map(Write::put));
        let kept = webhook_item::subscriptions(account, &webhook.events, id);
        let lost = webhook_item::subscriptions(account, &before, id);
        let lost = lost.into_iter().filter(|(key, _)| kept.iter().all(|(other, _)| other != key));
        writes.extend(lost.map(|(key, _)| Write::delete(key)));
        if stored.flag("disabled") && !webhook.disabled || stored.text("uri")? != webhook.uri.masked() {
            // Changing the URI or enabling the webhook resets the count of failures.
            let health = keys::of_webhook(account, id, keys::HEALTH);
            let reset = Write::update(health, "SET #failures = :none REMOVE #first_failure_at");
            writes.push(reset.with("none", number(0)));
        }
        let description = keys::of_webhook(account, id, keys::TEXT);
        writes.push(text.map_or_else(|| Write::delete(description), Write::put));
        let more_patterns = i64::from(webhook.events.have_pattern()) - i64::from(before.have_pattern());
        let counters = writes.len();
        if more_patterns != 0 {
            writes.push(count(account, 0, more_patterns, limits));
        }
        let policy = webhook_item::policy_id(stored)?;
        let policies = writes.len();
        if policy != webhook.policy {
            writes.extend(webhook.policy.map(|policy| link(account, policy)));
            writes.extend(policy.map(|policy| unlink(account, policy)));
        }
        let attachments = writes.len();
        writes.extend(attach(webhook, &from_attribute(find(&items, keys::TEXT))?));
        let Err(failed) = self.transact(&writes).await? else { return Ok(Ok(UpdateOutcome::Done)) };
        for (write, item) in failed {
            match (write, item) {
                (0, None) => return Ok(Ok(UpdateOutcome::Gone)),
                (0, Some(_)) => return Ok(Ok(UpdateOutcome::Conflict)),
                (write, _) if write == counters && more_patterns != 0 => {
                    return Ok(Err(CreateOutcome::TooManyPatterns));
                }
                (write, _) if write >= attachments => return Ok(Err(CreateOutcome::NoAttachment)),
                (write, _) if write == policies => return Ok(Err(CreateOutcome::NoPolicy)),
                _ => {}
            }
        }
        Err(PortError::unavailable("store", "a change of a webhook was rejected"))
    }

    async fn delete_webhook(
        &self,
        account: &AccountId,
        id: WebhookId,
        version: u64,
        audit: &AuditEntry,
    ) -> PortResult<UpdateOutcome> {
        let key = keys::of_webhook(account, id, keys::STATE);
        let items = self.webhook_items(account, id).await?;
        let Some(stored) = find(&items, keys::STATE) else { return Ok(UpdateOutcome::Gone) };
        if stored.number::<u64>("version")? != version {
            return Ok(UpdateOutcome::Conflict);
        }
        let events = webhook_item::events(stored)?;
        let none = WebhookLimits { webhooks: u64::MAX, patterns: u64::MAX };
        let mut writes = vec![
            Write::delete(key).when("#version = :version").with("version", number(version)),
            Write::delete(keys::webhook_entry(account, id)),
            Write::delete(keys::of_webhook(account, id, keys::TEXT)),
            Write::delete(keys::of_webhook(account, id, keys::HEALTH)),
            Write::delete(keys::webhook_mails(account, id)),
            count(account, -1, -i64::from(events.have_pattern()), none),
            self.audit_write(audit).await?,
        ];
        writes.extend(webhook_item::subscriptions(account, &events, id).into_iter().map(|(key, _)| Write::delete(key)));
        writes.extend(webhook_item::policy_id(stored)?.map(|policy| unlink(account, policy)));
        writes.extend(release(id, &from_attribute(find(&items, keys::TEXT))?, audit.at));
        Ok(match self.transact(&writes).await? {
            Ok(()) => UpdateOutcome::Done,
            Err(failed) if failed.iter().any(|(write, item)| *write == 0 && item.is_none()) => UpdateOutcome::Gone,
            Err(_) => UpdateOutcome::Conflict,
        })
    }

    async fn subscribers(&self, account: &AccountId, event: &EventName) -> PortResult<Vec<Subscriber>> {
        let exact = self.query_shared(keys::subscribers(account, event), SortKeyRange::All);
        // No pattern matches a rule's event.
        let patterned = event.as_str() != AUTOMATION_RULE;
        let patterns = async {
            if patterned {
                self.query_shared(keys::patterns(account), SortKeyRange::All).await
            } else {
                Ok(Arc::default())
            }
        };
        let (exact, patterns) = tokio::try_join!(exact, patterns)?;
        let all = exact.iter().chain(patterns.iter()).map(|item| webhook_item::subscriber(ItemReader(item)));
        let mut subscribers = all.collect::<PortResult<Vec<_>>>()?;
        subscribers.retain(|subscriber| subscriber.subscriptions.match_event(event));
        subscribers.sort_unstable_by_key(|subscriber| subscriber.webhook);
        // A webhook may have an entry for its name and one for its patterns.
        subscribers.dedup_by_key(|subscriber| subscriber.webhook);
        Ok(subscribers)
    }

    async fn target(&self, account: &AccountId, id: WebhookId) -> PortResult<Option<DeliveryTarget>> {
        let range = SortKeyRange::Prefix(keys::NOW.to_owned());
        let own = self.query_shared(keys::webhook(account, id), range);
        let account_key = keys::account(account);
        let (items, mut account) = tokio::try_join!(own, self.get_shared(&account_key, false))?;
        if account.first().and_then(living).is_none() {
            // The account may have been created a moment ago.
            account = Arc::new(self.get(&account_key).await?.into_iter().collect());
        }
        let Some(account) = account.first().and_then(living) else { return Ok(None) };
        let Some(state) = find(&items, keys::STATE) else { return Ok(None) };
        let policy = match webhook_item::policy_id(state)? {
            Some(id) => {
                // A missing policy is a fault of the store. Nothing is sent unsigned.
                let account = ItemReader(account).account("id")?;
                let item = self.get_shared(&keys::policy(&account, id), true).await?;
                let policy = item.first().map(|item| policy_item::from_item(&account, ItemReader(item))).transpose()?;
                Some(policy.ok_or_else(|| item::corrupt("policy"))?)
            }
            None => None,
        };
        webhook_item::target(account, state, find(&items, keys::HEALTH), policy).map(Some)
    }

    async fn note_failure(
        &self,
        account: &AccountId,
        id: WebhookId,
        error: &str,
        at: Timestamp,
    ) -> PortResult<WebhookHealth> {
        let change = "SET #last_error = :error, #first_failure_at = if_not_exists(#first_failure_at, :at) \
                      ADD #failures :one";
        let write = Write::update(keys::of_webhook(account, id, keys::HEALTH), change);
        let write = write.with("error", text(error)).with("at", time(at)).with("one", number(1));
        match self.write(write, ReturnItem::New).await? {
            WriteOutcome::Applied(Some(item)) => webhook_item::health(ItemReader(&item)),
            WriteOutcome::Applied(None) | WriteOutcome::ConditionFailed(_) => Err(item::corrupt("health")),
        }
    }

    async fn note_success(&self, account: &AccountId, id: WebhookId) -> PortResult<()> {
        self.write(Write::delete(keys::of_webhook(account, id, keys::HEALTH)), ReturnItem::Old).await.map(|_| ())
    }

    async fn disable_webhook(
        &self,
        account: &AccountId,
        id: WebhookId,
        disabling: Disabling,
        audit: &AuditEntry,
    ) -> PortResult<bool> {
        self.set_enabled(account, id, EnableChange::Disable(disabling), audit).await
    }

    async fn enable_webhook(
        &self,
        account: &AccountId,
        id: WebhookId,
        disabling: Disabling,
        audit: &AuditEntry,
    ) -> PortResult<bool> {
        self.set_enabled(account, id, EnableChange::Enable(disabling), audit).await
    }
}

impl Table {
    /// The state, the health and the description of a webhook.
    async fn webhook_items(&self, account: &AccountId, id: WebhookId) -> PortResult<Vec<Item>> {
        let range = SortKeyRange::Between(keys::NOW.to_owned(), keys::TEXT.to_owned());
        self.query(PartitionQuery::new(keys::webhook(account, id), range)).await
    }
}

/// The item with this sort key.
fn find<'a>(items: &'a [Item], sk: &str) -> Option<ItemReader<'a>> {
    items.iter().map(ItemReader).find(|read| read.sk() == sk)
}

/// Changes the counts of the account's webhooks and patterns. A count grows only below its limit.
fn count(account: &AccountId, webhooks: i64, patterns: i64, limits: WebhookLimits) -> Write {
    let mut write = Write::update(keys::webhook_counters(account), "ADD #webhooks :webhooks, #patterns :patterns")
        .with("webhooks", number(webhooks))
        .with("patterns", number(patterns));
    let mut conditions = Vec::new();
    if webhooks > 0 {
        conditions.push("(attribute_not_exists(#webhooks) OR #webhooks < :most_webhooks)");
        write = write.with("most_webhooks", number(limits.webhooks));
    }
    if patterns > 0 {
        conditions.push("(attribute_not_exists(#patterns) OR #patterns < :most_patterns)");
        write = write.with("most_patterns", number(limits.patterns));
    }
    if conditions.is_empty() { write } else { write.when(conditions.join(" AND ")) }
}

/// Which limit the counters have reached.
fn full(counters: Option<&Item>, limits: WebhookLimits) -> PortResult<CreateOutcome> {
    let webhooks: u64 =
        counters.map(|item| ItemReader(item).maybe_number("webhooks")).transpose()?.flatten().unwrap_or(0);
    Ok(if webhooks >= limits.webhooks { CreateOutcome::TooMany } else { CreateOutcome::TooManyPatterns })
}
