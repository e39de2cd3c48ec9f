//! Registering webhooks (section 3): create, change, delete, test, and show or rotate the signing secret.
//!
//! An input is checked as a whole and all its problems are told at once. A change is read, applied and written under the
//! webhook's version; whoever loses the race reads again and applies its own fields to what is there now, so two
//! administrators who edit different fields lose nothing. Secrets are sealed before they reach a store and are sealed
//! again only when one of them changes. Every step is written together with its entry in the audit trail.

use std::sync::Arc;
use std::time::Duration;

use super::draft::Draft;
use crate::account::{Account, AccountId};
use crate::attachment::{self, AttachmentInput};
use crate::audit::{self, Action, AuditEntry, Changes, Subject};
use crate::endpoint_uri::EndpointUri;
use crate::event::{EventHead, EventId, EventName, Payload};
use crate::event_type;
use crate::given::Given;
use crate::message::{Attempt, Kind, Message};
use crate::policies;
use crate::ports::{Created, Fault, Service, Written};
use crate::problems::{Error, Problems};
use crate::secret::{Sealed, Secret};
use crate::signing::hmac::SigningSecret;
use crate::token::Person;
use crate::verify::{self, Change, Stamp};
use crate::webhook::{DisabledBy, Disabling, RetiringSecret, Secrets, Webhook, WebhookId};

/// How long a signing secret that was rotated out goes on signing.
const RETIRING_FOR: Duration = Duration::from_hours(24);
/// How often a change is applied anew after losing a race. Every loss means that somebody else's change went in.
pub(crate) const MAX_RACES: usize = 1000;
/// The object of a test (section 3).
pub const TEST_OBJECT_ID: i64 = 12345;

/// What an administrator says about a webhook. Unknown and read-only fields never get here.
#[derive(Debug, Clone, Default)]
pub struct WebhookInput {
    /// `event`
    pub event: Given<String>,
    /// `uri`
    pub uri: Given<String>,
    /// `name`
    pub name: Given<String>,
    /// `description`
    pub description: Given<String>,
    /// `description_attachments`
    pub description_attachments: Given<Vec<AttachmentInput>>,
    /// `disabled`
    pub disabled: Given<bool>,
    /// `mail_exceptions_to`
    pub mail_exceptions_to: Given<String>,
    /// `webhook_policy_id`
    pub webhook_policy_id: Given<u64>,
    /// `source`
    pub source: Given<String>,
    /// `sourceID`
    pub source_id: Given<String>,
    /// `openid_connect_discovery`
    pub openid_connect_discovery: Given<bool>,
    /// `headers`, in the order given.
    pub headers: Given<Vec<(String, Secret<String>)>>,
}

/// Creates a webhook. `software` names the caller's program, for a webhook that comes without a `source`.
pub async fn create(
    service: &Service,
    account: &Account,
    by: &Person,
    input: &WebhookInput,
    software: &str,
) -> Result<Webhook, Error> {
    let mut problems = Problems::new();
    if input.event.is_absent() {
        problems.add("event", "can't be blank");
    }
    if input.uri.is_absent() {
        problems.add("uri", "can't be blank");
    }
    let now = service.clock.now();
    let mut draft = Draft::new(software, Secrets::new(&*service.entropy));
    let own_events = event_type::needed(service, &account.id, input.event.value()).await?;
    draft.apply(service, input, &own_events, &mut problems);
    draft.link(policies::link(service, &account.id, &input.webhook_policy_id, None).await?, &mut problems);
    let given = &input.description_attachments;
    let attachments = attachment::applied(service, &account.id, None, &[], given, &mut problems).await?;
    let (Some(event), Some(uri)) = (draft.event, draft.uri) else { return Err(Error::Invalid(problems)) };
    problems.check()?;

    let mut webhook = Webhook {
        id: service.webhooks.allocate_webhook_id().await?,
        account: account.id.clone(),
        name: if draft.name.is_empty() { event.to_string() } else { draft.name },
        event,
        uri,
        description: draft.description,
        attachments,
        disabled: draft.disabled,
        disabling: draft.disabled.then_some(Disabling { by: DisabledBy::Administrator, at: now }),
        mail_exceptions_to: draft.mail_exceptions_to,
        policy: draft.policy,
        source: draft.source,
        source_id: draft.source_id,
        openid_connect_discovery: draft.openid_connect_discovery,
        header_names: draft.header_names,
        secrets: Sealed(Vec::new()),
        secrets_version: 0,
        verified: false,
        created_at: now,
        updated_at: now,
        version: 1,
        last_error: None,
    };
    let asked = verify::demand(service, &mut webhook, &mut draft.secrets, Change::Uri).await?;
    reseal(service, &mut webhook, &draft.secrets).await?;
    let changes = audit::webhook_changes(None, (&webhook, &draft.secrets));
    let entry = entry(service, &webhook, by, Action::Create, changes);
    match service.webhooks.create_webhook(&webhook, service.limits(), &entry).await? {
        Created::Done => {}
        refused @ (Created::TooMany | Created::TooManyPatterns | Created::NoPolicy | Created::NoAttachment) => {
            return Err(not_created(service, refused));
        }
    }
    if let Some(stamp) = asked {
        verify::send(service, &webhook, stamp).await?;
    }
    Ok(webhook)
}

/// Changes the fields that the input mentions. `if_match` is asked whether the stored webhook is still the one that the
/// caller saw.
pub async fn update(
    service: &Service,
    account: &AccountId,
    by: &Person,
    id: WebhookId,
    input: &WebhookInput,
    if_match: impl Fn(&Webhook) -> bool + Send + Sync,
) -> Result<Webhook, Error> {
    for _ in 0..MAX_RACES {
        let stored = service.webhooks.webhook(account, id).await?.ok_or(Error::NotFound)?;
        if !if_match(&stored) {
            return Err(Error::PreconditionFailed);
        }
        let Changed { webhook, changes, asked } = changed(service, &stored, input).await?;
        if webhook == stored {
            return Ok(stored);
        }
        let entry = entry(service, &webhook, by, Action::Update, changes);
        match service.webhooks.update_webhook(&webhook, service.limits(), &entry).await? {
            Ok(Written::Done) => {
                if let Some(stamp) = asked {
                    verify::send(service, &webhook, stamp).await?;
                }
                return Ok(webhook);
            }
            Ok(Written::Conflict) => {}
            Ok(Written::Gone) => return Err(Error::NotFound),
            Err(refused) => return Err(not_created(service, refused)),
        }
    }
    Err(Fault::unavailable("store", "a webhook changes too often to be written").into())
}

/// A webhook after a change.
struct Changed {
    /// Equal to the stored one if nothing changes.
    webhook: Webhook,
    changes: Changes,
    /// Which code to ask the endpoint for.
    asked: Option<Stamp>,
}

/// Applies an input to a webhook.
async fn changed(service: &Service, stored: &Webhook, input: &WebhookInput) -> Result<Changed, Error> {
    let before = open(service, stored).await?;
    let mut problems = Problems::new();
    let mut draft = Draft::of(stored, before.clone());
    let own_events = event_type::needed(service, &stored.account, input.event.value()).await?;
    draft.apply(service, input, &own_events, &mut problems);
    draft.link(policies::link(service, &stored.account, &input.webhook_policy_id, stored.policy).await?, &mut problems);
    let (own, given) = (&stored.attachments, &input.description_attachments);
    let attachments = attachment::applied(service, &stored.account, Some(stored.id), own, given, &mut problems).await?;
    let (Some(event), Some(uri)) = (draft.event, draft.uri) else { return Err(Error::Invalid(problems)) };
    problems.check()?;

    let mut webhook = Webhook {
        name: if draft.name.is_empty() { event.to_string() } else { draft.name },
        event,
        uri,
        description: draft.description,
        attachments,
        disabled: draft.disabled,
        disabling: disabling(service, stored, input, draft.disabled),
        mail_exceptions_to: draft.mail_exceptions_to,
        policy: draft.policy,
        source: draft.source,
        source_id: draft.source_id,
        openid_connect_discovery: draft.openid_connect_discovery,
        header_names: draft.header_names,
        ..stored.clone()
    };
    if webhook == *stored && draft.secrets == before {
        return Ok(Changed { webhook, changes: Changes::default(), asked: None });
    }
    let change = if webhook.uri == stored.uri { Change::Other } else { Change::Uri };
    let asked = verify::demand(service, &mut webhook, &mut draft.secrets, change).await?;
    if draft.secrets != before {
        reseal(service, &mut webhook, &draft.secrets).await?;
    }
    touch(service, &mut webhook);
    let changes = audit::webhook_changes(Some((stored, &before)), (&webhook, &draft.secrets));
    Ok(Changed { webhook, changes, asked })
}

/// Who disabled the webhook after the change. An administrator who disables it anew takes it out of the service's hands.
fn disabling(service: &Service, stored: &Webhook, input: &WebhookInput, disabled: bool) -> Option<Disabling> {
    let by_administrator = stored.disabling.is_some_and(|stored| stored.by == DisabledBy::Administrator);
    match (disabled, &input.disabled) {
        (false, _) => None,
        (true, Given::Value(true)) if !by_administrator => {
            Some(Disabling { by: DisabledBy::Administrator, at: service.clock.now() })
        }
        (true, _) => stored.disabling,
    }
}

/// Deletes a webhook. Its waiting messages are cancelled at their next attempt.
pub async fn delete(
    service: &Service,
    account: &AccountId,
    by: &Person,
    id: WebhookId,
    if_match: impl Fn(&Webhook) -> bool + Send + Sync,
) -> Result<(), Error> {
    for _ in 0..MAX_RACES {
        let stored = service.webhooks.webhook(account, id).await?.ok_or(Error::NotFound)?;
        if !if_match(&stored) {
            return Err(Error::PreconditionFailed);
        }
        let entry = entry(service, &stored, by, Action::Destroy, audit::webhook_destroyed(&stored));
        match service.webhooks.delete_webhook(account, id, stored.version, &entry).await? {
            Written::Done => return Ok(()),
            Written::Conflict => {}
            Written::Gone => return Err(Error::NotFound),
        }
    }
    Err(Fault::unavailable("store", "a webhook changes too often to be deleted").into())
}

/// Sends a test: a normal POST of the webhook's own event, also when the webhook is disabled.
pub async fn test(service: &Service, account: &Account, id: WebhookId) -> Result<(), Error> {
    let (group, attempt) = test_attempt(service, account, id).await?;
    service.queues.put_attempts(&[(group, attempt)]).await?;
    Ok(())
}

/// The one attempt of a test, and the group of its host.
pub(crate) async fn test_attempt(service: &Service, account: &Account, id: WebhookId) -> Result<(u64, Attempt), Error> {
    let webhook = service.webhooks.webhook(&account.id, id).await?.ok_or(Error::NotFound)?;
    let mut problems = Problems::new();
    if !service.settings.verification.is_satisfied_by(webhook.verified) {
        problems.add_base("Webhook is not verified");
    }
    let own_events = match webhook.event.test_event(&[]) {
        Some(_) => Vec::new(),
        None => service.event_types.own_event_names(&account.id).await?,
    };
    let Some(event) = webhook.event.test_event(&own_events) else {
        problems.add("event", "is not included in the list");
        return Err(Error::Invalid(problems));
    };
    problems.check()?;
    let now = service.clock.now();
    let head = test_event(account, event, EventId::generate(now, &*service.entropy), now);
    let mut message = Message::new(&Arc::new(head), id, webhook.name, account.custom_url.clone());
    message.kind = Kind::Test;
    Ok((host_hash(&webhook.uri), Attempt::first(message, &Payload::empty(), now)))
}

/// The event of a test.
#[must_use]
pub fn test_event(account: &Account, event: EventName, id: EventId, accepted_at: jiff::Timestamp) -> EventHead {
    EventHead {
        id,
        account: account.id.clone(),
        object_id: TEST_OBJECT_ID,
        object_type: EventHead::default_object_type(&event),
        event,
        person_id: None,
        person_name: None,
        links: crate::links::Links::default(),
        webhook: None,
        accepted_at,
    }
}

/// The signing secret of a webhook, to be shown to a person.
pub async fn secret(
    service: &Service,
    account: &AccountId,
    by: &Person,
    id: WebhookId,
) -> Result<SigningSecret, Error> {
    let webhook = service.webhooks.webhook(account, id).await?.ok_or(Error::NotFound)?;
    let secrets = open(service, &webhook).await?;
    service.audit.audit(&entry(service, &webhook, by, Action::Read, Changes::default())).await?;
    Ok(secrets.signing)
}

/// Gives a webhook a new signing secret. The old one signs as well for its full 24 hours, and so does any that was
/// rotated out before it.
pub async fn rotate_secret(
    service: &Service,
    account: &AccountId,
    by: &Person,
    id: WebhookId,
) -> Result<SigningSecret, Error> {
    let fresh = SigningSecret::generate(&*service.entropy);
    for _ in 0..MAX_RACES {
        let mut webhook = service.webhooks.webhook(account, id).await?.ok_or(Error::NotFound)?;
        let mut secrets = open(service, &webhook).await?;
        let now = service.clock.now();
        secrets.retiring.retain(|old| old.until > now);
        let old = std::mem::replace(&mut secrets.signing, fresh.clone());
        secrets.retiring.insert(0, RetiringSecret { secret: old, until: now + RETIRING_FOR });
        reseal(service, &mut webhook, &secrets).await?;
        touch(service, &mut webhook);
        let mut changes = Changes::default();
        changes.note_secret("secret", true, true);
        let entry = entry(service, &webhook, by, Action::Update, changes);
        match service.webhooks.update_webhook(&webhook, service.limits(), &entry).await? {
            Ok(Written::Done) => return Ok(fresh),
            Ok(Written::Conflict) => {}
            Ok(Written::Gone) => return Err(Error::NotFound),
            Err(refused) => return Err(not_created(service, refused)),
        }
    }
    Err(Fault::unavailable("store", "a webhook changes too often to be written").into())
}

/// Hash of an endpoint host: the fair-queue group of its messages.
#[must_use]
pub fn host_hash(uri: &EndpointUri) -> u64 {
    uri.host().hash()
}

/// The entry of what a person does to a webhook now.
pub(crate) fn entry(service: &Service, webhook: &Webhook, by: &Person, action: Action, changes: Changes) -> AuditEntry {
    AuditEntry {
        account: webhook.account.clone(),
        subject: Subject::Webhook(webhook.id),
        action,
        at: service.clock.now(),
        by: Some(by.clone()),
        changes,
    }
}

fn touch(service: &Service, webhook: &mut Webhook) {
    webhook.version += 1;
    webhook.updated_at = service.clock.now();
}

pub(crate) fn not_created(service: &Service, refused: Created) -> Error {
    let mut problems = Problems::new();
    match refused {
        Created::Done => {}
        Created::TooMany => {
            problems.add("webhooks", format!("has reached its limit of {}", service.settings.max_webhooks));
        }
        Created::TooManyPatterns => {
            let limit = service.settings.max_pattern_webhooks;
            problems.add("webhooks_with_a_pattern", format!("has reached its limit of {limit}"));
        }
        Created::NoPolicy => problems.add("webhook_policy", "must exist"),
        Created::NoAttachment => problems.add("description_attachments", "is invalid"),
    }
    Error::Invalid(problems)
}

/// Seals the secrets of a webhook, in their next version.
pub(crate) async fn reseal(service: &Service, webhook: &mut Webhook, secrets: &Secrets) -> Result<(), Fault> {
    webhook.secrets_version += 1;
    webhook.secrets = service.vault.seal(webhook.seal_context(), &secrets.encode()).await?;
    Ok(())
}

/// Opens the secrets of a webhook.
pub(crate) async fn open(service: &Service, webhook: &Webhook) -> Result<Secrets, Fault> {
    let bytes = service.vault.open(webhook.seal_context(), &webhook.secrets).await?;
    Secrets::decode(&bytes).ok_or_else(|| Fault::unavailable("vault", "the secrets of a webhook are unreadable"))
}
