//! Sends a test to a webhook (section 3).

use std::sync::Arc;

use crate::errors::{UseCaseError, ValidationErrors};
use crate::ids::{EventId, WebhookId};
use crate::model::event::test_event;
use crate::model::{Account, Attempt, Message, MessageKind, Payload};
use crate::service::Service;

/// Sends a test: a normal POST of the webhook's own event, also when the webhook is disabled.
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
    let own_events = match waits_for.test_event(&[]) {
        Some(_) => Vec::new(),
        None => service.event_types.own_event_names(&account.id).await?,
    };
    let Some(event) = waits_for.test_event(&own_events) else {
        problems.add("event", "is not included in the list");
        return Err(UseCaseError::Invalid(problems));
    };
    problems.check()?;
    let now = service.clock.now();
    let head = test_event(account, event, EventId::generate(now, &*service.entropy), now);
    let mut message = Message::new(&Arc::new(head), id, webhook.name, account.custom_url.clone());
    message.kind = MessageKind::Test;
    Ok((webhook.uri.host().hash(), Attempt::first(message, &Payload::empty(), now)))
}
