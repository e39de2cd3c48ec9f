//! Verification of endpoints (section 6): an endpoint proves that it wants our messages before it gets any.
//!
//! Where a deployment requires it, a webhook that is created, or moves to another URI, is unverified. A [`Code`] is put
//! among its secrets, and only then a message `webhook.verify` goes on the deliveries queue. The message tells which code
//! it is about by a [`Stamp`]; the code itself joins the payload at the moment of sending. Whoever got it calls the URL
//! in it back, and the webhook is verified. A code that was replaced meanwhile is wrong from that moment on, since code
//! and `verified` change together under the webhook's version.
//!
//! No message is needed if the account has a living verified webhook with the identical URI. Passwords do not count in
//! that: the endpoint is the same.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::json;

use crate::account::AccountId;
use crate::audit::{Action, AuditEntry, Changes, Subject};
use crate::delivery::Delivery;
use crate::endpoint_uri::MASK;
use crate::event::{Event, EventHead, EventId, EventName, Payload};
use crate::links::Links;
use crate::listing::{Filter, Test, Value};
use crate::matching::Subscriber;
use crate::message::{Attempt, Kind, Message};
pub use crate::model::verification_code::{Code, Stamp, VALID_FOR};
use crate::ports::{Answer, Fault, Service, Written};
use crate::problems::{Error, Problems};
use crate::register::{self, MAX_RACES, host_hash};
use crate::settings::{Settings, Verification};
use crate::token::Person;
use crate::walk;
use crate::webhook::{Secrets, Target, Webhook, WebhookId};

/// What a person did to a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// It is new, or its URI is another one.
    Uri,
    /// Something else was changed.
    Other,
}

/// Decides whether a webhook is verified after a change, and gives it a fresh code if the endpoint has to be asked. The
/// answer tells which code to send once the webhook is stored. The secrets are sealed by the caller, in the next version.
pub(crate) async fn demand(
    service: &Service,
    webhook: &mut Webhook,
    secrets: &mut Secrets,
    change: Change,
) -> Answer<Option<Stamp>> {
    let now = service.clock.now();
    if change == Change::Uri {
        secrets.code = None;
        webhook.verified = false;
    }
    match (service.settings.verification, change) {
        (Verification::Off, Change::Uri) => webhook.verified = true,
        (Verification::Off, Change::Other) => return Ok(None),
        (Verification::Required, _) if webhook.verified => {}
        (Verification::Required, _) => webhook.verified = has_verified_twin(service, webhook).await?,
    }
    if webhook.verified || secrets.code.as_ref().is_some_and(|code| code.is_fresh(now)) {
        return Ok(None);
    }
    Ok(Some(renew(service, webhook, secrets, now)))
}

fn renew(service: &Service, webhook: &Webhook, secrets: &mut Secrets, now: Timestamp) -> Stamp {
    secrets.code.insert(Code::issue(webhook.secrets_version + 1, now, &*service.entropy)).stamp()
}

/// True if the account has a living verified webhook with the identical URI.
async fn has_verified_twin(service: &Service, webhook: &Webhook) -> Answer<bool> {
    let filter = |field, value| Filter { field, test: Test::OneOf(vec![value]), ignore_case: false };
    let uri = filter("uri", Value::Text(webhook.uri.masked().to_owned()));
    let living = filter("disabled", Value::Bool(false));
    let twins = walk::webhooks(service, &webhook.account, vec![uri, living]).await?;
    Ok(twins.iter().any(|twin| twin.verified && twin.id != webhook.id))
}

/// Puts the message that asks for a code on the queue. Called when the code is stored.
pub(crate) async fn send(service: &Service, webhook: &Webhook, stamp: Stamp) -> Answer<()> {
    let now = service.clock.now();
    let id = stamp
        .event_id(now, &*service.entropy)
        .ok_or_else(|| Fault::unavailable("service", "a verify message got no id"))?;
    let custom_url = service.accounts.account(&webhook.account).await?.and_then(|account| account.custom_url);
    let head = Arc::new(head(webhook.account.clone(), webhook.id, id, now));
    let message = Message { kind: Kind::Verify, ..Message::new(&head, webhook.id, webhook.name.clone(), custom_url) };
    let attempt = Attempt::first(message, &Payload::empty(), now);
    service.queues.put_attempts(&[(host_hash(&webhook.uri), attempt)]).await
}

/// Sends the verify message again, with a fresh code unless the last one is younger than a minute.
pub async fn again(service: &Service, account: &AccountId, by: &Person, id: WebhookId) -> Result<(), Error> {
    for _ in 0..MAX_RACES {
        let mut webhook = service.webhooks.webhook(account, id).await?.ok_or(Error::NotFound)?;
        if webhook.verified {
            let mut problems = Problems::new();
            problems.add_base("Webhook is verified already");
            return Err(Error::Invalid(problems));
        }
        let mut secrets = register::open(service, &webhook).await?;
        let now = service.clock.now();
        if let Some(code) = secrets.code.as_ref().filter(|code| code.is_fresh(now)) {
            return Ok(send(service, &webhook, code.stamp()).await?);
        }
        let mut changes = Changes::default();
        changes.note_secret("code", secrets.code.is_some(), true);
        let stamp = renew(service, &webhook, &mut secrets, now);
        register::reseal(service, &mut webhook, &secrets).await?;
        webhook.version += 1;
        let entry = register::entry(service, &webhook, by, Action::Update, changes);
        match service.webhooks.update_webhook(&webhook, service.limits(), &entry).await? {
            Ok(Written::Done) => return Ok(send(service, &webhook, stamp).await?),
            Ok(Written::Conflict) => {}
            Ok(Written::Gone) => return Err(Error::NotFound),
            Err(refused) => return Err(register::not_created(service, refused)),
        }
    }
    Err(Fault::unavailable("store", "a webhook changes too often to be written").into())
}

/// What came of a callback.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Callback {
    /// The webhook is verified, by this call or by an earlier one with the same code.
    Verified,
    /// That is not the webhook's code, or no longer.
    WrongCode,
    /// That was the code, and its time is over.
    Expired,
    /// There is no such webhook.
    Unknown,
}

/// Somebody calls back with a code.
pub async fn confirm(service: &Service, account: &AccountId, id: WebhookId, given: &str) -> Answer<Callback> {
    for _ in 0..MAX_RACES {
        let Some(mut webhook) = service.webhooks.webhook(account, id).await? else { return Ok(Callback::Unknown) };
        let secrets = register::open(service, &webhook).await?;
        let Some(code) = secrets.code.as_ref().filter(|code| code.is(given)) else { return Ok(Callback::WrongCode) };
        if code.has_expired(service.clock.now()) {
            return Ok(Callback::Expired);
        }
        if webhook.verified {
            return Ok(Callback::Verified);
        }
        webhook.verified = true;
        webhook.version += 1;
        match service.webhooks.update_webhook(&webhook, service.limits(), &proof(service, &webhook)).await? {
            Ok(Written::Done) => return Ok(Callback::Verified),
            Ok(Written::Conflict) => {}
            Ok(Written::Gone) => return Ok(Callback::Unknown),
            Err(_) => return Err(Fault::unavailable("store", "a limit was applied to a webhook that exists")),
        }
    }
    Err(Fault::unavailable("store", "a webhook changes too often to be written"))
}

/// The entry of a callback: nobody whom we know did it.
fn proof(service: &Service, webhook: &Webhook) -> AuditEntry {
    let mut changes = Changes::default();
    changes.note("verified", false, true);
    AuditEntry {
        account: webhook.account.clone(),
        subject: Subject::Webhook(webhook.id),
        action: Action::Update,
        at: service.clock.now(),
        by: None,
        changes,
    }
}

/// Where verification is not required, every subscriber counts as verified.
pub(crate) fn waive(settings: &Settings, subscribers: &mut [Subscriber]) {
    match settings.verification {
        Verification::Off => subscribers.iter_mut().for_each(|subscriber| subscriber.verified = true),
        Verification::Required => {}
    }
}

/// Why a message may not go to its webhook's endpoint, as far as verification goes; `None` if it may.
pub(crate) fn objection(settings: &Settings, kind: Kind, target: &Target) -> Option<&'static str> {
    match kind {
        Kind::Event | Kind::Test => {
            (!settings.verification.is_satisfied_by(target.verified)).then_some("Webhook not verified")
        }
        Kind::Verify => target.verified.then_some("Webhook verified"),
    }
}

/// The payload of a verify message at the moment of sending, with the code in it; or why it is not sent.
pub(crate) fn payload(
    settings: &Settings,
    message: &Message,
    secrets: &Secrets,
    now: Timestamp,
) -> Result<Payload, &'static str> {
    let asked = Stamp::of(&message.event.id);
    let Some(code) = secrets.code.as_ref().filter(|code| asked == Some(code.stamp())) else {
        return Err("Code superseded");
    };
    if code.has_expired(now) {
        return Err("Code expired");
    }
    Ok(callback(settings, message.account(), message.webhook, code.value().expose(), code.stamp().expires_at))
}

/// The event of a verify message that was recorded, the code masked. It is stored nowhere: all of it follows from the
/// record.
#[must_use]
pub fn recorded_event(settings: &Settings, delivery: &Delivery) -> Event {
    let Delivery { account, webhook, event_id, created_at, .. } = delivery;
    let expires_at = Stamp::of(event_id).map_or(0, |stamp| stamp.expires_at);
    Event {
        head: Arc::new(head(account.clone(), *webhook, event_id.clone(), *created_at)),
        payload: callback(settings, account, *webhook, MASK, expires_at),
    }
}

fn callback(settings: &Settings, account: &AccountId, id: WebhookId, code: &str, expires_at: i64) -> Payload {
    let account_url = settings.account_url(account);
    let url = format!("{account_url}/webhooks/{id}/verify?code={code}&expires_at={expires_at}");
    Payload::from_valid_json(Bytes::from(json!({ "callback": url }).to_string()))
}

/// The event of a verify message: its object is the webhook.
fn head(account: AccountId, webhook: WebhookId, id: EventId, accepted_at: Timestamp) -> EventHead {
    EventHead {
        id,
        account,
        event: EventName::verify(),
        object_id: webhook.0.cast_signed(),
        object_type: "Webhook".to_owned(),
        person_id: None,
        person_name: None,
        links: Links::default(),
        webhook: None,
        accepted_at,
    }
}
