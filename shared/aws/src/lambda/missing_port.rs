//! Ports that a function has no right to use. What asks them all the same is a fault of ours, and says so.

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

/// A port that is not there.
#[derive(Debug, Clone, Copy)]
pub(super) struct MissingPort;

fn absent<T>(system: &'static str) -> Answer<T> {
    Err(Fault::unavailable(system, "this function has none"))
}

#[async_trait]
impl Vault for MissingPort {
    async fn seal(&self, _context: SealContext<'_>, _value: &[u8]) -> Answer<Sealed> {
        absent("vault")
    }

    async fn open(&self, _context: SealContext<'_>, _sealed: &Sealed) -> Answer<Zeroizing<Vec<u8>>> {
        absent("vault")
    }
}

#[async_trait]
impl Mailer for MissingPort {
    async fn send(&self, _mail: &Mail) -> Answer<()> {
        absent("mail")
    }
}

#[async_trait]
impl Queues for MissingPort {
    async fn put_events(&self, events: &[Event]) -> Vec<Answer<()>> {
        events.iter().map(|_| absent("queue")).collect()
    }

    async fn put_attempts(&self, _attempts: &[(u64, Attempt)]) -> Answer<()> {
        absent("queue")
    }

    async fn put_redelivery(&self, _step: &redeliver::Step) -> Answer<()> {
        absent("queue")
    }

    async fn put_recovery(&self, _step: &recover::Step) -> Answer<()> {
        absent("queue")
    }
}

/// Attachments need buckets: without them uploads are refused, and nothing was ever uploaded.
#[async_trait]
impl Attachments for MissingPort {
    async fn upload_target(&self, _key: &AttachmentKey, _now: Timestamp) -> Answer<Option<UploadTarget>> {
        absent("attachments")
    }

    async fn uploaded(&self, _key: &AttachmentKey) -> Answer<Option<Uploaded>> {
        Ok(None)
    }

    async fn download_uri(&self, _attachment: &Attachment, _now: Timestamp) -> Answer<String> {
        absent("attachments")
    }
}

#[async_trait]
impl Transport for MissingPort {
    fn permits(&self, _uri: &EndpointUri) -> bool {
        false
    }

    async fn post(&self, _request: OutgoingRequest<'_>) -> Answer<Exchange> {
        absent("way out")
    }
}
