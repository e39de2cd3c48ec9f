//! Redelivery (section 10): a message is sent again, in a new run with attempts 1 to 10 anew. Same message, so the same
//! `Webhook-Id` and data; current URI, headers and keys. One message by its delivery, or all that an outage left behind
//! ([`job`]).

pub use self::job::{Job, JobInput, Progress, State, Step, Wanted};
pub use super::redelivery_job as job;
use std::time::Duration;

use crate::account::AccountId;
use crate::deliver::blank;
use crate::delivery::{Delivery, DeliveryId, Outcome};
use crate::message::{Attempt, Kind};
use crate::outgoing::recorded_message;
use crate::ports::Service;
use crate::problems::{Error, Problems};
use crate::register::host_hash;
use crate::webhook::Target;

/// An event is redelivered only while so much of its time is left: the length of a run.
pub(crate) const LEAST_TIME_LEFT: Duration = Duration::from_hours(72);

/// Sends the message of a delivery again; answers the new record, which is *waiting*.
pub async fn redeliver(service: &Service, account: &AccountId, id: DeliveryId) -> Result<Delivery, Error> {
    let now = service.clock.now();
    let delivery = service.deliveries.delivery(account, id, now).await?.ok_or(Error::NotFound)?;
    let mut problems = Problems::new();
    match delivery.kind {
        Kind::Event => {}
        Kind::Test => problems.add_base("Delivery is a test"),
        Kind::Verify => problems.add_base("Delivery is a verify message"),
    }
    let target = service.webhooks.target(account, delivery.webhook).await?;
    refuse_target(service, target.as_ref(), &mut problems);
    let event = service.events.event(account, &delivery.event_id, now).await?.map(|stored| stored.event);
    let event = event.filter(|event| now + LEAST_TIME_LEFT <= event.head.accepted_at + service.settings.events_kept);
    if event.is_none() && delivery.kind == Kind::Event {
        problems.add_base("Event is too old to be redelivered");
    }
    problems.check()?;
    let (Some(target), Some(event)) = (target, event) else { return Err(Error::NotFound) };

    let attempt = Attempt {
        message: recorded_message(&delivery, &event),
        payload: Some(event.payload.clone()),
        run: new_run(service, now),
        run_began_at: now,
        number: 1,
        due_at: now,
        retry_of: None,
        redelivery_of: Some(delivery.id),
        hops: 0,
    };
    let record = blank(&attempt, now, Outcome::Waiting);
    // The work first: a crash in between then costs the record of waiting, not the message.
    service.queues.put_attempts(&[(host_hash(&target.uri), attempt)]).await?;
    service.deliveries.record(&record).await?;
    Ok(record)
}

/// Nothing is sent again to a webhook that is gone, disabled or not verified.
pub(crate) fn refuse_target(service: &Service, target: Option<&Target>, problems: &mut Problems) {
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
