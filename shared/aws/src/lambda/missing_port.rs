//! A stand-in for the ports that a function may not use. Calling it is a fault of our own, and the error says so.

use async_trait::async_trait;
use hookline_core::attachment::{Attachment, AttachmentKey, UploadTarget, Uploaded};
use hookline_core::endpoint_uri::EndpointUri;
use hookline_core::event::Event;
use hookline_core::message::Attempt;
use hookline_core::ports::{
    Answer, Attachments, Exchange, Fault, Mail, Mailer, OutgoingRequest, Queues, Transport, Vault,
};
use hookline_core::secret::{SealContext, Sealed};
use hookline_core::{recover, redeliver};
use jiff::Timestamp;
use zeroize::Zeroizing;

/// A port that this function does not have.
#[derive(Debug, Clone, Copy)]
pub(super) struct MissingPort;

fn missing<T>(system: &'static str) -> Answer<T> {
    Err(Fault::unavailable(system, "this function does not have this port"))
}

#[async_trait]
impl Vault for MissingPort {
    async fn seal(&self, _context: SealContext<'_>, _value: &[u8]) -> Answer<Sealed> {
        missing("vault")
    }

    async fn open(&self, _context: SealContext<'_>, _sealed: &Sealed) -> Answer<Zeroizing<Vec<u8>>> {
        missing("vault")
    }
}

#[async_trait]
impl Mailer for MissingPort {
    async fn send(&self, _mail: &Mail) -> Answer<()> {
        missing("mail")
    }
}

#[async_trait]
impl Queues for MissingPort {
    async fn put_events(&self, events: &[Event]) -> Vec<Answer<()>> {
        events.iter().map(|_| missing("queue")).collect()
    }

    async fn put_attempts(&self, _attempts: &[(u64, Attempt)]) -> Answer<()> {
        missing("queue")
    }

    async fn put_redelivery(&self, _step: &redeliver::Step) -> Answer<()> {
        missing("queue")
    }

    async fn put_recovery(&self, _step: &recover::Step) -> Answer<()> {
        missing("queue")
    }
}

/// Attachments need buckets. Without them, uploads are rejected, and no key has an upload.
#[async_trait]
impl Attachments for MissingPort {
    async fn upload_target(&self, _key: &AttachmentKey, _now: Timestamp) -> Answer<Option<UploadTarget>> {
        missing("attachments")
    }

    async fn uploaded(&self, _key: &AttachmentKey) -> Answer<Option<Uploaded>> {
        Ok(None)
    }

    async fn download_uri(&self, _attachment: &Attachment, _now: Timestamp) -> Answer<String> {
        missing("attachments")
    }
}

#[async_trait]
impl Transport for MissingPort {
    fn permits(&self, _uri: &EndpointUri) -> bool {
        false
    }

    async fn post(&self, _request: OutgoingRequest<'_>) -> Answer<Exchange> {
        missing("transport")
    }
}
