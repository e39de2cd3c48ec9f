//! A stand-in for the ports that a function may not use. Calling it is a fault of our own, and the error says so.

use async_trait::async_trait;
use hookline_core::errors::{PortError, PortResult};
use hookline_core::ids::{AccountId, WebhookId};
use hookline_core::model::{
    Attachment, AttachmentKey, Attempt, Event, Mail, MailBatch, MailKind, MailStep, RecoveryStep, RedeliveryStep,
    SealContext, Sealed, Upload, UploadTarget,
};
use hookline_core::ports::{
    Attachments, EventIntake, Exchange, MailBatchClaim, MailBatches, MailLimiter, MailLimits, MailPermit, Mailer,
    OutgoingRequest, Queues, Transport, Vault,
};
use hookline_core::values::{EndpointUri, MailAddress};
use jiff::Timestamp;
use zeroize::Zeroizing;

/// A port that this function does not have.
#[derive(Debug, Clone, Copy)]
pub(super) struct MissingPort;

fn missing<T>(system: &'static str) -> PortResult<T> {
    Err(PortError::unavailable(system, "this function does not have this port"))
}

#[async_trait]
impl Vault for MissingPort {
    async fn seal(&self, _context: SealContext<'_>, _value: &[u8]) -> PortResult<Sealed> {
        missing("vault")
    }

    async fn open(&self, _context: SealContext<'_>, _sealed: &Sealed) -> PortResult<Zeroizing<Vec<u8>>> {
        missing("vault")
    }
}

#[async_trait]
impl Mailer for MissingPort {
    async fn send(&self, _mail: &Mail) -> PortResult<()> {
        missing("mail")
    }
}

#[async_trait]
impl MailLimiter for MissingPort {
    async fn admit(
        &self,
        _account: &AccountId,
        _webhooks: &[WebhookId],
        _to: &[MailAddress],
        _kind: MailKind,
        _now: Timestamp,
        _limits: MailLimits,
    ) -> PortResult<MailPermit> {
        missing("mail")
    }
}

#[async_trait]
impl MailBatches for MissingPort {
    async fn has_mail_batch(&self, _account: &AccountId, _name: &str) -> PortResult<bool> {
        missing("mail")
    }

    async fn join_mail_batch(
        &self,
        _account: &AccountId,
        _name: &str,
        _more: &MailBatch,
        _due_at: Timestamp,
    ) -> PortResult<()> {
        missing("mail")
    }

    async fn claim_mail_batch(
        &self,
        _step: &MailStep,
        _now: Timestamp,
        _lease_until: Timestamp,
    ) -> PortResult<MailBatchClaim> {
        missing("mail")
    }

    async fn remove_mail_batch(&self, _step: &MailStep) -> PortResult<()> {
        missing("mail")
    }
}

#[async_trait]
impl Queues for MissingPort {
    async fn put_events(&self, events: &[Event]) -> Vec<PortResult<EventIntake>> {
        events.iter().map(|_| missing("queue")).collect()
    }

    async fn put_attempts(&self, _attempts: &[(u64, Attempt)]) -> PortResult<()> {
        missing("queue")
    }

    async fn put_redelivery(&self, _step: &RedeliveryStep) -> PortResult<()> {
        missing("queue")
    }

    async fn put_recovery(&self, _step: &RecoveryStep) -> PortResult<()> {
        missing("queue")
    }

    async fn put_mail(&self, _step: &MailStep) -> PortResult<()> {
        missing("queue")
    }
}

/// Attachments need buckets. Without them, uploads are rejected, and no key has an upload.
#[async_trait]
impl Attachments for MissingPort {
    async fn upload_target(&self, _key: &AttachmentKey, _now: Timestamp) -> PortResult<Option<UploadTarget>> {
        missing("attachments")
    }

    async fn uploaded(&self, _key: &AttachmentKey) -> PortResult<Option<Upload>> {
        Ok(None)
    }

    async fn download_uri(&self, _attachment: &Attachment, _now: Timestamp) -> PortResult<String> {
        missing("attachments")
    }
}

#[async_trait]
impl Transport for MissingPort {
    fn permits(&self, _uri: &EndpointUri) -> bool {
        false
    }

    async fn post(&self, _request: OutgoingRequest<'_>) -> PortResult<Exchange> {
        missing("transport")
    }
}
