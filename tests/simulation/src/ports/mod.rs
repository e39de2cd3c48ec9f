//! The ports of a run: the real embedded store and vault behind the gate, and the world's own queues, mails and
//! endpoints. Each call is noted in the same breath as its effect, so the notes and the store cannot drift apart.

mod counts;
mod deliveries;
mod event_types;
mod events;
mod health;
mod policies;
mod queues;
mod redeliveries;
mod senders;
mod vault;
mod webhooks;

use std::sync::Arc;

use async_trait::async_trait;
use hookline_core::errors::PortResult;
use hookline_core::ids::AccountId;
use hookline_core::model::{
    Account, Attachment, AttachmentKey, AuditEntry, AuditSubject, Caller, ConsoleLink, StoredAuditEntry, Token,
    TokenHash, Upload, UploadTarget,
};
use hookline_core::ports::{Accounts, Attachments, Audit, CreateTokenOutcome, NoMetrics, NoTraces};
use hookline_core::service::Service;
use hookline_core::settings::CoreSettings;
use hookline_core::values::{ListQuery, Page};
use hookline_embedded::{KeyFileVault, Store, StorePorts};
use jiff::Timestamp;
use uuid::Uuid;

use crate::steps::Step;
use crate::world::World;

/// The real ports behind the gate.
#[derive(Clone)]
pub(crate) struct Gated {
    world: World,
    store: StorePorts,
    vault: Arc<KeyFileVault>,
}

/// The service of a run.
pub(crate) fn service(world: &World, store: &Store, vault: KeyFileVault, settings: &Arc<CoreSettings>) -> Service {
    let gated = Arc::new(Gated { world: world.clone(), store: store.api(), vault: Arc::new(vault) });
    Service {
        settings: Arc::clone(settings),
        accounts: gated.clone(),
        webhooks: gated.clone(),
        policies: gated.clone(),
        event_types: gated.clone(),
        counts: gated.clone(),
        health: gated.clone(),
        audit: gated.clone(),
        events: gated.clone(),
        deliveries: gated.clone(),
        queues: gated.clone(),
        redeliveries: gated.clone(),
        attachments: gated.clone(),
        vault: gated.clone(),
        mailer: gated.clone(),
        mail_limiter: gated.clone(),
        mail_batches: gated.clone(),
        transport: gated,
        metrics: Arc::new(NoMetrics),
        traces: Arc::new(NoTraces),
        schemas: Arc::default(),
        clock: Arc::new(world.clone()),
        sample: Arc::default(),
        entropy: Arc::new(world.clone()),
    }
}

/// No story has attachments.
#[async_trait]
impl Attachments for Gated {
    async fn upload_target(&self, _key: &AttachmentKey, _now: Timestamp) -> PortResult<Option<UploadTarget>> {
        Ok(None)
    }

    async fn uploaded(&self, _key: &AttachmentKey) -> PortResult<Option<Upload>> {
        Ok(None)
    }

    async fn download_uri(&self, attachment: &Attachment, _now: Timestamp) -> PortResult<String> {
        unreachable!("{attachment:?} was never uploaded")
    }
}

#[async_trait]
impl Accounts for Gated {
    async fn create_account(&self, account: &Account) -> PortResult<bool> {
        self.store.create_account(account).await
    }

    async fn account(&self, id: &AccountId) -> PortResult<Option<Account>> {
        self.world.step(Step::Account, self.store.account(id)).await
    }

    async fn accounts(&self) -> PortResult<Vec<Account>> {
        self.store.accounts().await
    }

    async fn update_account(&self, account: &Account) -> PortResult<bool> {
        self.store.update_account(account).await
    }

    async fn delete_account(&self, id: &AccountId) -> PortResult<bool> {
        let effect = async {
            let existed = self.store.delete_account(id).await?;
            self.world.lock().account_deleted(id, existed);
            Ok(existed)
        };
        self.world.step(Step::DeleteAccount, effect).await
    }

    async fn create_token(&self, account: &AccountId, token: &Token, limit: u64) -> PortResult<CreateTokenOutcome> {
        self.store.create_token(account, token, limit).await
    }

    async fn caller(&self, hash: &TokenHash, now: Timestamp) -> PortResult<Option<Caller>> {
        self.store.caller(hash, now).await
    }

    async fn tokens(&self, account: &AccountId) -> PortResult<Vec<Token>> {
        self.store.tokens(account).await
    }

    async fn revoke_token(&self, id: Uuid) -> PortResult<bool> {
        self.store.revoke_token(id).await
    }

    async fn create_console_link(
        &self,
        account: &AccountId,
        hash: &TokenHash,
        link: &ConsoleLink,
        limit: u64,
    ) -> PortResult<CreateTokenOutcome> {
        self.store.create_console_link(account, hash, link, limit).await
    }

    async fn take_console_link(
        &self,
        account: &AccountId,
        hash: &TokenHash,
        now: Timestamp,
    ) -> PortResult<Option<ConsoleLink>> {
        self.store.take_console_link(account, hash, now).await
    }
}

#[async_trait]
impl Audit for Gated {
    async fn audit(&self, entry: &AuditEntry) -> PortResult<()> {
        self.world.step(Step::Audit, self.store.audit(entry)).await
    }

    async fn list_audit(
        &self,
        account: &AccountId,
        subject: AuditSubject,
        query: &ListQuery,
    ) -> PortResult<Page<StoredAuditEntry>> {
        self.store.list_audit(account, subject, query).await
    }
}
