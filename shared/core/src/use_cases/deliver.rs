//! Delivery: one attempt to send one message (section 8).
//!
//! The webhook's current state is read; a message whose webhook is gone or disabled is *cancelled*, one whose run took
//! too long is *dropped*. While its endpoint host is throttled or held it waits
//! ([`request_permit`](super::health::request_permit)). Otherwise the message is signed anew, POSTed once, and
//! [`retry::judge`](crate::rules::retry::judge) says what follows.
//!
//! The outcome of an attempt is decided once, by its record: the first final record stands. Only a record with a time
//! for the next attempt is followed by one, due at that time. So a run is a chain with one end, whatever is repeated.
//! The record is final before the next attempt is on the queue, and this attempt's message is acknowledged after that.
//! A repeat of the message finds the record and queues the next attempt again: the same attempt, which is made once.
//!
//! Attempt 1 of the first run needs no claim: its record is written once, at its end. All others first win a claim, so
//! a repeated queue message causes no second POST. If another process holds the claim, the message goes back to the
//! queue.
//!
//! An attempt that fails by our own fault leaves no record and counts against neither webhook nor host. Its claim, if
//! there is one, ends with its lease, as after a crash, and the attempt is made then.

use jiff::Timestamp;
use tracing::Span;

use super::health::{self, SendPermit};
use super::notify;
use super::send::{self, judged};
use crate::errors::PortResult;
use crate::model::attempt::LEASE;
use crate::model::{Attempt, Delivery, DeliveryTarget, ErrorClass, Failure, Hour, MessageKind, Outcome, RequestRecord};
use crate::ports::{AttemptClaim, ConnectionUse, Disposition, Exchange, Measurement, RecordOutcome};
use crate::rules::{NextStep, verification};
use crate::service::Service;
use crate::values::clock::whole_millisecond;

/// Handles one attempt of the deliveries queue.
pub async fn handle(service: &Service, attempt: Attempt) -> PortResult<Disposition> {
    let now = service.clock.now();
    if attempt.due_at > now {
        return Ok(Disposition::HandBack { until: attempt.due_at });
    }
    let target = service.webhooks.target(attempt.message.account(), attempt.message.webhook).await?;
    let target = match (target, attempt.message.kind) {
        (None, _) => return end_unsent(service, &attempt, now, Outcome::Cancelled, "Webhook deleted").await,
        (Some(target), MessageKind::Event) if target.disabled => {
            return end_unsent(service, &attempt, now, Outcome::Cancelled, "Webhook disabled").await;
        }
        (Some(target), _) if target.account_disabled => {
            return end_unsent(service, &attempt, now, Outcome::Cancelled, "Account disabled").await;
        }
        (Some(target), _) => target,
    };
    Span::current().record("host", target.uri.host().as_str());
    if let Some(why) = verification::objection(&service.settings, attempt.message.kind, &target) {
        return end_unsent(service, &attempt, now, Outcome::Cancelled, why).await;
    }
    let run_ends = attempt.run_began_at + service.settings.run_expires_after;
    if now >= run_ends {
        let ended = end_unsent(service, &attempt, now, Outcome::Dropped, "Expired").await?;
        Box::pin(notify::expired(service, &attempt, &target)).await;
        return Ok(ended);
    }
    let probe = match health::request_permit(service, &attempt, &target, run_ends, now).await? {
        SendPermit::Granted { probe } => probe,
        SendPermit::Denied { until } => {
            tracing::debug!(%until, "attempt waits for its endpoint host");
            return Ok(Disposition::HandBack { until });
        }
    };
    if attempt.needs_claim() {
        match service.deliveries.claim_attempt(&attempt, now, now + LEASE).await? {
            AttemptClaim::Won => {}
            AttemptClaim::Busy { until } => return Ok(Disposition::HandBack { until }),
            AttemptClaim::Final { next_attempt_at } => {
                return follow(service, &attempt, target.uri.host().hash(), next_attempt_at).await;
            }
        }
    }
    let prepared = match send::prepare(service, &attempt, &target).await? {
        Ok(prepared) => prepared,
        Err(why) => return end_unsent(service, &attempt, now, Outcome::Cancelled, why).await,
    };
    let (request, exchange) = prepared.post(service).await?;
    let reused = exchange.connection == ConnectionUse::Reused;
    service.metrics.record(Measurement::RequestSent { took: exchange.timings.total, reused });
    conclude(service, attempt, &target, FinishedAttempt { run_ends, began: now, probe, request, exchange }).await
}

/// An attempt that was made.
struct FinishedAttempt {
    run_ends: Timestamp,
    began: Timestamp,
    /// See [`SendPermit::Granted`].
    probe: bool,
    request: RequestRecord,
    exchange: Exchange,
}

/// Decides what follows the request, stores it for host and webhook, writes the record, and queues the next attempt.
async fn conclude(
    service: &Service,
    attempt: Attempt,
    target: &DeliveryTarget,
    made: FinishedAttempt,
) -> PortResult<Disposition> {
    let FinishedAttempt {
        run_ends,
        began,
        probe,
        request,
        exchange: Exchange { result, timings, address, connection: _ },
    } = made;
    let (response, failure) = judged(result);
    let now = service.clock.now();
    let counted = attempt.message.kind == MessageKind::Event;
    let counted = match failure.as_ref().filter(|_| counted) {
        Some(failure) => {
            Some(service.webhooks.note_failure(attempt.message.account(), target.id, &failure.text, now).await?)
        }
        None => None,
    };
    let known = counted.as_ref().unwrap_or(&target.health);
    let verdict = health::judge(service, &attempt, response.as_ref(), run_ends, known, now);
    let (outcome, next_attempt_at) = match verdict.message {
        NextStep::Succeeded => (Outcome::Succeeded, None),
        NextStep::TestFailed => (Outcome::Failed, None),
        NextStep::Retry { at } => (Outcome::Failed, Some(whole_millisecond(at))),
        NextStep::Dropped => (Outcome::Dropped, None),
    };
    let set_off = health::apply_verdict(service, &attempt, target, &verdict, probe, now).await?;
    let record = Delivery {
        outcome,
        next_attempt_at,
        failure,
        request: Some(request),
        response,
        timings: Some(timings),
        address,
        ..Delivery::of_attempt(&attempt, began, outcome)
    };
    let recorded = record_and_count(service, &record, now).await?;
    let follows = match recorded {
        RecordOutcome::Written => next_attempt_at,
        RecordOutcome::Stands { next_attempt_at } => next_attempt_at,
    };
    let done = follow(service, &attempt, target.uri.host().hash(), follows).await?;
    // The attempt whose record stands sends the mail. A webhook is disabled once, by any attempt.
    if counted.is_some() && (recorded == RecordOutcome::Written || set_off.disabled.is_some()) {
        Box::pin(notify::after_failure(service, &attempt, target, &record, &set_off)).await;
    }
    Ok(done)
}

/// Writes a record, and counts it if it stands. Tests and verify messages are not counted.
async fn record_and_count(service: &Service, record: &Delivery, now: Timestamp) -> PortResult<RecordOutcome> {
    let recorded = service.deliveries.record(record).await?;
    if recorded == RecordOutcome::Written {
        log_attempt(record);
    }
    if record.kind == MessageKind::Event && recorded == RecordOutcome::Written {
        let duration = record.timings.map(|timings| timings.total);
        service.counts.count(&record.account, record.webhook, Hour::of(now), record.outcome, duration);
        let class = record.failure.as_ref().map(|failure| failure.class);
        service.metrics.record(Measurement::DeliveryEnded { outcome: record.outcome, class });
        if record.outcome == Outcome::Succeeded && record.run == 0 {
            let took = now.duration_since(record.message.accepted_at()).unsigned_abs();
            service.metrics.record(Measurement::MessageDelivered(took));
        }
    }
    Ok(recorded)
}

/// Writes the line of an attempt whose record stands. Successes have a target of their own, so that they can be left out.
pub(crate) fn log_attempt(record: &Delivery) {
    let outcome = record.outcome.as_str();
    let duration_ms = record.timings.map(|timings| (timings.total.as_secs_f64() * 1e6).round() / 1e3);
    let Some(failure) = &record.failure else {
        tracing::info!(target: "hookline::success", outcome, duration_ms, "attempt ended");
        return;
    };
    let (error_class, fault) = (failure.class.as_str(), failure.class.fault().as_str());
    let status = record.response.as_ref().map(|response| response.status);
    let next_attempt_at = record.next_attempt_at.map(tracing::field::display);
    tracing::info!(outcome, error_class, fault, status, duration_ms, next_attempt_at, "attempt ended");
}

/// Puts the attempt that follows on the queue, if one does.
async fn follow(
    service: &Service,
    attempt: &Attempt,
    group: u64,
    next_attempt_at: Option<Timestamp>,
) -> PortResult<Disposition> {
    if let Some(at) = next_attempt_at {
        service.queues.put_attempts(&[(group, attempt.next(at))]).await?;
    }
    Ok(Disposition::Done)
}

/// Ends a message without a request.
async fn end_unsent(
    service: &Service,
    attempt: &Attempt,
    now: Timestamp,
    outcome: Outcome,
    why: &str,
) -> PortResult<Disposition> {
    let class = match outcome {
        Outcome::Dropped => ErrorClass::Expired,
        Outcome::Waiting | Outcome::Succeeded | Outcome::Failed | Outcome::Cancelled | Outcome::Skipped => {
            ErrorClass::Cancelled
        }
    };
    let record = Delivery { failure: Some(Failure::new(class, why)), ..Delivery::of_attempt(attempt, now, outcome) };
    match record_and_count(service, &record, now).await? {
        RecordOutcome::Written => Ok(Disposition::Done),
        // The webhook may be deleted, so its host and fair-queue group are unknown.
        RecordOutcome::Stands { next_attempt_at } => follow(service, attempt, 0, next_attempt_at).await,
    }
}
