//! The request of one attempt: its body signed anew, its headers, and everything secret taken out of what comes back.

use bytes::Bytes;

use crate::delivery::RequestRecord;
use crate::event::Payload;
use crate::message::{Attempt, Kind};
use crate::outgoing;
use crate::policies::{self, Body};
use crate::ports::{Answer, Examination, Exchange, Fault, OutgoingRequest, Service};
use crate::scrub::Scrubber;
use crate::secret::Secret;
use crate::verify;
use crate::webhook::{Secrets, Target, seal_context};

/// A request, ready to be sent once.
pub(crate) struct Prepared<'a> {
    target: &'a Target,
    secrets: Secrets,
    headers: Vec<(String, Secret<String>)>,
    /// `Webhook-Signature` of the request that went out.
    signatures: Secret<String>,
    body: Bytes,
    /// The JWT that is the body.
    token: Option<Secret<String>>,
    record: RequestRecord,
}

/// Makes the request of an attempt; or says why there is nothing to send any more.
pub(crate) async fn prepare<'a>(
    service: &Service,
    attempt: &Attempt,
    target: &'a Target,
) -> Answer<Result<Prepared<'a>, &'static str>> {
    let message = &attempt.message;
    let context = seal_context(message.account(), target.id, target.secrets_version);
    let opened = service.vault.open(context, &target.secrets).await?;
    let secrets = Secrets::decode(&opened)
        .ok_or_else(|| Fault::unavailable("vault", "the secrets of a webhook are unreadable"))?;
    let payload = match payload(service, attempt, &secrets).await? {
        Ok(payload) => payload,
        Err(why) => return Ok(Err(why)),
    };
    let data = message.body(&service.settings, &payload);
    let sent = service.clock.now();
    let Body { bytes: body, jwt, token } = policies::sign(service, message, target, data, sent).await?;
    let headers = outgoing::headers(&service.settings, attempt, target, &secrets, sent, &body);
    let record = RequestRecord {
        uri: target.uri.masked().to_owned(),
        header_names: target.header_names.clone(),
        sent_at: sent.as_second(),
        jwt,
    };
    Ok(Ok(Prepared { target, secrets, headers, signatures: Secret::default(), body, token, record }))
}

/// What the message tells beside its head; or why it cannot be told any more.
async fn payload(service: &Service, attempt: &Attempt, secrets: &Secrets) -> Answer<Result<Payload, &'static str>> {
    let message = &attempt.message;
    let now = service.clock.now();
    if message.kind == Kind::Verify {
        return Ok(verify::payload(&service.settings, message, secrets, now));
    }
    if let Some(payload) = &attempt.payload {
        return Ok(Ok(payload.clone()));
    }
    let stored = service.events.event(message.account(), &message.event.id, now).await?;
    Ok(stored.map(|stored| stored.event.payload).ok_or("Event no longer kept"))
}

impl Prepared<'_> {
    /// POSTs it.
    pub(crate) async fn post(mut self, service: &Service) -> Answer<(RequestRecord, Exchange)> {
        let mut exchange = service.transport.post(self.request()).await?;
        self.clean(&mut exchange);
        Ok((self.record, exchange))
    }

    /// POSTs it over a connection of its own, and tells what can be learnt on the way.
    pub(crate) async fn examine(mut self, service: &Service) -> Answer<(RequestRecord, Examination)> {
        let mut examination = service.transport.examine(self.request()).await?;
        self.clean(&mut examination.exchange);
        Ok((self.record, examination))
    }

    fn request(&mut self) -> OutgoingRequest<'_> {
        let headers = std::mem::take(&mut self.headers);
        let signatures = headers.iter().find(|(name, _)| name == "Webhook-Signature");
        self.signatures = signatures.map(|(_, value)| value.clone()).unwrap_or_default();
        OutgoingRequest { uri: &self.target.uri, headers, body: self.body.clone() }
    }

    /// An endpoint that echoes our request must not make us store what we masked.
    fn clean(&self, exchange: &mut Exchange) {
        let Ok(response) = &mut exchange.result else { return };
        let authorization = self.target.uri.basic_authorization(self.secrets.uri_password.as_ref());
        let scrubber = Scrubber::new(&self.secrets, authorization.as_ref(), &self.signatures, self.token.as_ref());
        scrubber.clean(&mut response.body);
        for (name, value) in &mut response.headers {
            scrubber.clean_header(name, value);
        }
    }
}
