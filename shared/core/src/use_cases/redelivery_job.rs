//! Redelivery jobs: a webhook recovers from an outage (section 10).
//!
//! An administrator names a time and outcomes; every message of the webhook that ended so and has not succeeded since is
//! sent once more. A [`Job`] is worked in [`Step`]s: messages on the deliveries queue, each of which puts one page of
//! messages on the same queue, then the step for the next page, and then notes the progress. A step that is repeated,
//! because its process died or the queue repeats itself, puts the same attempts again: they have the same run, so each
//! loses its claim to the one that was there before. Whatever dies in between, nothing is lost and nothing is sent twice.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::redeliver::{LEAST_TIME_LEFT, new_run, refuse_target};
use crate::account::AccountId;
use crate::deliver::blank;
use crate::delivery::{Delivery, DeliveryId, Outcome};
use crate::given::Given;
use crate::message::Attempt;
use crate::outgoing::recorded_message;
use crate::ports::{Answer, Begun, Disposition, RedeliveryPage, RedeliveryQuery, Service};
use crate::problems::{Error, Problems};
use crate::register::host_hash;
use crate::webhook::WebhookId;

/// Counting stops here.
pub const MOST_COUNTED: u64 = 10_000;
/// How many messages one step sends again.
pub const PAGE: u32 = 100;
/// What can be sent again, and what is when nobody says.
const OUTCOMES: [Outcome; 3] = Outcome::REDELIVERABLE;
/// A step may arrive before its job is stored: so long it waits for it, and so often it looks.
const JOB_COMES_WITHIN: Duration = Duration::from_mins(1);
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(250);

/// What an administrator says about a job.
#[derive(Debug, Clone, Default)]
pub struct JobInput {
    /// `since`: records from this second on.
    pub since: Given<Timestamp>,
    /// `until`: records up to and with this second.
    pub until: Given<Timestamp>,
    /// `outcome`
    pub outcome: Given<Vec<String>>,
    /// `dry_run`: only count.
    pub dry_run: bool,
}

/// Which messages are wanted. Two requests that want the same are equal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// Records from this second on.
    pub since: Option<Timestamp>,
    /// Records up to and with this second.
    pub until: Option<Timestamp>,
    /// Records that ended so, in the order of [`Outcome::ALL`].
    pub outcomes: Vec<Outcome>,
}

/// How a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// There are more pages.
    Running,
    /// All messages are on their way.
    Done,
    /// The webhook went away or was disabled meanwhile.
    Stopped,
}

impl State {
    /// All states.
    pub const ALL: [Self; 3] = [Self::Running, Self::Done, Self::Stopped];

    /// As it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Stopped => "stopped",
        }
    }
}

/// A job as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its id.
    pub id: Uuid,
    /// Whose it is.
    pub account: AccountId,
    /// Whose messages it sends again.
    pub webhook: WebhookId,
    /// Which of them.
    pub wanted: Wanted,
    /// The run of everything that it sends.
    pub run: u64,
    /// When it was asked for: its runs begin then.
    pub created_at: Timestamp,
    /// How many messages were found when it was asked for, at most [`MOST_COUNTED`].
    pub matched: u64,
    /// There were more.
    pub more: bool,
    /// How far it has come.
    pub progress: Progress,
}

/// How far a job has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// How it stands.
    pub state: State,
    /// The last record that was looked at.
    pub after: Option<DeliveryId>,
    /// How many messages were put on the queue.
    pub redelivered: u64,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
}

/// Work on the deliveries queue: one page of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The job.
    pub job: Uuid,
    /// Whose it is.
    pub account: AccountId,
    /// The page begins after this record.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub after: Option<DeliveryId>,
    /// How many messages the pages before had.
    pub redelivered: u64,
    /// When it is due. The attempts of the page are due then too, so that a step that is repeated makes the same ones.
    pub due_at: Timestamp,
}

/// What became of a request for a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The job, unless it was only to count.
    pub job: Option<Uuid>,
    /// How many messages were found, at most [`MOST_COUNTED`].
    pub matched: u64,
    /// There are more.
    pub more: bool,
}

/// Starts a job, or finds the running one that was asked for in the same words, or only counts.
pub async fn ask(service: &Service, account: &AccountId, webhook: WebhookId, input: &JobInput) -> Result<Asked, Error> {
    let target = service.webhooks.target(account, webhook).await?.ok_or(Error::NotFound)?;
    let mut problems = Problems::new();
    let wanted = wanted(input, &mut problems);
    if !input.dry_run {
        refuse_target(service, Some(&target), &mut problems);
    }
    problems.check()?;

    let now = service.clock.now();
    let mut job = Job {
        id: Uuid::nil(),
        account: account.clone(),
        webhook,
        wanted,
        run: new_run(service, now),
        created_at: now,
        matched: 0,
        more: false,
        progress: Progress { state: State::Running, after: None, redelivered: 0, finished_at: None },
    };
    if !input.dry_run
        && let Some(running) = service.redeliveries.running_redelivery(account, webhook, &job.wanted).await?
    {
        if running.progress.after.is_none() && now > running.created_at + JOB_COMES_WITHIN {
            // Whoever began it may have died before its step was on the queue for good.
            service.queues.put_redelivery(&first_step(&running)).await?;
        }
        return Ok(asked(&running));
    }
    let counted =
        service.redeliveries.count_redeliverable(account, &query(service, &job, None, now), MOST_COUNTED + 1).await?;
    (job.matched, job.more) = (counted.min(MOST_COUNTED), counted > MOST_COUNTED);
    if input.dry_run {
        return Ok(Asked { job: None, ..asked(&job) });
    }
    let mut random = [0; 16];
    service.entropy.fill(&mut random);
    job.id = uuid::Builder::from_random_bytes(random).into_uuid();
    // The work first: a crash in between leaves a step without a job, which ends by itself, never a job without steps.
    let step = first_step(&job);
    service.queues.put_redelivery(&step).await?;
    match service.redeliveries.begin_redelivery(&job).await? {
        Begun::Started => {
            if service.clock.now() > step.due_at + JOB_COMES_WITHIN {
                // The job was stored so late that its step may have given up. The same step again does no harm.
                service.queues.put_redelivery(&step).await?;
            }
            Ok(asked(&job))
        }
        Begun::Running(other) => Ok(asked(&other)),
    }
}

/// The step that a job begins with: the same one, however often it is made.
fn first_step(job: &Job) -> Step {
    Step { job: job.id, account: job.account.clone(), after: None, redelivered: 0, due_at: job.created_at }
}

fn asked(job: &Job) -> Asked {
    Asked { job: Some(job.id), matched: job.matched, more: job.more }
}

/// Reads the input.
fn wanted(input: &JobInput, problems: &mut Problems) -> Wanted {
    let JobInput { since, until, outcome, dry_run: _ } = input;
    let mut time = |given: &Given<Timestamp>, field: &str| match given {
        Given::Absent | Given::Null => None,
        Given::WrongType => {
            problems.add(field, "is invalid");
            None
        }
        Given::Value(at) => Timestamp::from_second(at.as_second()).ok(),
    };
    let (since, until) = (time(since, "since"), time(until, "until"));
    if since.zip(until).is_some_and(|(since, until)| since > until) {
        problems.add("until", "is invalid");
    }
    let outcomes = match outcome {
        Given::Absent | Given::Null => OUTCOMES.to_vec(),
        Given::WrongType => {
            problems.add("outcome", "is invalid");
            Vec::new()
        }
        Given::Value(names) if names.is_empty() => {
            problems.add("outcome", "can't be blank");
            Vec::new()
        }
        Given::Value(names) => {
            if names.iter().any(|name| !OUTCOMES.iter().any(|outcome| outcome.as_str() == name)) {
                problems.add("outcome", "is not included in the list");
            }
            OUTCOMES.into_iter().filter(|outcome| names.iter().any(|name| name == outcome.as_str())).collect()
        }
    };
    Wanted { since, until, outcomes }
}

/// The question for a page of a job.
fn query(service: &Service, job: &Job, after: Option<DeliveryId>, now: Timestamp) -> RedeliveryQuery {
    let Wanted { since, until, outcomes } = &job.wanted;
    let until = until.map_or(job.created_at, |until| until + SignedDuration::from_secs(1));
    RedeliveryQuery {
        webhook: job.webhook,
        outcomes: outcomes.clone(),
        since: *since,
        before: until.min(job.created_at),
        accepted_from: now + LEAST_TIME_LEFT - service.settings.events_kept,
        but_run: job.run,
        after,
        most: PAGE,
        now,
    }
}

/// Works on one step of the deliveries queue.
pub async fn handle(service: &Service, step: Step) -> Answer<Disposition> {
    let now = service.clock.now();
    if step.due_at > now {
        return Ok(Disposition::HandBack { until: step.due_at });
    }
    let Some(job) = service.redeliveries.redelivery(&step.account, step.job).await? else {
        let given_up = now > step.due_at + JOB_COMES_WITHIN;
        return Ok(if given_up { Disposition::Done } else { Disposition::HandBack { until: now + LOOK_AGAIN_AFTER } });
    };
    // A step that was overtaken is a repeat. One that is ahead came before the step before it could note its progress.
    if job.progress.state != State::Running || step.after < job.progress.after {
        return Ok(Disposition::Done);
    }
    let mut progress = Progress { after: step.after, redelivered: step.redelivered, ..job.progress };
    let target = service.webhooks.target(&job.account, job.webhook).await?;
    let verification = service.settings.verification;
    let Some(target) = target.filter(|target| !target.disabled && verification.is_satisfied_by(target.verified)) else {
        (progress.state, progress.finished_at) = (State::Stopped, Some(now));
        service.redeliveries.redelivery_progress(&job, progress).await?;
        return Ok(Disposition::Done);
    };
    let query = query(service, &job, step.after, now);
    let RedeliveryPage { items, next } = service.redeliveries.redeliverable(&job.account, &query).await?;
    progress.redelivered += send(service, &job, host_hash(&target.uri), &items, step.due_at, now).await?;
    if let Some(next) = next {
        let due_at = now.max(step.due_at + SignedDuration::from_millis(1));
        let step = Step { after: Some(next), redelivered: progress.redelivered, due_at, ..step };
        service.queues.put_redelivery(&step).await?;
        progress.after = Some(next);
    } else {
        (progress.state, progress.finished_at) = (State::Done, Some(now));
    }
    service.redeliveries.redelivery_progress(&job, progress).await?;
    Ok(Disposition::Done)
}

/// Puts the messages of a page on the queue; how many they were.
async fn send(
    service: &Service,
    job: &Job,
    group: u64,
    page: &[Delivery],
    due_at: Timestamp,
    now: Timestamp,
) -> Answer<u64> {
    let mut attempts = Vec::with_capacity(page.len());
    for delivery in page {
        let Some(stored) = service.events.event(&job.account, &delivery.event_id, now).await? else { continue };
        let attempt = Attempt {
            message: recorded_message(delivery, &stored.event),
            payload: Some(stored.event.payload),
            run: job.run,
            run_began_at: job.created_at,
            number: 1,
            due_at,
            retry_of: None,
            redelivery_of: Some(delivery.id),
            hops: 0,
        };
        attempts.push((group, attempt));
    }
    service.queues.put_attempts(&attempts).await?;
    for (_, attempt) in &attempts {
        service.deliveries.record(&blank(attempt, now, Outcome::Waiting)).await?;
    }
    Ok(attempts.len() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(input: &JobInput) -> Result<Wanted, Vec<String>> {
        let mut problems = Problems::new();
        let wanted = wanted(input, &mut problems);
        let sentences: Vec<String> = problems.pairs().iter().map(|(_, sentence)| sentence.clone()).collect();
        if sentences.is_empty() { Ok(wanted) } else { Err(sentences) }
    }

    fn outcomes(names: &[&str]) -> JobInput {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        JobInput { outcome: Given::Value(names), ..JobInput::default() }
    }

    #[test]
    fn requests_that_want_the_same_are_equal() {
        assert_eq!(read(&JobInput::default()).unwrap().outcomes, OUTCOMES);
        let same = read(&outcomes(&["skipped", "dropped", "skipped"])).unwrap();
        assert_eq!(same, read(&outcomes(&["dropped", "skipped"])).unwrap());
        assert_eq!(same.outcomes, [Outcome::Dropped, Outcome::Skipped]);
        let at = |millis| Given::Value(Timestamp::from_millisecond(millis).unwrap());
        let times = |since, until| JobInput { since: at(since), until: at(until), ..JobInput::default() };
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
        let wrong =
            JobInput { since: Given::WrongType, until: Given::WrongType, outcome: Given::WrongType, dry_run: false };
        assert_eq!(read(&wrong).unwrap_err(), ["Since is invalid", "Until is invalid", "Outcome is invalid"]);
    }

    #[test]
    fn a_step_survives_its_queue() {
        let step = Step {
            job: Uuid::from_u128(7),
            account: AccountId::parse("wdc").unwrap(),
            after: None,
            redelivered: 3,
            due_at: Timestamp::from_millisecond(1_764_063_000_123).unwrap(),
        };
        let text = serde_json::to_string(&step).unwrap();
        assert_eq!(serde_json::from_str::<Step>(&text).unwrap(), step);
    }
}
