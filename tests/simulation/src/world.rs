//! The world of a run: the clock, chance, the queues, the endpoints, what is known of the webhooks, and the log of
//! everything that can be seen from outside.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use hookline_core::ids::{AccountId, EventId, MessageId, WebhookId};
use hookline_core::model::{Attempt, DisabledBy, Event, Mail, RedeliveryJob};
use hookline_core::ports::MailKind;
use hookline_core::settings::{CoreSettings, VerificationMode};
use hookline_core::values::{Clock, Entropy, MailAddress};
use jiff::Timestamp;

use crate::chance::Chance;
use crate::coverage::Coverage;
use crate::endpoints::Endpoints;
use crate::faults::Plan;
use crate::intents::Intent;
use crate::queue::Queue;
use crate::shadow::Shadow;
use crate::steps::{Cut, Step};
use crate::story::Story;

/// The world, shared by all that act in it.
#[derive(Clone)]
pub(crate) struct World(Arc<Mutex<State>>);

/// The settings with which everything is kept until the world is judged: a webhook that is never well again is tried for
/// 30 days.
pub(crate) fn kept(settings: CoreSettings) -> CoreSettings {
    const DAY: Duration = Duration::from_hours(24);
    CoreSettings { events_kept: DAY * 63, deliveries_kept: DAY * 60, ..settings }
}

/// Number of a task.
pub(crate) type TaskId = u64;

/// See the module.
pub(crate) struct State {
    pub(crate) chance: Chance,
    entropy: Chance,
    /// Epoch milliseconds.
    pub(crate) now: i64,
    /// How far the clock was moved back, in all, in milliseconds.
    pub(crate) moved_back: i64,
    pub(crate) plan: Plan,
    pub(crate) steps: u64,
    /// What happens to the step that is being made.
    pub(crate) cut: Option<Cut>,
    /// The task that is being worked on.
    pub(crate) task: TaskId,
    /// It stands before a step.
    pub(crate) at_gate: bool,
    /// The process is to die.
    pub(crate) dead: bool,
    pub(crate) working: BTreeMap<TaskId, Working>,
    pub(crate) queue: Queue,
    pub(crate) endpoints: Endpoints,
    pub(crate) shadow: Shadow,
    /// Endpoints that were asked for a proof are going to call back, then.
    pub(crate) callbacks: Vec<(i64, Intent)>,
    pub(crate) log: Log,
    pub(crate) coverage: Coverage,
    /// A line for every step and deed, if a trace is wanted.
    trace: Option<String>,
    /// Made from every line of the trace.
    pub(crate) fingerprint: u64,
    pub(crate) violations: Vec<String>,
    pub(crate) settings: CoreSettings,
    /// How long people do something; what is under way then comes to its end in peace.
    pub(crate) hours: u64,
}

/// What a task does.
#[derive(Debug, Clone, Default)]
pub(crate) struct Working {
    pub(crate) message: Option<u64>,
    pub(crate) event: Option<Event>,
    /// The webhooks that the event is for, at the moment when they were asked for.
    pub(crate) matching: Vec<WebhookId>,
    pub(crate) attempt: Option<Attempt>,
    pub(crate) intent: Option<Intent>,
    /// The webhook's version that was read for a delivery.
    pub(crate) target: Option<(WebhookId, usize)>,
    /// Number of the step in which it was read.
    pub(crate) target_read: u64,
    /// True once the target was asked for and is gone.
    pub(crate) target_gone: bool,
    /// The target was disabled.
    pub(crate) target_disabled: bool,
    /// The target was verified.
    pub(crate) target_verified: bool,
    /// It was, or need not be.
    pub(crate) may_send: bool,
    pub(crate) began_at: i64,
    /// [`State::moved_back`] then.
    pub(crate) moved_back: i64,
    /// How often the intent was tried before.
    pub(crate) tries: u32,
    pub(crate) sent: Option<Sent>,
    /// When it asked how the host is doing, and whether that was throttled.
    pub(crate) host_seen: Option<(i64, bool)>,
    /// It was let through as a probe.
    pub(crate) probe: bool,
    /// It changed the host.
    pub(crate) host_changed: bool,
    /// This failure must disable the webhook, for that reason.
    pub(crate) must_disable: Option<DisabledBy>,
    /// It disabled the webhook, or found it so.
    pub(crate) disabled: Option<DisabledBy>,
    /// It tries a webhook that the service disabled.
    pub(crate) recovers: bool,
    /// It is the last of these tries.
    pub(crate) is_last_try: bool,
    /// It put the next such try on the queue.
    pub(crate) put_recovery: bool,
    /// The webhooks that miss the event.
    pub(crate) missing: Vec<WebhookId>,
    /// Those of them that have a record of it.
    pub(crate) skipped: Vec<WebhookId>,
    /// Attempts that were put on the queue.
    pub(crate) put: Vec<(MessageId, u64, u8)>,
    /// What is known of the attempt's end.
    pub(crate) end: End,
}

/// What a task knows of the end of its attempt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum End {
    /// Nothing.
    #[default]
    Open,
    /// It wrote the record that stands.
    Decided(Option<Timestamp>),
    /// Another record stands. Both tell when the next attempt is due, if one follows.
    Found(Option<Timestamp>),
}

impl End {
    pub(crate) fn next(self) -> Option<Timestamp> {
        match self {
            Self::Open => None,
            Self::Decided(next) | Self::Found(next) => next,
        }
    }
}

/// What came of a POST.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sent {
    pub(crate) success: bool,
    /// The status; `None` if there was no answer. Every success is 200 here.
    pub(crate) status: Option<u16>,
    /// It wants to be left alone for so many milliseconds.
    pub(crate) hold: Option<i64>,
    /// When the answer came.
    pub(crate) at: i64,
    /// [`State::moved_back`] then.
    pub(crate) moved_back: i64,
}

/// A POST as it went on the wire.
#[derive(Debug, Clone)]
pub(crate) struct Post {
    pub(crate) attempt: Attempt,
    /// The webhook and the version of it that was read.
    pub(crate) target: Option<(WebhookId, usize)>,
    pub(crate) uri: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
    /// When the work on it began, and when it went out, in epoch milliseconds; `None` if the clock was put back meanwhile.
    pub(crate) between: Option<(i64, i64)>,
}

/// A webhook was given leave to send a mail.
#[derive(Debug, Clone)]
pub(crate) struct Leave {
    pub(crate) account: AccountId,
    pub(crate) webhook: WebhookId,
    pub(crate) to: Vec<MailAddress>,
    pub(crate) kind: MailKind,
    pub(crate) at: i64,
}

/// What can be seen from outside, and what was asked.
#[derive(Debug, Default)]
pub(crate) struct Log {
    pub(crate) posts: Vec<Post>,
    pub(crate) mails: Vec<(i64, Mail)>,
    /// The mails that were allowed, and when.
    pub(crate) admissions: Vec<Leave>,
    /// Payloads that were published under an id.
    pub(crate) published: BTreeMap<(AccountId, EventId), Vec<String>>,
    pub(crate) accepted: BTreeSet<(AccountId, EventId)>,
    /// The webhooks that matched when an event was fanned out to its end.
    pub(crate) matching: BTreeMap<(AccountId, EventId), Vec<WebhookId>>,
    /// How often the fan-out of an event began.
    pub(crate) fan_outs: BTreeMap<(AccountId, EventId), u32>,
    /// Redelivery jobs that began.
    pub(crate) jobs: Vec<RedeliveryJob>,
    /// Every run that was put on the queue.
    pub(crate) runs: BTreeMap<(MessageId, u64), Attempt>,
    /// How often the queue handed an attempt out, and how often the work on it was cut short.
    pub(crate) handouts: BTreeMap<(MessageId, u64, u8), (u32, u32)>,
    /// Codes that were sent to endpoints, which call back with them.
    pub(crate) codes: Vec<String>,
    /// Texts that people or machines outside can read.
    pub(crate) texts: Vec<String>,
}

impl World {
    pub(crate) fn new(seed: u64, plan: Option<Plan>, story: &Story, traced: bool) -> Self {
        let mut chance = Chance::new(seed);
        let entropy = Chance::new(chance.next());
        let plan = plan.unwrap_or_else(|| Plan::by_chance(&mut chance));
        let hours = story.hours(&mut chance);
        let endpoints = Endpoints::new(&mut chance, hours);
        let mut settings = kept(CoreSettings { mails_per_day: *chance.pick(&[3, 200]), ..CoreSettings::default() });
        if hours < 24 && chance.one_in(2) {
            (settings.disable_after_failures, settings.disable_after) = (3, Duration::from_mins(10));
        }
        if chance.one_in(4) {
            settings.verification = VerificationMode::Required;
        }
        let shadow = Shadow { verifies: settings.verification == VerificationMode::Required, ..Shadow::default() };
        Self(Arc::new(Mutex::new(State {
            chance,
            entropy,
            now: BEGINNING,
            moved_back: 0,
            plan,
            steps: 0,
            cut: None,
            task: 0,
            at_gate: false,
            dead: false,
            working: BTreeMap::new(),
            queue: Queue::default(),
            endpoints,
            shadow,
            callbacks: Vec::new(),
            log: Log::default(),
            coverage: Coverage { runs: 1, ..Coverage::default() },
            trace: traced.then(String::new),
            fingerprint: 0,
            violations: Vec::new(),
            settings,
            hours,
        })))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// 2026-11-25T09:00:00Z.
pub(crate) const BEGINNING: i64 = 1_795_597_200_000;

/// A moment from epoch milliseconds.
pub(crate) fn moment(millis: i64) -> Timestamp {
    Timestamp::from_millisecond(millis).expect("the clock of a run stays within the calendar")
}

impl State {
    /// A task goes on with its next step.
    pub(crate) fn begin(&mut self, step: Step) -> Option<Cut> {
        self.steps += 1;
        self.coverage.steps += 1;
        self.coverage.met.insert(step);
        self.now += self.chance.millis(0..=3);
        let number = self.steps;
        let cut = self.plan.cut(number, step, &mut self.chance).map(|cut| cut.fit(step));
        if let Some(cut) = cut {
            *self.coverage.cuts.entry((step, cut)).or_default() += 1;
            if cut == Cut::Dawdles {
                self.now += self.chance.millis(1_000..=100_000);
            }
        }
        self.cut = cut;
        let task = self.task;
        self.note(|| match cut {
            None => format!("{number:>5} task {task} {step:?}"),
            Some(cut) => format!("{number:>5} task {task} {step:?} <- {cut:?}"),
        });
        cut
    }

    /// What the current task does.
    pub(crate) fn work(&mut self) -> &mut Working {
        self.working.entry(self.task).or_default()
    }

    pub(crate) fn violation(&mut self, what: impl Into<String>) {
        let what = what.into();
        self.note(|| format!("VIOLATION {what}"));
        self.violations.push(what);
    }

    /// A line of the trace.
    pub(crate) fn note(&mut self, line: impl FnOnce() -> String) {
        let now = self.now;
        if let Some(trace) = &mut self.trace {
            let line = line();
            for byte in line.bytes() {
                self.fingerprint = (self.fingerprint ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
            }
            let _ = writeln!(trace, "{} {line}", moment(now));
        }
    }

    pub(crate) fn take_trace(&mut self) -> String {
        self.trace.take().unwrap_or_default()
    }
}

impl Clock for World {
    fn now(&self) -> Timestamp {
        moment(self.lock().now)
    }
}

impl Entropy for World {
    fn fill(&self, bytes: &mut [u8]) {
        let mut state = self.lock();
        for chunk in bytes.chunks_mut(8) {
            let random = state.entropy.next().to_le_bytes();
            chunk.copy_from_slice(&random[..chunk.len()]);
        }
    }
}
