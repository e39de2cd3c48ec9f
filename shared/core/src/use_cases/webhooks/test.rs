//! Sends a test to a webhook (section 3).

use std::sync::Arc;

use crate::errors::{UseCaseError, ValidationErrors};
use crate::ids::{EventId, WebhookId};
use crate::model::event::test_event;
use crate::model::{Account, Attempt, EventName, Message, MessageKind, Payload};
use crate::service::Service;

/// Sends a test: a normal POST of the webhook's own event, also when the webhook is disabled. The payload is the example
/// of an own event type, if it has one, or empty.
pub async fn test(service: &Service, account: &Account, id: WebhookId) -> Result<(), UseCaseError> {
    let (group, attempt) = test_attempt(service, account, id).await?;
    service.queues.put_attempts(&[(group, attempt)]).await?;
    Ok(())
}

/// The one attempt of a test, and the group of its host.
pub(crate) async fn test_attempt(
    service: &Service,
    account: &Account,
    id: WebhookId,
) -> Result<(u64, Attempt), UseCaseError> {
    let webhook = service.webhooks.webhook(&account.id, id).await?.ok_or(UseCaseError::NotFound)?;
    let mut problems = ValidationErrors::new();
    if !service.settings.verification.is_satisfied_by(webhook.verified) {
        problems.add_base("Webhook is not verified");
    }
    let waits_for = webhook.events.first();
    let own_types = match waits_for.test_event(&[]) {
        Some(event) if EventName::builtin(event.as_str()).is_some() => Vec::new(),
        Some(_) | None => service.event_types.own_event_types(&account.id).await?,
    };
    let own_events: Vec<EventName> = own_types.iter().map(|one| one.name.clone()).collect();
    let Some(event) = waits_for.test_event(&own_events) else {
        problems.add("event", "is not included in the list");
        return Err(UseCaseError::Invalid(problems));
    };
    problems.check()?;
    let mut payload = Payload::empty();
    if let Some(own) = own_types.iter().find(|own| own.name == event) {
        let example = service.event_types.event_type_documents(&account.id, own.id).await?.example;
        payload = example.map_or(payload, |example| Payload::from_valid_json(example.into()));
    }
    let now = service.clock.now();
    let head = test_event(account, event, EventId::generate(now, &*service.entropy), now);
    let mut message = Message::new(&Arc::new(head), id, webhook.name, account.custom_url.clone());
    message.kind = MessageKind::Test;
    Ok((webhook.uri.host().hash(), Attempt::first(message, &payload, now)))
}
