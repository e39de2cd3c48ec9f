//! Redelivery jobs: a webhook recovers from an outage (section 10).
//!
//! An administrator names a time and outcomes. Every message of the webhook that ended with one of them, and has not
//! succeeded since, is sent once more. A [`RedeliveryJob`] runs in [`RedeliveryStep`]s: messages on the deliveries
//! queue, each of which puts one page of messages on the same queue, then the step for the next page, and then notes
//! the progress. A step that is repeated, because its process died or the queue repeats itself, puts the same attempts
//! again: they have the same run, so each loses its claim to the earlier one. A crash at any point loses no message and
//! sends none twice.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tracing::Span;
use uuid::Uuid;

use super::redeliver::{new_run, refuse_target};
use crate::errors::{PortResult, UseCaseError, ValidationErrors};
use crate::ids::{AccountId, DeliveryId, WebhookId};
use crate::model::redelivery::{MAX_COUNTED, MIN_TIME_LEFT};
use crate::model::{
    Attempt, Delivery, DeliveryTarget, EventName, JobProgress, JobState, Outcome, RedeliveryFilter, RedeliveryJob,
    RedeliveryStep,
};
use crate::ports::{BeginJobOutcome, Disposition, Measurement, RedeliveryPage, RedeliveryQuery};
use crate::service::Service;
use crate::values::Patch;

/// How many messages one step redelivers.
pub const PAGE: u32 = 100;

/// The outcomes that can be redelivered, which is also the default.
const OUTCOMES: [Outcome; 3] = Outcome::REDELIVERABLE;

/// A step may arrive before its job is stored. It then looks for the job again after this time, up to this limit.
const JOB_COMES_WITHIN: Duration = Duration::from_mins(1);

const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(250);

/// What an administrator says about a job.
#[derive(Debug, Clone, Default)]
pub struct RedeliveryInput {
    /// `since`: records from this second on.
    pub since: Patch<Timestamp>,
    /// `until`: records up to and with this second.
    pub until: Patch<Timestamp>,
    /// `outcome`
    pub outcome: Patch<Vec<String>>,
    /// `event`: records of events with this name.
    pub event: Patch<String>,
    /// `dry_run`: only count.
    pub dry_run: bool,
}

/// What became of a request for a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobReceipt {
    /// The job, unless it was only to count.
    pub job: Option<Uuid>,
    /// How many messages were found, at most [`MAX_COUNTED`].
    pub matched: u64,
    /// There are more.
    pub more: bool,
}

/// Starts a job; or finds the running job with the same filter; or only counts.
pub async fn start_job(
    service: &Service,
    account: &AccountId,
    webhook: WebhookId,
    input: &RedeliveryInput,
) -> Result<JobReceipt, UseCaseError> {
    let target = service.webhooks.target(account, webhook).await?.ok_or(UseCaseError::NotFound)?;
    let mut problems = ValidationErrors::new();
    let wanted = wanted(input, &mut problems);
    if !input.dry_run {
        refuse_target(service, Some(&target), &mut problems);
    }
    problems.check()?;

    let now = service.clock.now();
    let mut job = RedeliveryJob {
        id: Uuid::nil(),
        account: account.clone(),
        webhook,
        wanted,
        run: new_run(service, now),
        created_at: now,
        matched: 0,
        more: false,
        progress: JobProgress { state: JobState::Running, after: None, redelivered: 0, finished_at: None },
    };
    if !input.dry_run
        && let Some(running) = service.redeliveries.running_redelivery(account, webhook, &job.wanted).await?
    {
        if running.progress.after.is_none() && now > running.created_at + JOB_COMES_WITHIN {
            // The process that started it may have crashed before its step was on the queue.
            service.queues.put_redelivery(&first_step(&running)).await?;
        }
        return Ok(asked(&running));
    }
    let counted =
        service.redeliveries.count_redeliverable(account, &query(service, &job, None, now), MAX_COUNTED + 1).await?;
    (job.matched, job.more) = (counted.min(MAX_COUNTED), counted > MAX_COUNTED);
    if input.dry_run {
        return Ok(JobReceipt { job: None, ..asked(&job) });
    }
    job.id = service.entropy.uuid();
    // The work first: a crash in between leaves a step without a job, which ends by itself, never a job without steps.
    let step = first_step(&job);
    service.queues.put_redelivery(&step).await?;
    match service.redeliveries.begin_redelivery(&job).await? {
        BeginJobOutcome::Started => {
            if service.clock.now() > step.due_at + JOB_COMES_WITHIN {
                // The job was stored so late that its step may have given up. The same step again does no harm.
                service.queues.put_redelivery(&step).await?;
            }
            service.metrics.record(Measurement::RedeliveryJob(JobState::Running));
            Ok(asked(&job))
        }
        BeginJobOutcome::Running(other) => Ok(asked(&other)),
    }
}

/// The step that a job begins with: the same one, however often it is made.
fn first_step(job: &RedeliveryJob) -> RedeliveryStep {
    RedeliveryStep { job: job.id, account: job.account.clone(), after: None, redelivered: 0, due_at: job.created_at }
}

fn asked(job: &RedeliveryJob) -> JobReceipt {
    JobReceipt { job: Some(job.id), matched: job.matched, more: job.more }
}

/// Reads the input.
fn wanted(input: &RedeliveryInput, problems: &mut ValidationErrors) -> RedeliveryFilter {
    let RedeliveryInput { since, until, outcome, event, dry_run: _ } = input;
    let mut time = |given: &Patch<Timestamp>, field: &str| match given {
        Patch::Absent | Patch::Null => None,
        Patch::WrongType => {
            problems.add(field, "is invalid");
            None
        }
        Patch::Value(at) => Timestamp::from_second(at.as_second()).ok(),
    };
    let (since, until) = (time(since, "since"), time(until, "until"));
    if since.zip(until).is_some_and(|(since, until)| since > until) {
        problems.add("until", "is invalid");
    }
    let outcomes = match outcome {
        Patch::Absent | Patch::Null => OUTCOMES.to_vec(),
        Patch::WrongType => {
            problems.add("outcome", "is invalid");
            Vec::new()
        }
        Patch::Value(names) if names.is_empty() => {
            problems.add("outcome", "can't be blank");
            Vec::new()
        }
        Patch::Value(names) => {
            if names.iter().any(|name| !OUTCOMES.iter().any(|outcome| outcome.as_str() == name)) {
                problems.add("outcome", "is not included in the list");
            }
            OUTCOMES.into_iter().filter(|outcome| names.iter().any(|name| name == outcome.as_str())).collect()
        }
    };
    let event = match event {
        Patch::Absent | Patch::Null => None,
        Patch::WrongType => {
            problems.add("event", "is invalid");
            None
        }
        // There may be records of an event type that the account has deleted.
        Patch::Value(name) => {
            let event = EventName::builtin(name).or_else(|| EventName::own_type(name));
            if event.is_none() {
                problems.add("event", "is not included in the list");
            }
            event
        }
    };
    RedeliveryFilter { since, until, outcomes, event }
}

/// The question for a page of a job.
fn query(service: &Service, job: &RedeliveryJob, after: Option<DeliveryId>, now: Timestamp) -> RedeliveryQuery {
    let RedeliveryFilter { since, until, outcomes, event } = &job.wanted;
    let until = until.map_or(job.created_at, |until| until + SignedDuration::from_secs(1));
    RedeliveryQuery {
        webhook: job.webhook,
        outcomes: outcomes.clone(),
        event: event.clone(),
        since: *since,
        before: until.min(job.created_at),
        accepted_from: now + MIN_TIME_LEFT - service.settings.events_kept,
        but_run: job.run,
        after,
        most: PAGE,
        now,
    }
}

/// Handles one step of the deliveries queue.
pub async fn run_step(service: &Service, step: RedeliveryStep) -> PortResult<Disposition> {
    let now = service.clock.now();
    if step.due_at > now {
        return Ok(Disposition::HandBack { until: step.due_at });
    }
    let Some(job) = service.redeliveries.redelivery(&step.account, step.job).await? else {
        let given_up = now > step.due_at + JOB_COMES_WITHIN;
        return Ok(if given_up { Disposition::Done } else { Disposition::HandBack { until: now + LOOK_AGAIN_AFTER } });
    };
    Span::current().record("webhook", job.webhook.0);
    // A step that was overtaken is a repeat. One that is ahead came before the step before it could note its progress.
    if job.progress.state != JobState::Running || step.after < job.progress.after {
        return Ok(Disposition::Done);
    }
    let mut progress = JobProgress { after: step.after, redelivered: step.redelivered, ..job.progress };
    let target = service.webhooks.target(&job.account, job.webhook).await?;
    let verification = service.settings.verification;
    let Some(target) = target.filter(|target| !target.disabled && verification.is_satisfied_by(target.verified)) else {
        (progress.state, progress.finished_at) = (JobState::Stopped, Some(now));
        service.redeliveries.redelivery_progress(&job, progress).await?;
        ended(service, &progress);
        return Ok(Disposition::Done);
    };
    let query = query(service, &job, step.after, now);
    let RedeliveryPage { items, next } = service.redeliveries.redeliverable(&job.account, &query).await?;
    progress.redelivered += send(service, &job, &target, &items, step.due_at, now).await?;
    if let Some(next) = next {
        let due_at = now.max(step.due_at + SignedDuration::from_millis(1));
        let step = RedeliveryStep { after: Some(next), redelivered: progress.redelivered, due_at, ..step };
        service.queues.put_redelivery(&step).await?;
        progress.after = Some(next);
    } else {
        (progress.state, progress.finished_at) = (JobState::Done, Some(now));
    }
    service.redeliveries.redelivery_progress(&job, progress).await?;
    if progress.state != JobState::Running {
        ended(service, &progress);
    }
    Ok(Disposition::Done)
}

/// Tells that a job ended.
fn ended(service: &Service, progress: &JobProgress) {
    tracing::info!(state = progress.state.as_str(), redelivered = progress.redelivered, "redelivery job ended");
    service.metrics.record(Measurement::RedeliveryJob(progress.state));
}

/// Puts the messages of a page on the queue; how many they were.
async fn send(
    service: &Service,
    job: &RedeliveryJob,
    target: &DeliveryTarget,
    page: &[Delivery],
    due_at: Timestamp,
    now: Timestamp,
) -> PortResult<u64> {
    let mut attempts = Vec::with_capacity(page.len());
    for delivery in page {
        let Some(stored) = service.events.event(&job.account, &delivery.event_id, now).await? else { continue };
        let attempt = Attempt {
            message: delivery.message(&stored.event),
            payload: Some(stored.event.payload),
            run: job.run,
            run_began_at: job.created_at,
            number: 1,
            due_at,
            retry_of: None,
            redelivery_of: Some(delivery.id),
            hops: 0,
        };
        attempts.push((target.uri.host().hash(), attempt));
    }
    service.queues.put_attempts(&attempts).await?;
    for (_, attempt) in &attempts {
        service.deliveries.record(&Delivery::of_attempt(attempt, now, Outcome::Waiting)).await?;
    }
    Ok(attempts.len() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(input: &RedeliveryInput) -> Result<RedeliveryFilter, Vec<String>> {
        let mut problems = ValidationErrors::new();
        let wanted = wanted(input, &mut problems);
        let sentences: Vec<String> = problems.pairs().iter().map(|(_, sentence)| sentence.clone()).collect();
        if sentences.is_empty() { Ok(wanted) } else { Err(sentences) }
    }

    fn outcomes(names: &[&str]) -> RedeliveryInput {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        RedeliveryInput { outcome: Patch::Value(names), ..RedeliveryInput::default() }
    }

    #[test]
    fn requests_that_want_the_same_are_equal() {
        assert_eq!(read(&RedeliveryInput::default()).unwrap().outcomes, OUTCOMES);
        let same = read(&outcomes(&["skipped", "dropped", "skipped"])).unwrap();
        assert_eq!(same, read(&outcomes(&["dropped", "skipped"])).unwrap());
        assert_eq!(same.outcomes, [Outcome::Dropped, Outcome::Skipped]);
        let at = |millis| Patch::Value(Timestamp::from_millisecond(millis).unwrap());
        let times = |since, until| RedeliveryInput { since: at(since), until: at(until), ..RedeliveryInput::default() };
        assert_eq!(read(&times(1_000, 2_000)), read(&times(1_999, 2_001)));
        assert_eq!(read(&times(2_000, 1_000)), Err(vec!["Until is invalid".to_owned()]));
    }

    #[test]
    fn all_that_is_wrong_is_told() {
        for name in ["succeeded", "failed", "waiting", "Dropped", ""] {
            assert_eq!(
                read(&outcomes(&["dropped", name])),
                Err(vec!["Outcome is not included in the list".to_owned()])
            );
        }
        assert_eq!(read(&outcomes(&[])), Err(vec!["Outcome can't be blank".to_owned()]));
        let wrong = RedeliveryInput {
            since: Patch::WrongType,
            until: Patch::WrongType,
            outcome: Patch::WrongType,
            event: Patch::WrongType,
            dry_run: false,
        };
        let sentences = ["Since is invalid", "Until is invalid", "Outcome is invalid", "Event is invalid"];
        assert_eq!(read(&wrong).unwrap_err(), sentences);
        let of = |name: &str| RedeliveryInput { event: Patch::Value(name.to_owned()), ..RedeliveryInput::default() };
        for name in ["request.create", "widget.made"] {
            assert_eq!(read(&of(name)).unwrap().event.unwrap().as_str(), name);
        }
        for name in ["request.*", "Widget", "webhook.verify"] {
            assert_eq!(read(&of(name)), Err(vec!["Event is not included in the list".to_owned()]), "{name}");
        }
    }
}
