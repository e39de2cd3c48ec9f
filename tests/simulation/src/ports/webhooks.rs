//! Webhooks behind the gate. Every write is noted, and what is read is compared with what was written.

use async_trait::async_trait;
use hookline_core::errors::PortResult;
use hookline_core::ids::{AccountId, WebhookId};
use hookline_core::model::{
    AuditEntry, DeliveryTarget, DisabledBy, Disabling, EventName, MessageKind, Subscriber, Webhook, WebhookHealth,
    WebhookSecrets,
};
use hookline_core::ports::{CreateOutcome, UpdateOutcome, Vault as _, WebhookLimits, Webhooks};
use hookline_core::values::{ListQuery, Page};
use jiff::Timestamp;

use super::Gated;
use crate::rules;
use crate::shadow::{Known, RULE, Version};
use crate::steps::Step;
use crate::world::moment;

impl Gated {
    /// A version of a webhook with its secrets in the open.
    async fn version(&self, webhook: &Webhook) -> PortResult<Version> {
        let opened = self.vault.open(webhook.seal_context(), &webhook.secrets).await?;
        let secrets = WebhookSecrets::decode(&opened).expect("what was sealed a moment ago are secrets");
        Ok(Version { webhook: webhook.clone(), secrets })
    }
}

#[async_trait]
impl Webhooks for Gated {
    async fn allocate_webhook_id(&self) -> PortResult<WebhookId> {
        let effect = async {
            let id = self.store.allocate_webhook_id().await?;
            let mut state = self.world.lock();
            if state.shadow.ids.contains(&id) {
                state.violation(format!("webhook id {id} was given twice (5)"));
            }
            state.shadow.ids.push(id);
            Ok(id)
        };
        self.world.step(Step::AllocateWebhookId, effect).await
    }

    async fn create_webhook(
        &self,
        webhook: &Webhook,
        limits: WebhookLimits,
        audit: &AuditEntry,
    ) -> PortResult<CreateOutcome> {
        let effect = async {
            let created = self.store.create_webhook(webhook, limits, audit).await?;
            if created == CreateOutcome::Done {
                let version = self.version(webhook).await?;
                let known = Known {
                    account: webhook.account.clone(),
                    versions: vec![version],
                    deleted: false,
                    health: WebhookHealth::default(),
                };
                if self.world.lock().shadow.webhooks.insert(webhook.id, known).is_some() {
                    self.world.lock().violation(format!("webhook {} was created twice (5)", webhook.id));
                }
            }
            Ok(created)
        };
        self.world.step(Step::CreateWebhook, effect).await
    }

    async fn webhook(&self, account: &AccountId, id: WebhookId) -> PortResult<Option<Webhook>> {
        self.world.step(Step::Webhook, self.store.webhook(account, id)).await
    }

    async fn list_webhooks(&self, account: &AccountId, query: &ListQuery) -> PortResult<Page<Webhook>> {
        self.store.list_webhooks(account, query).await
    }

    async fn update_webhook(
        &self,
        webhook: &Webhook,
        limits: WebhookLimits,
        audit: &AuditEntry,
    ) -> PortResult<Result<UpdateOutcome, CreateOutcome>> {
        let effect = async {
            let written = self.store.update_webhook(webhook, limits, audit).await?;
            if written == Ok(UpdateOutcome::Done) {
                let version = self.version(webhook).await?;
                let mut state = self.world.lock();
                state.edited(&version);
                let moved = state.shadow.webhooks.get(&webhook.id).is_some_and(|known| {
                    let before = &known.now().webhook;
                    before.disabled && !webhook.disabled || before.uri != webhook.uri
                });
                match state.shadow.webhooks.get_mut(&webhook.id) {
                    Some(known) if !known.deleted => {
                        known.versions.push(version);
                        if moved {
                            (known.health.failures, known.health.first_failure_at) = (0, None);
                        }
                    }
                    Some(_) | None => state.violation(format!("webhook {} changed, but there is none", webhook.id)),
                }
            }
            Ok(written)
        };
        self.world.step(Step::UpdateWebhook, effect).await
    }

    async fn delete_webhook(
        &self,
        account: &AccountId,
        id: WebhookId,
        version: u64,
        audit: &AuditEntry,
    ) -> PortResult<UpdateOutcome> {
        let effect = async {
            let written = self.store.delete_webhook(account, id, version, audit).await?;
            if written == UpdateOutcome::Done
                && let Some(known) = self.world.lock().shadow.webhooks.get_mut(&id)
            {
                known.deleted = true;
            }
            Ok(written)
        };
        self.world.step(Step::DeleteWebhook, effect).await
    }

    async fn subscribers(&self, account: &AccountId, event: &EventName) -> PortResult<Vec<Subscriber>> {
        let effect = async {
            let subscribers = self.store.subscribers(account, event).await?;
            let mut state = self.world.lock();
            let named = state.work().event.as_ref().and_then(|event| event.head.webhook.clone());
            let matching = state.shadow.matching(account, event, named.as_deref());
            let missing = state.shadow.missing(account, event, named.as_deref(), moment(state.now));
            if event.as_str() == RULE {
                state.coverage.row(if matching.is_empty() { "rule for none" } else { "rule for one" });
            }
            let work = state.work();
            (work.matching, work.missing) = (matching, missing);
            Ok(subscribers)
        };
        self.world.step(Step::Subscribers, effect).await
    }

    async fn target(&self, account: &AccountId, id: WebhookId) -> PortResult<Option<DeliveryTarget>> {
        let effect = async {
            let target = self.store.target(account, id).await?;
            let mut state = self.world.lock();
            let known = state.shadow.webhooks.get(&id).filter(|known| known.account == *account && !known.deleted);
            let index = known.map(|known| known.versions.len() - 1);
            let may_send = known.is_some_and(|known| state.shadow.may_send(&known.now().webhook));
            let agrees = match (&target, known) {
                (None, None) => true,
                (Some(target), Some(known)) => {
                    let webhook = &known.now().webhook;
                    target.uri == webhook.uri
                        && target.name == webhook.name
                        && target.disabled == webhook.disabled
                        && target.verified == webhook.verified
                        && target.policy.as_ref().map(|policy| policy.id) == webhook.policy
                        && target.header_names == webhook.header_names
                        && target.secrets_version == webhook.secrets_version
                        && target.health == known.health
                }
                (Some(_), None) | (None, Some(_)) => false,
            };
            if !agrees {
                state.violation(format!("the store's target of webhook {id} is not what was written: {target:?}"));
            }
            let step = state.steps;
            let work = state.work();
            work.may_send = may_send;
            work.target_verified = target.as_ref().is_some_and(|target| target.verified);
            work.target = index.map(|index| (id, index));
            work.target_read = step;
            work.target_gone = target.is_none();
            work.target_disabled = target.as_ref().is_some_and(|target| target.disabled);
            Ok(target)
        };
        self.world.step(Step::Target, effect).await
    }

    async fn note_failure(
        &self,
        account: &AccountId,
        id: WebhookId,
        error: &str,
        at: Timestamp,
    ) -> PortResult<WebhookHealth> {
        let effect = async {
            let health = self.store.note_failure(account, id, error, at).await?;
            let mut state = self.world.lock();
            if state.work().attempt.as_ref().is_some_and(|attempt| attempt.message.kind != MessageKind::Event) {
                state.violation(format!("a failure counts for webhook {id}, and nothing published failed"));
            }
            let Some(known) = state.shadow.webhooks.get_mut(&id).filter(|known| !known.deleted) else {
                return Ok(health);
            };
            known.health.failures += 1;
            known.health.last_error = Some(error.to_owned());
            known.health.first_failure_at.get_or_insert(at);
            let expected = known.health.clone();
            if health != expected {
                state.violation(format!("webhook {id} has the health {health:?} and should {expected:?}"));
            }
            let hopeless = rules::is_hopeless(&expected, &state.settings, at);
            state.work().must_disable = hopeless.then_some(DisabledBy::Failures);
            Ok(health)
        };
        self.world.step(Step::NoteFailure, effect).await
    }

    async fn note_success(&self, account: &AccountId, id: WebhookId) -> PortResult<()> {
        let effect = async {
            self.store.note_success(account, id).await?;
            if let Some(known) = self.world.lock().shadow.webhooks.get_mut(&id) {
                known.health = WebhookHealth::default();
            }
            Ok(())
        };
        self.world.step(Step::NoteSuccess, effect).await
    }

    async fn disable_webhook(
        &self,
        account: &AccountId,
        id: WebhookId,
        disabling: Disabling,
        audit: &AuditEntry,
    ) -> PortResult<bool> {
        let effect = async {
            let done = self.store.disable_webhook(account, id, disabling, audit).await?;
            let mut state = self.world.lock();
            state.work().disabled = Some(disabling.by);
            let known = state.shadow.webhooks.get_mut(&id).filter(|known| !known.deleted);
            let expected = known.as_ref().is_some_and(|known| !known.now().webhook.disabled);
            if let (true, Some(known)) = (done, known) {
                let mut version = known.now().clone();
                version.webhook.disabled = true;
                version.webhook.disabling = Some(disabling);
                version.webhook.updated_at = disabling.at;
                version.webhook.version += 1;
                known.versions.push(version);
            }
            if done != expected {
                state.violation(format!("webhook {id} was disabled by the service: {done}, and should be: {expected}"));
            }
            if done {
                state.coverage.row(format!("webhook disabled: {:?}", disabling.by));
            }
            Ok(done)
        };
        self.world.step(Step::DisableWebhook, effect).await
    }

    async fn enable_webhook(
        &self,
        account: &AccountId,
        id: WebhookId,
        disabling: Disabling,
        audit: &AuditEntry,
    ) -> PortResult<bool> {
        let effect = async {
            let done = self.store.enable_webhook(account, id, disabling, audit).await?;
            let mut state = self.world.lock();
            let known = state.shadow.webhooks.get_mut(&id).filter(|known| !known.deleted);
            let expected = known.as_ref().is_some_and(|known| known.now().webhook.disabling == Some(disabling));
            if let (true, Some(known)) = (done, known) {
                let mut version = known.now().clone();
                (version.webhook.disabled, version.webhook.disabling) = (false, None);
                version.webhook.updated_at = audit.at;
                version.webhook.version += 1;
                known.versions.push(version);
                (known.health.failures, known.health.first_failure_at) = (0, None);
            }
            if done != expected {
                state.violation(format!("webhook {id} was enabled by the service: {done}, and should be: {expected}"));
            }
            if done {
                state.coverage.row("webhook enabled again");
            }
            Ok(done)
        };
        self.world.step(Step::EnableWebhook, effect).await
    }
}
