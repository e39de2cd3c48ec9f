//! Recovery (section 8): a webhook that the service disabled, because it failed for too long, is tried again now and
//! then.
//!
//! A [`RecoveryStep`] on the deliveries queue is one try: after 1 h, 6 h and 24 h, then daily for 30 days. It sends a
//! message that the webhook missed, in a run of its own with one attempt: the oldest that was skipped, else the newest
//! that was dropped. A success enables the webhook and is mailed. A failure counts only for the endpoint host, and is
//! not mailed.
//!
//! The first step is queued before the webhook is disabled, and every further step before the previous one is
//! acknowledged, so no crash ends the tries. A step belongs to one disabling: a change by an administrator ends the
//! tries.

use std::time::Duration;

use jiff::Timestamp;
use tracing::Instrument as _;

use super::health::{self, SendPermit};
use super::{deliver, notify, send, spans};
use crate::errors::PortResult;
use crate::model::attempt::LEASE;
use crate::model::redelivery::MIN_TIME_LEFT;
use crate::model::{
    Attempt, AuditChanges, AuditEntry, AuditSubject, Delivery, DeliveryTarget, DisabledBy, Disabling, Event,
    MessageKind, Outcome, RecoveryStep,
};
use crate::ports::{AttemptClaim, DeliveryQuery, DeliveryScope, Disposition, RedeliveryPage, RedeliveryQuery};
use crate::rules::retry::MAX_ATTEMPTS;
use crate::rules::{WebhookEffect, verification};
use crate::service::Service;
use crate::values::clock::after_wait;
use crate::values::{Condition, FieldValue};

/// How many of the newest dropped messages are looked at for one that can be sent.
const DROPPED_LOOKED_AT: u32 = 20;

/// Mails count missed messages exactly up to this number.
const MAX_COUNTED: u64 = 10_000;

/// Handles one step.
pub async fn run_step(service: &Service, step: RecoveryStep) -> PortResult<Disposition> {
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
    let objection = verification::objection(&service.settings, MessageKind::Event, &target);
    let found = if target.account_disabled || objection.is_some() { None } else { find(service, &step, now).await? };
    let Some((delivery, event)) = found else { return later(service, &step).await };
    let attempt = Attempt {
        message: delivery.message(&event),
        payload: Some(event.payload),
        run: step.run(),
        run_began_at: now,
        number: 1,
        due_at: step.due_at,
        retry_of: None,
        redelivery_of: Some(delivery.id),
        hops: 0,
    };
    let probe = match health::request_permit(service, &attempt, &target, Timestamp::MAX, now).await? {
        SendPermit::Granted { probe } => probe,
        SendPermit::Denied { until } => return Ok(Disposition::HandBack { until }),
    };
    match service.deliveries.claim_attempt(&attempt, now, now + LEASE).await? {
        AttemptClaim::Won => {
            let span = spans::attempt(&attempt);
            span.record("host", target.uri.host().as_str());
            attempt_once(service, &step, &target, &attempt, probe).instrument(span).await
        }
        AttemptClaim::Busy { until } => Ok(Disposition::HandBack { until }),
        // The process crashed after the record was written. The next step was on the queue by then.
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
async fn later(service: &Service, step: &RecoveryStep) -> PortResult<Disposition> {
    if let Some(next) = step.next(service.settings.wait_scale) {
        service.queues.put_recovery(&next).await?;
    }
    Ok(Disposition::Done)
}

/// Makes the attempt and applies its consequences.
async fn attempt_once(
    service: &Service,
    step: &RecoveryStep,
    target: &DeliveryTarget,
    attempt: &Attempt,
    probe: bool,
) -> PortResult<Disposition> {
    let began = service.clock.now();
    let Ok(prepared) = send::prepare(service, attempt, target).await? else { return later(service, step).await };
    let (request, exchange) = prepared.post(service).await?;
    let (response, failure) = send::judged(exchange.result);
    let now = service.clock.now();
    // The only attempt of its run.
    let last = Attempt { number: MAX_ATTEMPTS, ..attempt.clone() };
    let verdict = health::judge(service, &last, response.as_ref(), Timestamp::MAX, &target.health, now);
    let gone = verdict.webhook == WebhookEffect::Disable(DisabledBy::Gone);
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
    let set_off = health::apply_to_host(service, attempt, target, &verdict, probe, now).await?;
    let record = Delivery {
        failure,
        request: Some(request),
        response,
        timings: Some(exchange.timings),
        address: exchange.address,
        ..Delivery::of_attempt(attempt, began, outcome)
    };
    service.deliveries.record(&record).await?;
    deliver::log_attempt(&record);
    if let Some(host) = set_off {
        notify::throttled(service, &step.account, target.uri.host(), &host).await;
    }
    if outcome == Outcome::Succeeded {
        enable(service, step, target, now).await?;
    }
    Ok(Disposition::Done)
}

/// Enables the webhook and mails that, unless an administrator changed it first.
async fn enable(service: &Service, step: &RecoveryStep, target: &DeliveryTarget, now: Timestamp) -> PortResult<()> {
    let RecoveryStep { account, webhook, disabled_at, .. } = step;
    let mut changes = AuditChanges::default();
    changes.note("disabled", true, false);
    let audit = AuditEntry::by_service(account, AuditSubject::Webhook(*webhook), now, changes);
    let disabling = Disabling { by: DisabledBy::Failures, at: *disabled_at };
    if service.webhooks.enable_webhook(account, *webhook, disabling, &audit).await? {
        let missed = query(service, step, Outcome::REDELIVERABLE.to_vec(), now);
        let missed = service.redeliveries.count_redeliverable(account, &missed, MAX_COUNTED).await?;
        tracing::info!(missed, "webhook enabled again");
        notify::recovered(service, account, target, missed).await;
    }
    Ok(())
}

/// The message to try: the oldest that was skipped, else the newest that was dropped; with its event.
async fn find(service: &Service, step: &RecoveryStep, now: Timestamp) -> PortResult<Option<(Delivery, Event)>> {
    let mut skipped = query(service, step, vec![Outcome::Skipped], now);
    loop {
        let RedeliveryPage { items, next } = service.redeliveries.redeliverable(&step.account, &skipped).await?;
        for delivery in items {
            if let Some(found) = with_event(service, step, delivery, now).await? {
                return Ok(Some(found));
            }
        }
        if next.is_none() {
            break;
        }
        skipped.after = next;
    }
    let dropped = DeliveryQuery {
        scope: DeliveryScope::Webhook(step.webhook),
        event: Vec::new(),
        outcome: vec![Condition::OneOf(vec![FieldValue::Text(Outcome::Dropped.as_str().to_owned())])],
        created_at: Vec::new(),
        older_than: None,
        newer_than: None,
        per_page: DROPPED_LOOKED_AT,
    };
    let dropped = service.deliveries.list_deliveries(&step.account, &dropped, now).await?.items;
    for delivery in dropped.into_iter().filter(|delivery| delivery.kind == MessageKind::Event) {
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
    step: &RecoveryStep,
    delivery: Delivery,
    now: Timestamp,
) -> PortResult<Option<(Delivery, Event)>> {
    let stored = service.events.event(&step.account, &delivery.event_id, now).await?;
    Ok(stored.map(|stored| (delivery, stored.event)))
}

/// The question for messages that the webhook missed.
fn query(service: &Service, step: &RecoveryStep, outcomes: Vec<Outcome>, now: Timestamp) -> RedeliveryQuery {
    RedeliveryQuery {
        webhook: step.webhook,
        outcomes,
        event: None,
        since: None,
        before: after_wait(now, Duration::from_millis(1)),
        accepted_from: now + MIN_TIME_LEFT - service.settings.events_kept,
        // No run of a redelivery has this number.
        but_run: u64::MAX >> 1,
        after: None,
        most: 1,
        now,
    }
}
