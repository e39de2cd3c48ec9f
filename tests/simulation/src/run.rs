//! One run: a world from its beginning until everything has come to rest, and then all that must hold.
//!
//! Tasks are handlers of queue messages, and the deeds of publishers and administrators. One task goes on at a time, up
//! to its next step; which one, chance says. So a run is the same whenever it is repeated.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use hookline_core::errors::PortResult;
use hookline_core::ids::AccountId;
use hookline_core::model::{Account, Attempt};
use hookline_core::ports::{Accounts as _, Disposition};
use hookline_core::service::Service;
use hookline_core::settings::CoreSettings;
use hookline_core::use_cases::{deliver, fan_out, recover, redelivery_job};
use hookline_core::values::{MailAddress, TimeZone};

use crate::coverage::{Coverage, Mischief};
use crate::faults::Plan;
use crate::intents::{Deed, Intent};
use crate::invariants;
use crate::ports;
use crate::queue::{Body, Message};
use crate::scratch::{Lent, Scratch};
use crate::story::Story;
use crate::world::{BEGINNING, State, TaskId, Working, World, moment};

/// How many tasks are in work at once.
const WIDTH: usize = 6;
/// A run that makes more steps than this does not come to rest.
const MOST_STEPS: u64 = 60_000;
/// How often a client tries.
const TRIES: u32 = 5;

/// What a run showed.
pub(crate) struct Report {
    pub(crate) coverage: Coverage,
    pub(crate) violations: Vec<String>,
    pub(crate) trace: String,
    pub(crate) fingerprint: u64,
    pub(crate) steps: u64,
}

impl Report {
    /// Of a run that broke off.
    pub(crate) fn of_panic(what: &str) -> Self {
        let violations = vec![format!("a panic: {what}")];
        Self { coverage: Coverage::default(), violations, trace: String::new(), fingerprint: 0, steps: 0 }
    }
}

impl Scratch {
    /// Runs a story to its end.
    pub(crate) fn run(&self, seed: u64, plan: Option<Plan>, story: &Story, traced: bool) -> Report {
        let world = World::new(seed, plan, story, traced);
        self.runtime.block_on(async {
            let mut run = Run::new(self, &world, story).await;
            run.play().await;
            invariants::check(&world, &run.lent).await;
            let Run { lent, service, tasks, .. } = run;
            drop((service, tasks));
            self.give_back(lent);
        });
        let mut state = world.lock();
        let coverage = std::mem::take(&mut state.coverage);
        Report {
            coverage,
            violations: std::mem::take(&mut state.violations),
            trace: state.take_trace(),
            fingerprint: state.fingerprint,
            steps: state.steps,
        }
    }
}

/// How a task ended.
enum Ended {
    Message { id: u64, result: PortResult<Disposition> },
    Deed { intent: Intent, tries: u32, deed: Deed },
}

struct Task {
    id: TaskId,
    /// The larger, the sooner it is its turn.
    weight: u64,
    work: Pin<Box<dyn Future<Output = Ended>>>,
}

enum Progress {
    AtGate,
    Dead,
    Ended(Ended),
}

/// An intent that waits for its time.
struct PlannedIntent {
    due: i64,
    intent: Intent,
    tries: u32,
}

struct Run<'a> {
    scratch: &'a Scratch,
    world: World,
    lent: Lent,
    service: Service,
    settings: Arc<CoreSettings>,
    accounts: Vec<Account>,
    tasks: Vec<Task>,
    planned: Vec<PlannedIntent>,
    last_task: TaskId,
}

impl<'a> Run<'a> {
    async fn new(scratch: &'a Scratch, world: &World, story: &Story) -> Self {
        let lent = scratch.lend();
        let mut accounts = Vec::new();
        for name in &story.accounts {
            let account = account(name);
            assert!(lent.store.api().create_account(&account).await.expect("the store works"), "the store is empty");
            accounts.push(account);
        }
        let vault = scratch.vault(&lent.store).await;
        let settings = Arc::new(world.lock().settings.clone());
        let service = ports::service(world, &lent.store, vault, &settings);
        let planned = {
            let mut state = world.lock();
            state.queue.inline = *state.chance.pick(&[0, 40, 48 * 1024]);
            story.planned(&mut state).into_iter().map(|(due, intent)| PlannedIntent { due, intent, tries: 0 }).collect()
        };
        let world = world.clone();
        let tasks = Vec::new();
        Self { scratch, world, lent, service, settings, accounts, tasks, planned, last_task: 0 }
    }

    async fn play(&mut self) {
        while self.world.lock().steps < MOST_STEPS {
            self.trouble().await;
            self.sweep().await;
            let called = std::mem::take(&mut self.world.lock().callbacks);
            self.planned.extend(called.into_iter().map(|(due, intent)| PlannedIntent { due, intent, tries: 0 }));
            let crowded = self.tasks.len() >= WIDTH;
            if !crowded && (self.tasks.is_empty() || self.world.lock().chance.one_in(3)) && self.start_something() {
                continue;
            }
            if !self.tasks.is_empty() {
                self.go_on().await;
                continue;
            }
            let mut state = self.world.lock();
            let next = self.planned.iter().map(|planned| planned.due).chain(state.queue.next_visible()).min();
            match next {
                Some(next) => state.now = state.now.max(next),
                None => return,
            }
        }
        let mut state = self.world.lock();
        let waiting = state.queue.len();
        state.violation(format!("the run does not come to rest: {waiting} messages wait"));
    }

    /// Between two steps the clock may jump, or the process may die.
    async fn trouble(&mut self) {
        let dies = {
            let mut guard = self.world.lock();
            let state = &mut *guard;
            if state.plan.mischief(&mut state.chance, 1500) {
                let jump = state.chance.millis(1_000..=5_400_000);
                if state.chance.one_in(2) {
                    state.coverage.mischief(Mischief::JumpAhead);
                    state.now += if state.chance.one_in(20) { 74 * 3_600_000 } else { jump };
                } else {
                    state.coverage.mischief(Mischief::JumpBack);
                    (state.now, state.moved_back) = (state.now - jump, state.moved_back + jump);
                }
                state.note(|| "the clock jumps".to_owned());
            }
            let dies = state.plan.mischief(&mut state.chance, 3000);
            if dies {
                state.coverage.mischief(Mischief::Restart);
            }
            dies
        };
        if dies {
            self.restart().await;
        }
    }

    /// Expired records are removed now and then, while work goes on; nothing that is still needed may go.
    async fn sweep(&self) {
        let (now, most) = {
            let mut guard = self.world.lock();
            let state = &mut *guard;
            // What a deleted account left takes many small steps.
            let removes = state.shadow.leftovers && state.chance.one_in(20);
            if !removes && !state.plan.mischief(&mut state.chance, 700) {
                return;
            }
            state.coverage.deed("Sweep Done");
            (moment(state.now), state.chance.index(20) + 1)
        };
        let more = self.lent.store.sweep_some(now, most).await.expect("the store works");
        self.world.lock().shadow.leftovers &= more;
    }

    /// The process dies and comes back.
    async fn restart(&mut self) {
        let dropped: Vec<TaskId> = self.tasks.drain(..).map(|task| task.id).collect();
        let reopens = {
            let mut state = self.world.lock();
            state.dead = false;
            state.note(|| "the process dies".to_owned());
            state.abandon();
            let mut again = Vec::new();
            for task in dropped {
                let work = state.working.remove(&task).unwrap_or_default();
                state.interrupted(&work);
                again.extend(work.intent.map(|intent| (intent, work.tries + 1)));
            }
            for (intent, tries) in again {
                let due = state.now + state.chance.millis(1_000..=60_000);
                if tries < TRIES {
                    self.planned.push(PlannedIntent { due, intent, tries });
                }
            }
            state.chance.one_in(16)
        };
        self.lent.restart(reopens).await;
        let vault = self.scratch.vault(&self.lent.store).await;
        self.service = ports::service(&self.world, &self.lent.store, vault, &self.settings);
    }

    /// Starts a deed or a message that is due; `false` if there is none.
    fn start_something(&mut self) -> bool {
        let mut state = self.world.lock();
        let due = self.planned.iter().position(|planned| planned.due <= state.now);
        let prefers_deed = state.chance.one_in(2);
        let mut work = Working { began_at: state.now, moved_back: state.moved_back, ..Working::default() };
        let id = self.last_task + 1;
        let weight = *state.chance.pick(&[1, 4, 16]);
        let future: Pin<Box<dyn Future<Output = Ended>>> = if let Some(at) = due.filter(|_| prefers_deed) {
            let PlannedIntent { intent, tries, .. } = self.planned.remove(at);
            state.note(|| format!("      task {id} begins {intent:?}"));
            (work.intent, work.tries) = (Some(intent.clone()), tries);
            let (world, service, accounts) = (self.world.clone(), self.service.clone(), self.accounts.clone());
            let deed = async move {
                let gone = intent.account().is_some_and(|account| world.lock().is_gone(&accounts[account].id));
                // Its tokens are gone as well.
                let deed = if gone { Deed::Refused } else { intent.clone().perform(world, service, accounts).await };
                Ended::Deed { intent, tries, deed }
            };
            Box::pin(deed)
        } else if let Some(message) = state.receive() {
            handler(&mut state, &mut work, id, message, self.service.clone())
        } else {
            // No message: then a deed, if one is due.
            return due.is_some();
        };
        state.working.insert(id, work);
        drop(state);
        self.last_task = id;
        self.tasks.push(Task { id, weight, work: future });
        true
    }

    /// One task goes on to its next step.
    async fn go_on(&mut self) {
        let index = {
            let mut state = self.world.lock();
            let total = self.tasks.iter().map(|task| task.weight).sum();
            let mut left = state.chance.below(total);
            let index = self.tasks.iter().position(|task| match left.checked_sub(task.weight) {
                Some(rest) => {
                    left = rest;
                    false
                }
                None => true,
            });
            let index = index.unwrap_or(0);
            state.task = self.tasks[index].id;
            index
        };
        let (world, task) = (self.world.clone(), &mut self.tasks[index]);
        let progress = poll_fn(|context| match task.work.as_mut().poll(context) {
            Poll::Ready(ended) => Poll::Ready(Progress::Ended(ended)),
            Poll::Pending => {
                let mut state = world.lock();
                if state.dead {
                    Poll::Ready(Progress::Dead)
                } else if std::mem::take(&mut state.at_gate) {
                    Poll::Ready(Progress::AtGate)
                } else {
                    Poll::Pending
                }
            }
        })
        .await;
        match progress {
            Progress::AtGate => {}
            Progress::Dead => self.restart().await,
            Progress::Ended(ended) => {
                let task = self.tasks.swap_remove(index).id;
                self.ended(task, ended);
            }
        }
    }

    fn ended(&mut self, task: TaskId, ended: Ended) {
        let mut state = self.world.lock();
        let work = state.working.remove(&task).unwrap_or_default();
        match ended {
            Ended::Message { id, result } => {
                state.note(|| format!("      task {task} ends: {result:?}"));
                state.finished(&work, &result);
                state.settle(id, &result);
            }
            Ended::Deed { intent, tries, deed } => {
                state.note(|| format!("      task {task} ends: {deed:?}"));
                let name = format!("{intent:?}");
                let name = name.split(' ').next().unwrap_or_default();
                state.coverage.deed(format!("{name} {deed:?}"));
                if deed == Deed::Again && tries < TRIES {
                    let due = state.now + state.chance.millis(1_000..=60_000);
                    drop(state);
                    self.planned.push(PlannedIntent { due, intent, tries: tries + 1 });
                }
            }
        }
    }
}

/// What a message of a queue sets off.
fn handler(
    state: &mut State,
    work: &mut Working,
    task: TaskId,
    message: Message,
    service: Service,
) -> Pin<Box<dyn Future<Output = Ended>>> {
    let id = message.id;
    work.message = Some(id);
    match message.body {
        Body::Event(event) => {
            state.note(|| format!("      task {task} fans out {}", event.head.id));
            work.event = Some(event.clone());
            Box::pin(async move { Ended::Message { id, result: fan_out::handle(&service, event).await } })
        }
        Body::Redelivery(step) => {
            state.note(|| format!("      task {task} goes on with the job {} after {:?}", step.job, step.after));
            Box::pin(async move { Ended::Message { id, result: redelivery_job::run_step(&service, step).await } })
        }
        Body::Recovery(step) => {
            state.note(|| format!("      task {task} tries webhook {} once more", step.webhook));
            work.recovers = true;
            work.is_last_try = step.is_last();
            Box::pin(async move { Ended::Message { id, result: recover::run_step(&service, step).await } })
        }
        Body::Attempt(text) => {
            let attempt = Attempt::decode(&text).expect("what was encoded is an attempt");
            state.note(|| {
                let Attempt { message, run, number, due_at, .. } = &attempt;
                format!("      task {task} delivers {} run {run} attempt {number} due {due_at}", message.id)
            });
            state.handed_out(&attempt);
            work.attempt = Some(attempt.clone());
            Box::pin(async move { Ended::Message { id, result: deliver::handle(&service, attempt).await } })
        }
    }
}

fn account(name: &str) -> Account {
    Account {
        id: AccountId::parse(name).expect("a name of a story"),
        name: name.to_uppercase(),
        admin_mails: MailAddress::parse(&format!("admin@{name}.example")).into_iter().collect(),
        time_zone: TimeZone::default(),
        custom_url: None,
        disabled: false,
        created_at: moment(BEGINNING),
    }
}
