//! Recovery (section 8): a webhook that the service disabled, because it failed for too long, is tried again now and then.
//!
//! A [`Step`] on the deliveries queue is one try: after 1 h, 6 h and 24 h, then daily for 30 days. It sends a message that
//! the webhook missed, in a run of its own with one attempt: the oldest that was skipped, else the newest that was
//! dropped. A success enables the webhook and is mailed. A failure counts for nobody but the endpoint host, and is mailed
//! to nobody.
//!
//! The first step is on the queue before the webhook is disabled, and every step before its predecessor is over, so no
//! crash ends the tries. A step belongs to one disabling: whatever an administrator does meanwhile ends them.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::account::AccountId;
use crate::audit::{Action, AuditEntry, Changes, Subject};
use crate::deliver::{self, LEASE, blank};
use crate::delivery::{Delivery, Outcome};
use crate::event::Event;
use crate::health::{self, Gate};
use crate::listing::{Test, Value};
use crate::message::{Attempt, Kind};
use crate::notify;
use crate::outgoing::recorded_message;
use crate::ports::{Answer, AttemptClaim, DeliveryQuery, DeliveryScope, Disposition, RedeliveryQuery, Service};
use crate::redeliver::LEAST_TIME_LEFT;
use crate::retry::MAX_ATTEMPTS;
use crate::sending;
use crate::throttle::after_wait;
use crate::verify;
use crate::webhook::{DisabledBy, Disabling, Target, WebhookId};

/// Tries are daily for so many days, after the first three.
const DAYS: u32 = 30;
/// How many of the newest dropped messages are looked at for one that can be sent.
const DROPPED_LOOKED_AT: u32 = 20;
/// What a mail says of missed messages is exact up to this.
const MOST_COUNTED: u64 = 10_000;

/// One try.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Whose webhook it is.
    pub account: AccountId,
    /// The webhook.
    pub webhook: WebhookId,
    /// The disabling that it is about.
    pub disabled_at: Timestamp,
    /// 0 is the first.
    pub number: u32,
    /// When it is due.
    pub due_at: Timestamp,
}

impl Step {
    /// The first try after a disabling.
    #[must_use]
    pub fn first(account: &AccountId, webhook: WebhookId, disabled_at: Timestamp, scale: f64) -> Self {
        let due_at = due(disabled_at, 0, scale).unwrap_or(disabled_at);
        Self { account: account.clone(), webhook, disabled_at, number: 0, due_at }
    }

    /// True for the last try: whatever comes of it, no other follows.
    #[must_use]
    pub fn is_last(&self) -> bool {
        self.next(1.0).is_none()
    }

    /// The try after this one, if there is one.
    fn next(&self, scale: f64) -> Option<Self> {
        let number = self.number + 1;
        Some(Self { number, due_at: due(self.disabled_at, number, scale)?, ..self.clone() })
    }

    /// The number of its run. It follows from the step, so a step that is repeated makes the same attempt.
    fn run(&self) -> u64 {
        u64::try_from(self.due_at.as_millisecond()).unwrap_or_default() << 15
    }
}

/// When a try is due; `None` after the last.
fn due(disabled_at: Timestamp, number: u32, scale: f64) -> Option<Timestamp> {
    let hours = match number {
        0 => 1,
        1 => 6,
        2 => 24,
        number if number <= 2 + DAYS => 24 * u64::from(number - 1),
        _ => return None,
    };
    Some(after_wait(disabled_at, Duration::from_hours(hours).mul_f64(scale)))
}

/// Works on a step.
pub async fn handle(service: &Service, step: Step) -> Answer<Disposition> {
    let now = service.clock.now();
    if step.due_at > now {
        return Ok(Disposition::HandBack { until: step.due_at });
    }
    let disabling = Disabling { by: DisabledBy::Failures, at: step.disabled_at };
    let webhook = service.webhooks.webhook(&step.account, step.webhook).await?;
    let target = service.webhooks.target(&step.account, step.webhook).await?;
    let (Some(webhook), Some(target)) = (webhook, target) else { return Ok(Disposition::Done) };
    if webhook.disabling != Some(disabling) {
        return Ok(Disposition::Done);
    }
    let objection = verify::objection(&service.settings, Kind::Event, &target);
    let found = if target.account_disabled || objection.is_some() { None } else { find(service, &step, now).await? };
    let Some((delivery, event)) = found else { return later(service, &step).await };
    let attempt = Attempt {
        message: recorded_message(&delivery, &event),
        payload: Some(event.payload),
        run: step.run(),
        run_began_at: now,
        number: 1,
        due_at: step.due_at,
        retry_of: None,
        redelivery_of: Some(delivery.id),
        hops: 0,
    };
    let probe = match health::gate(service, &attempt, &target, Timestamp::MAX, now).await? {
        Gate::Open { probe } => probe,
        Gate::Closed { until } => return Ok(Disposition::HandBack { until }),
    };
    match service.deliveries.claim_attempt(&attempt, now, now + LEASE).await? {
        AttemptClaim::Won => attempt_once(service, &step, &target, &attempt, probe).await,
        AttemptClaim::Busy { until } => Ok(Disposition::HandBack { until }),
        // Its process died after the record. What followed a failure was on the queue by then.
        AttemptClaim::Final { .. } => {
            let record = service.deliveries.delivery(&step.account, attempt.delivery_id(), now).await?;
            if record.is_some_and(|record| record.outcome == Outcome::Succeeded) {
                enable(service, &step, &target, now).await?;
            }
            Ok(Disposition::Done)
        }
    }
}

/// Puts the next try on the queue.
async fn later(service: &Service, step: &Step) -> Answer<Disposition> {
    if let Some(next) = step.next(service.settings.wait_scale) {
        service.queues.put_recovery(&next).await?;
    }
    Ok(Disposition::Done)
}

/// Makes the attempt, and does what follows from it.
async fn attempt_once(
    service: &Service,
    step: &Step,
    target: &Target,
    attempt: &Attempt,
    probe: bool,
) -> Answer<Disposition> {
    let began = service.clock.now();
    let Ok(prepared) = sending::prepare(service, attempt, target).await? else { return later(service, step).await };
    let (request, exchange) = prepared.post(service).await?;
    let (response, failure) = deliver::judged(exchange.result);
    let now = service.clock.now();
    // The only attempt of its run.
    let last = Attempt { number: MAX_ATTEMPTS, ..attempt.clone() };
    let verdict = health::verdict(service, &last, response.as_ref(), Timestamp::MAX, &target.health, now);
    let gone = response.as_ref().is_some_and(|response| response.status == 410);
    let outcome = if failure.is_none() { Outcome::Succeeded } else { Outcome::Dropped };
    match &failure {
        Some(failure) => {
            service.webhooks.note_failure(&step.account, step.webhook, &failure.text, now).await?;
            if !gone {
                later(service, step).await?;
            }
        }
        None => service.webhooks.note_success(&step.account, step.webhook).await?,
    }
    let set_off = health::note_host(service, attempt, target, &verdict, probe, now).await?;
    let record = Delivery {
        failure,
        request: Some(request),
        response,
        timings: Some(exchange.timings),
        address: exchange.address,
        ..blank(attempt, began, outcome)
    };
    service.deliveries.record(&record).await?;
    if let Some(host) = set_off {
        notify::throttled(service, &step.account, target.uri.host(), &host).await;
    }
    if outcome == Outcome::Succeeded {
        enable(service, step, target, now).await?;
    }
    Ok(Disposition::Done)
}

/// Enables the webhook and tells people; unless an administrator was faster.
async fn enable(service: &Service, step: &Step, target: &Target, now: Timestamp) -> Answer<()> {
    let Step { account, webhook, disabled_at, .. } = step;
    let mut changes = Changes::default();
    changes.note("disabled", true, false);
    let subject = Subject::Webhook(*webhook);
    let audit = AuditEntry { account: account.clone(), subject, action: Action::Update, at: now, by: None, changes };
    let disabling = Disabling { by: DisabledBy::Failures, at: *disabled_at };
    if service.webhooks.enable_webhook(account, *webhook, disabling, &audit).await? {
        let missed = query(service, step, Outcome::REDELIVERABLE.to_vec(), now);
        let missed = service.redeliveries.count_redeliverable(account, &missed, MOST_COUNTED).await?;
        notify::recovered(service, account, target, missed).await;
    }
    Ok(())
}

/// The message to try: the oldest that was skipped, else the newest that was dropped; with its event.
async fn find(service: &Service, step: &Step, now: Timestamp) -> Answer<Option<(Delivery, Event)>> {
    let skipped = query(service, step, vec![Outcome::Skipped], now);
    let skipped = service.redeliveries.redeliverable(&step.account, &skipped).await?.items;
    let dropped = DeliveryQuery {
        scope: DeliveryScope::Webhook(step.webhook),
        event: Vec::new(),
        outcome: vec![Test::OneOf(vec![Value::Text(Outcome::Dropped.as_str().to_owned())])],
        created_at: Vec::new(),
        older_than: None,
        newer_than: None,
        per_page: DROPPED_LOOKED_AT,
    };
    for delivery in skipped {
        if let Some(found) = with_event(service, step, delivery, now).await? {
            return Ok(Some(found));
        }
    }
    let dropped = service.deliveries.list_deliveries(&step.account, &dropped, now).await?.items;
    for delivery in dropped.into_iter().filter(|delivery| delivery.kind == Kind::Event) {
        let outcomes = service.deliveries.outcomes_of_event(&step.account, &delivery.event_id, now).await?;
        if !outcomes.contains(&(delivery.message.clone(), Outcome::Succeeded))
            && let Some(found) = with_event(service, step, delivery, now).await?
        {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

async fn with_event(
    service: &Service,
    step: &Step,
    delivery: Delivery,
    now: Timestamp,
) -> Answer<Option<(Delivery, Event)>> {
    let stored = service.events.event(&step.account, &delivery.event_id, now).await?;
    Ok(stored.map(|stored| (delivery, stored.event)))
}

/// The question for messages that the webhook missed.
fn query(service: &Service, step: &Step, outcomes: Vec<Outcome>, now: Timestamp) -> RedeliveryQuery {
    RedeliveryQuery {
        webhook: step.webhook,
        outcomes,
        since: None,
        before: after_wait(now, Duration::from_millis(1)),
        accepted_from: now + LEAST_TIME_LEFT - service.settings.events_kept,
        // No run of a redelivery has this number.
        but_run: u64::MAX >> 1,
        after: None,
        most: 1,
        now,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tries_come_after_1_6_and_24_hours_and_then_daily_for_30_days() {
        let account = AccountId::parse("wdc").unwrap();
        let mut step = Some(Step::first(&account, WebhookId(1), Timestamp::UNIX_EPOCH, 1.0));
        let mut hours = Vec::new();
        while let Some(this) = step {
            hours.push(this.due_at.as_second() / 3600);
            step = this.next(1.0);
        }
        let expected: Vec<i64> = [1, 6].into_iter().chain((1..=31).map(|day| day * 24)).collect();
        assert_eq!(hours, expected);
        let scaled = Step::first(&account, WebhookId(1), Timestamp::UNIX_EPOCH, 0.001);
        assert_eq!(scaled.due_at, Timestamp::from_millisecond(3600).unwrap());
        assert_eq!(scaled.next(0.001).unwrap().due_at, Timestamp::from_millisecond(21_600).unwrap());
    }
}
