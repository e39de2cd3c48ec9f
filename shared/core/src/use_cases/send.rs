//! The request of one attempt: signs the body, builds the headers, sends it, and redacts secrets from the response.

use bytes::Bytes;
use jiff::Timestamp;
use serde::Serialize;

use crate::errors::{PortError, PortResult};
use crate::model::failure::status_text;
use crate::model::webhook::seal_context;
use crate::model::{
    Attempt, DeliveryTarget, ErrorClass, Failure, Jwt, Message, MessageKind, Payload, RequestRecord, ResponseRecord,
    WebhookSecrets,
};
use crate::ports::{ConnectionUse, Exchange, Inspection, OutgoingRequest};
use crate::rules::{Redactor, request, verification};
use crate::service::Service;
use crate::signing::{SigningKey, jws};
use crate::use_cases::yield_now::yield_now;
use crate::values::Secret;

/// A request that is ready to be sent once.
pub(crate) struct PreparedRequest<'a> {
    attempt: &'a Attempt,
    target: &'a DeliveryTarget,
    secrets: WebhookSecrets,
    headers: Vec<(String, Secret<String>)>,
    /// `Webhook-Signature` of the request that went out.
    signatures: Secret<String>,
    body: Bytes,
    /// The JWT that is the body.
    token: Option<Secret<String>>,
    record: RequestRecord,
}

/// Builds the request of an attempt; or says why there is nothing to send any more.
pub(crate) async fn prepare<'a>(
    service: &Service,
    attempt: &'a Attempt,
    target: &'a DeliveryTarget,
) -> PortResult<Result<PreparedRequest<'a>, &'static str>> {
    let message = &attempt.message;
    let context = seal_context(message.account(), target.id, target.secrets_version);
    let opened = service.vault.open(context, &target.secrets).await?;
    let secrets = WebhookSecrets::decode(&opened)
        .ok_or_else(|| PortError::unavailable("vault", "the secrets of a webhook are unreadable"))?;
    let payload = match payload(service, attempt, &secrets).await? {
        Ok(payload) => payload,
        Err(why) => return Ok(Err(why)),
    };
    let data = message.body(&service.settings, &payload);
    let sent = service.clock.now();
    let SignedBody { bytes: body, jwt, token } = sign(service, message, target, data, sent).await?;
    let headers = request::headers(&service.settings, attempt, target, &secrets, sent, &body);
    let record = RequestRecord {
        uri: target.uri.masked().to_owned(),
        header_names: target.header_names.clone(),
        sent_at: sent.as_second(),
        jwt,
    };
    Ok(Ok(PreparedRequest { attempt, target, secrets, headers, signatures: Secret::default(), body, token, record }))
}

/// The payload of the message; or why there is none any more.
async fn payload(
    service: &Service,
    attempt: &Attempt,
    secrets: &WebhookSecrets,
) -> PortResult<Result<Payload, &'static str>> {
    let message = &attempt.message;
    let now = service.clock.now();
    if message.kind == MessageKind::Verify {
        return Ok(verification::payload(&service.settings, message, secrets, now));
    }
    if let Some(payload) = &attempt.payload {
        return Ok(Ok(payload.clone()));
    }
    let stored = service.events.event(message.account(), &message.event.id, now).await?;
    Ok(stored.map(|stored| stored.event.payload).ok_or("Event no longer kept"))
}

impl PreparedRequest<'_> {
    /// POSTs it. If the endpoint closed an idle connection before it answered, signs and POSTs it once more.
    pub(crate) async fn post(self, service: &Service) -> PortResult<(RequestRecord, Exchange)> {
        let (attempt, target) = (self.attempt, self.target);
        let (record, exchange) = self.post_once(service, false).await?;
        if exchange.connection != ConnectionUse::Stale {
            return Ok((record, exchange));
        }
        tracing::info!("idle connection closed by the endpoint: sending again on a new one");
        let Ok(again) = prepare(service, attempt, target).await? else { return Ok((record, exchange)) };
        let (record, mut exchange) = again.post_once(service, true).await?;
        exchange.timings.reconnected = true;
        Ok((record, exchange))
    }

    async fn post_once(mut self, service: &Service, fresh: bool) -> PortResult<(RequestRecord, Exchange)> {
        let mut exchange = service.transport.post(self.request(fresh)).await?;
        self.redact(&mut exchange).await;
        Ok((self.record, exchange))
    }

    /// POSTs it over a connection of its own, and tells what can be learnt on the way.
    pub(crate) async fn examine(mut self, service: &Service) -> PortResult<(RequestRecord, Inspection)> {
        let mut examination = service.transport.examine(self.request(true)).await?;
        self.redact(&mut examination.exchange).await;
        Ok((self.record, examination))
    }

    fn request(&mut self, fresh_connection: bool) -> OutgoingRequest<'_> {
        let headers = std::mem::take(&mut self.headers);
        let signatures = headers.iter().find(|(name, _)| name == "Webhook-Signature");
        self.signatures = signatures.map(|(_, value)| value.clone()).unwrap_or_default();
        OutgoingRequest { uri: &self.target.uri, headers, body: self.body.clone(), fresh_connection }
    }

    /// An endpoint that echoes our request must not make us store what we masked. The work is bounded, and other tasks
    /// get their turn in it.
    async fn redact(&self, exchange: &mut Exchange) {
        // Texts of failures are ours, but for the name of a certificate.
        let texts: Vec<&mut String> = match &mut exchange.result {
            Ok(response) if response.headers.is_empty() && response.body.is_empty() => return,
            Err(failure) if failure.class != ErrorClass::Tls => return,
            Ok(_) => Vec::new(),
            Err(failure) => vec![&mut failure.text],
        };
        let authorization = self.target.uri.basic_authorization(self.secrets.uri_password.as_ref());
        let mut redactor = Redactor::new(&self.secrets, authorization.as_ref(), &self.signatures, self.token.as_ref());
        for text in texts {
            redactor.redact(text);
        }
        if let Ok(response) = &mut exchange.result {
            redactor.redact(&mut response.body);
            for (name, value) in &mut response.headers {
                redactor.redact_header(name, value);
                if redactor.takes_long() {
                    yield_now().await;
                }
            }
        }
    }
}

/// The response, and the failure if its status is not 2xx.
pub(crate) fn judged(result: Result<ResponseRecord, Failure>) -> (Option<ResponseRecord>, Option<Failure>) {
    match result {
        Ok(response) if (200..300).contains(&response.status) => (Some(response), None),
        Ok(response) => {
            let text = status_text(response.status);
            (Some(response), Some(Failure::new(ErrorClass::HttpStatus, text)))
        }
        Err(failure) => (None, Some(failure)),
    }
}

/// The body of an attempt, and the JWT in it if there is one.
pub(crate) struct SignedBody {
    /// The exact bytes to send.
    pub(crate) bytes: Bytes,
    /// What the JWT says, for the record.
    pub(crate) jwt: Option<Jwt>,
    /// The JWT itself. It is never recorded, because it is valid like a password until it expires.
    pub(crate) token: Option<Secret<String>>,
}

/// Signs the data of a message as its webhook's policy says, for an attempt that is sent now. Without a policy the data
/// are the body.
pub(crate) async fn sign(
    service: &Service,
    message: &Message,
    target: &DeliveryTarget,
    data: Bytes,
    now: Timestamp,
) -> PortResult<SignedBody> {
    #[derive(Serialize)]
    struct Wrapped<'a> {
        jwt: &'a str,
    }
    let Some(policy) = &target.policy else { return Ok(SignedBody { bytes: data, jwt: None, token: None }) };
    let discovery = policy.serves_discovery(target.openid_connect_discovery);
    let key = policy.keys.signing(discovery, now);
    let opened = service.vault.open(policy.seal_context(key.number), &key.sealed).await?;
    let signing = SigningKey::decode(policy.algorithm, &opened)
        .ok_or_else(|| PortError::unavailable("vault", "the key of a webhook policy is unreadable"))?;
    let jwt = Jwt::new(policy, key, discovery, &*service.entropy);
    let claims = jwt.claims(&service.settings, message.account(), target.id, now.as_second(), &data);
    let token = jws::sign(&jwt.header(), &claims, &signing)?;
    let bytes = serde_json::to_vec(&Wrapped { jwt: &token }).expect("a text always becomes JSON");
    Ok(SignedBody { bytes: bytes.into(), jwt: Some(jwt), token: Some(Secret::new(token)) })
}
