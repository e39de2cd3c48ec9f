//! Delivery: one attempt to send one message (section 8).
//!
//! The webhook's current state is read; a message whose webhook is gone or disabled is *cancelled*, one whose run took
//! too long is *dropped*. While its endpoint host is throttled or held it waits ([`health::gate`]). Otherwise the message
//! is signed anew, POSTed once, and [`retry::judge`](crate::retry::judge) says what follows.
//!
//! What came of an attempt is decided once, by its record: the first final one stands. Only a record that says so is
//! followed by another attempt, due at the time that it says; so a run is a chain with one end, whatever is repeated. The
//! record is final before the next attempt is on the queue, and this attempt's message is acknowledged after that. Whoever
//! works on it again finds the record, and puts the next attempt on the queue again: the same one, which is made once.
//!
//! Attempt 1 of the first run needs no claim: its record is written once, when it is over. All others first win a claim, so
//! a queue that repeats itself makes no second POST. Whoever finds a claim that somebody else holds hands the message back.
//!
//! What could not be sent by our own fault leaves no record and counts for nobody. Its claim, if there is one, ends with
//! its lease, as after a crash, and the attempt is made then.

use std::time::Duration;

use jiff::Timestamp;

use crate::clock::whole_millisecond;
use crate::delivery::{Delivery, ErrorClass, Failure, Outcome, RequestRecord, Response};
use crate::health::{self, Gate};
use crate::message::{Attempt, Kind};
use crate::notify;
use crate::ports::{Answer, AttemptClaim, Disposition, Exchange, Recorded, Service};
use crate::register::host_hash;
use crate::retry::Next;
use crate::sending;
use crate::verify;
use crate::webhook::Target;

/// How long a claim lasts: far longer than an attempt can take.
pub const LEASE: Duration = Duration::from_mins(1);

/// Works on one attempt of the deliveries queue.
pub async fn handle(service: &Service, attempt: Attempt) -> Answer<Disposition> {
    let now = service.clock.now();
    if attempt.due_at > now {
        return Ok(Disposition::HandBack { until: attempt.due_at });
    }
    let target = service.webhooks.target(attempt.message.account(), attempt.message.webhook).await?;
    let target = match (target, attempt.message.kind) {
        (None, _) => return end_unsent(service, &attempt, now, Outcome::Cancelled, "Webhook deleted").await,
        (Some(target), Kind::Event) if target.disabled => {
            return end_unsent(service, &attempt, now, Outcome::Cancelled, "Webhook disabled").await;
        }
        (Some(target), _) if target.account_disabled => {
            return end_unsent(service, &attempt, now, Outcome::Cancelled, "Account disabled").await;
        }
        (Some(target), _) => target,
    };
    if let Some(why) = verify::objection(&service.settings, attempt.message.kind, &target) {
        return end_unsent(service, &attempt, now, Outcome::Cancelled, why).await;
    }
    let run_ends = attempt.run_began_at + service.settings.run_expires_after;
    if now >= run_ends {
        let ended = end_unsent(service, &attempt, now, Outcome::Dropped, "Expired").await?;
        Box::pin(notify::expired(service, &attempt, &target)).await;
        return Ok(ended);
    }
    let probe = match health::gate(service, &attempt, &target, run_ends, now).await? {
        Gate::Open { probe } => probe,
        Gate::Closed { until } => return Ok(Disposition::HandBack { until }),
    };
    if attempt.needs_claim() {
        match service.deliveries.claim_attempt(&attempt, now, now + LEASE).await? {
            AttemptClaim::Won => {}
            AttemptClaim::Busy { until } => return Ok(Disposition::HandBack { until }),
            AttemptClaim::Final { next_attempt_at } => {
                return follow(service, &attempt, host_hash(&target.uri), next_attempt_at).await;
            }
        }
    }
    let prepared = match sending::prepare(service, &attempt, &target).await? {
        Ok(prepared) => prepared,
        Err(why) => return end_unsent(service, &attempt, now, Outcome::Cancelled, why).await,
    };
    let (request, exchange) = prepared.post(service).await?;
    conclude(service, attempt, &target, Made { run_ends, began: now, probe, request, exchange }).await
}

/// An attempt that was made.
struct Made {
    run_ends: Timestamp,
    began: Timestamp,
    /// See [`Gate::Open`].
    probe: bool,
    request: RequestRecord,
    exchange: Exchange,
}

/// Judges what came of the request, notes it for host and webhook, writes the record, and puts the attempt that follows
/// on the queue.
async fn conclude(service: &Service, attempt: Attempt, target: &Target, made: Made) -> Answer<Disposition> {
    let Made { run_ends, began, probe, request, exchange: Exchange { result, timings, address } } = made;
    let (response, failure) = judged(result);
    let now = service.clock.now();
    let counted = attempt.message.kind == Kind::Event;
    let counted = match failure.as_ref().filter(|_| counted) {
        Some(failure) => {
            Some(service.webhooks.note_failure(attempt.message.account(), target.id, &failure.text, now).await?)
        }
        None => None,
    };
    let known = counted.as_ref().unwrap_or(&target.health);
    let verdict = health::verdict(service, &attempt, response.as_ref(), run_ends, known, now);
    let (outcome, next_attempt_at) = match verdict.message {
        Next::Succeeded => (Outcome::Succeeded, None),
        Next::TestFailed => (Outcome::Failed, None),
        Next::Retry { at } => (Outcome::Failed, Some(whole_millisecond(at))),
        Next::Dropped => (Outcome::Dropped, None),
    };
    let set_off = health::note(service, &attempt, target, &verdict, probe, now).await?;
    let record = Delivery {
        outcome,
        next_attempt_at,
        failure,
        request: Some(request),
        response,
        timings: Some(timings),
        address,
        ..blank(&attempt, began, outcome)
    };
    let recorded = service.deliveries.record(&record).await?;
    let follows = match recorded {
        Recorded::Written => next_attempt_at,
        Recorded::Stands { next_attempt_at } => next_attempt_at,
    };
    let done = follow(service, &attempt, host_hash(&target.uri), follows).await?;
    // Whoever wrote the record that stands tells of the failure; a webhook is disabled once, by whomever.
    if counted.is_some() && (recorded == Recorded::Written || set_off.disabled.is_some()) {
        Box::pin(notify::after_failure(service, &attempt, target, &record, &set_off)).await;
    }
    Ok(done)
}

/// The answer, and what is wrong with it if it is not a 2xx.
pub(crate) fn judged(result: Result<Response, Failure>) -> (Option<Response>, Option<Failure>) {
    match result {
        Ok(response) if (200..300).contains(&response.status) => (Some(response), None),
        Ok(response) => {
            let text = status_text(response.status);
            (Some(response), Some(Failure::new(ErrorClass::HttpStatus, text)))
        }
        Err(failure) => (None, Some(failure)),
    }
}

/// Puts the attempt that follows on the queue, if one does.
async fn follow(
    service: &Service,
    attempt: &Attempt,
    group: u64,
    next_attempt_at: Option<Timestamp>,
) -> Answer<Disposition> {
    if let Some(at) = next_attempt_at {
        service.queues.put_attempts(&[(group, next(attempt, at))]).await?;
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
) -> Answer<Disposition> {
    let class = match outcome {
        Outcome::Dropped => ErrorClass::Expired,
        Outcome::Waiting | Outcome::Succeeded | Outcome::Failed | Outcome::Cancelled | Outcome::Skipped => {
            ErrorClass::Cancelled
        }
    };
    let record = Delivery { failure: Some(Failure::new(class, why)), ..blank(attempt, now, outcome) };
    match service.deliveries.record(&record).await? {
        Recorded::Written => Ok(Disposition::Done),
        // The endpoint may be unknown by now, and so its group.
        Recorded::Stands { next_attempt_at } => follow(service, attempt, 0, next_attempt_at).await,
    }
}

/// The record of an attempt of which nothing is known but its outcome.
#[must_use]
pub fn blank(attempt: &Attempt, created_at: Timestamp, outcome: Outcome) -> Delivery {
    let Attempt { message, payload: _, run, run_began_at: _, number, due_at: _, retry_of, redelivery_of, hops: _ } =
        attempt;
    Delivery {
        id: attempt.delivery_id(),
        account: message.account().clone(),
        webhook: message.webhook,
        webhook_name: message.webhook_name.clone(),
        custom_url: message.custom_url.clone(),
        event: message.event.event.clone(),
        event_id: message.event.id.clone(),
        message: message.id.clone(),
        run: *run,
        attempt: *number,
        kind: message.kind,
        outcome,
        created_at,
        retry_of: *retry_of,
        redelivery_of: *redelivery_of,
        next_attempt_at: None,
        failure: None,
        request: None,
        response: None,
        timings: None,
        address: None,
    }
}

/// The attempt that follows a failed one.
fn next(attempt: &Attempt, at: Timestamp) -> Attempt {
    Attempt {
        number: attempt.number + 1,
        due_at: at,
        retry_of: Some(attempt.delivery_id()),
        hops: 0,
        ..attempt.clone()
    }
}

/// `404 Not Found`: the status with its standard phrase (RFC 9110), or the number alone.
fn status_text(status: u16) -> String {
    match reason_phrase(status) {
        Some(phrase) => format!("{status} {phrase}"),
        None => status.to_string(),
    }
}

/// The standard phrase of a status that endpoints send instead of 2xx (RFC 9110, RFC 6585).
fn reason_phrase(status: u16) -> Option<&'static str> {
    Some(match status {
        300 => "Multiple Choices",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Range Not Satisfiable",
        417 => "Expectation Failed",
        418 => "I'm a teapot",
        421 => "Misdirected Request",
        422 => "Unprocessable Content",
        423 => "Locked",
        424 => "Failed Dependency",
        425 => "Too Early",
        426 => "Upgrade Required",
        428 => "Precondition Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        451 => "Unavailable For Legal Reasons",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        507 => "Insufficient Storage",
        508 => "Loop Detected",
        511 => "Network Authentication Required",
        _ => return None,
    })
}
