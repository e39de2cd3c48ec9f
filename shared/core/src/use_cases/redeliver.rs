//! Redelivery (section 10): a message is sent again, in a new run with attempts 1 to 10 anew. Same message, so the same
//! `Webhook-Id` and data; current URI, headers and keys. One message by its delivery, or all that an outage left behind
//! ([`redelivery_job`](super::redelivery_job)).

use crate::errors::{UseCaseError, ValidationErrors};
use crate::ids::{AccountId, DeliveryId};
use crate::model::redelivery::MIN_TIME_LEFT;
use crate::model::{Attempt, Delivery, DeliveryTarget, MessageKind, Outcome};
use crate::service::Service;

/// Sends the message of a delivery again; answers the new record, which is *waiting*.
pub async fn redeliver(service: &Service, account: &AccountId, id: DeliveryId) -> Result<Delivery, UseCaseError> {
    let now = service.clock.now();
    let delivery = service.deliveries.delivery(account, id, now).await?.ok_or(UseCaseError::NotFound)?;
    let mut problems = ValidationErrors::new();
    match delivery.kind {
        MessageKind::Event => {}
        MessageKind::Test => problems.add_base("Delivery is a test"),
        MessageKind::Verify => problems.add_base("Delivery is a verify message"),
    }
    let target = service.webhooks.target(account, delivery.webhook).await?;
    refuse_target(service, target.as_ref(), &mut problems);
    let event = service.events.event(account, &delivery.event_id, now).await?.map(|stored| stored.event);
    let event = event.filter(|event| now + MIN_TIME_LEFT <= event.head.accepted_at + service.settings.events_kept);
    if event.is_none() && delivery.kind == MessageKind::Event {
        problems.add_base("Event is too old to be redelivered");
    }
    problems.check()?;
    let (Some(target), Some(event)) = (target, event) else { return Err(UseCaseError::NotFound) };

    let attempt = Attempt {
        message: delivery.message(&event),
        payload: Some(event.payload.clone()),
        run: new_run(service, now),
        run_began_at: now,
        number: 1,
        due_at: now,
        retry_of: None,
        redelivery_of: Some(delivery.id),
        hops: 0,
    };
    let record = Delivery::of_attempt(&attempt, now, Outcome::Waiting);
    // The work first: a crash in between then costs the record of waiting, not the message.
    service.queues.put_attempts(&[(target.uri.host().hash(), attempt)]).await?;
    service.deliveries.record(&record).await?;
    Ok(record)
}

/// Nothing is sent again to a webhook that is gone, disabled or not verified.
pub(crate) fn refuse_target(service: &Service, target: Option<&DeliveryTarget>, problems: &mut ValidationErrors) {
    match target {
        None => problems.add("webhook", "must exist"),
        Some(target) if target.disabled => problems.add_base("Webhook is disabled"),
        Some(target) if !service.settings.verification.is_satisfied_by(target.verified) => {
            problems.add_base("Webhook is not verified");
        }
        Some(_) => {}
    }
}

/// A number for a new run: the moment, and chance for two at the same moment. Newer runs have larger numbers.
pub(crate) fn new_run(service: &Service, now: jiff::Timestamp) -> u64 {
    let mut chance = [0; 2];
    service.entropy.fill(&mut chance);
    let millis = u64::try_from(now.as_millisecond()).unwrap_or_default();
    (millis << 15) | u64::from(u16::from_le_bytes(chance) >> 1)
}
