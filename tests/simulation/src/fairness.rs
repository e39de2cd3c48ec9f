//! Who waits for whom (9, 10): a small world around the scheduler. One account has hosts that answer nothing within the
//! time that an attempt may take, and a long line of messages for each of their webhooks. Another account has hosts that
//! work, and a message for them now and then: it must start at once. So must the messages to a working host of the first
//! account, once its silent hosts are known to be slow. The silent ones have their turn as well. The process may start again
//! in the middle.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hookline_core::ids::{AccountId, EventId, WebhookId};
use hookline_core::model::{Attempt, EventHead, EventName, Links, Message, Payload};
use hookline_embedded::ConcurrencyLimits;
use hookline_embedded::queue::bare_scheduler::{BareAction, BareLane, BareRow, BareScheduler};

use crate::chance::Chance;
use crate::run::Report;
use crate::world::{BEGINNING, moment};

/// Limits like the real ones, and smaller.
const LIMITS: ConcurrencyLimits = ConcurrencyLimits { total: 32, per_host: 4 };
/// How long it goes on, in milliseconds.
const LASTS: i64 = 30_000;
/// How long an attempt takes at most.
const TIMEOUT: i64 = 10_000;
/// An attempt to a host that works starts within this time.
const SOON: i64 = 1_000;
/// Hosts that work have numbers below this.
const WORKING: i64 = 100;
/// The account with the silent hosts, and the quiet one.
const NOISY: i64 = 1;
const QUIET: i64 = 2;

/// What is to be met, by the first process and by the one after it.
pub(crate) const ROWS: [&str; 2] =
    ["a quiet account starts beside a noisy one", "a quiet account starts beside a noisy one after a restart"];

/// See the module. What is found wrong goes into the report of the seed.
pub(crate) fn check(seed: u64, report: &mut Report) {
    let mut world = World::new(seed);
    world.play();
    let World { lanes, begun, passed, mut wrong, .. } = world;
    let forgotten = lanes.keys().filter(|lane| !begun.contains(lane));
    wrong.extend(forgotten.map(|lane| format!("{lane:?} never had a turn (10)")));
    for (row, passed) in ROWS.into_iter().zip(passed) {
        if passed {
            report.coverage.row(row);
        }
    }
    report.violations.extend(wrong);
}

struct World {
    chance: Chance,
    scheduler: BareScheduler,
    attempt: Attempt,
    now: i64,
    /// The table.
    lanes: BTreeMap<BareLane, BTreeSet<(i64, i64)>>,
    /// What is in work, by the time when it ends.
    working: BTreeSet<(i64, BareRow)>,
    /// Messages to hosts that work, which are going to be put.
    coming: BTreeSet<(i64, BareLane)>,
    last: i64,
    /// When the process starts again, and when it did.
    restarts: Option<i64>,
    restarted: Option<i64>,
    /// Lanes that had their turn.
    begun: BTreeSet<BareLane>,
    /// A message of the quiet account started while the noisy one filled its share: before the restart, and after it.
    passed: [bool; 2],
    wrong: Vec<String>,
}

impl World {
    fn new(seed: u64) -> Self {
        let (mut chance, attempt) = (Chance::new(seed), attempt());
        let mut coming = BTreeSet::new();
        for (account, host) in [(QUIET, 0), (QUIET, 1), (NOISY, 2)] {
            let mut at = BEGINNING;
            while at < BEGINNING + LASTS {
                at += chance.millis(100..=1_500);
                coming.insert((at, BareLane { account, host, webhook: host }));
            }
        }
        let restarts = chance.one_in(2).then(|| BEGINNING + chance.millis(1_000..=15_000));
        let mut world = Self {
            chance,
            scheduler: BareScheduler::new(LIMITS, attempt.clone()),
            attempt,
            now: BEGINNING,
            lanes: BTreeMap::new(),
            working: BTreeSet::new(),
            coming,
            last: 0,
            restarts,
            restarted: None,
            begun: BTreeSet::new(),
            passed: [false; 2],
            wrong: Vec::new(),
        };
        for host in 0..world.chance.between(8..=12).cast_signed() {
            // At one host two webhooks take turns.
            for webhook in 0..if host == 0 { 2 } else { 1 } {
                let lane = BareLane { account: NOISY, host: WORKING + host, webhook: WORKING + host + 1000 * webhook };
                for _ in 0..world.chance.between(10..=60) {
                    world.put(lane, BEGINNING);
                }
            }
        }
        world
    }

    fn play(&mut self) {
        loop {
            self.work();
            let (ends, comes) = (self.working.first().map(|(at, _)| *at), self.coming.first().map(|(at, _)| *at));
            let next = [ends, comes, self.restarts].into_iter().flatten().min();
            match next.filter(|next| *next < BEGINNING + LASTS) {
                Some(next) => self.now = next,
                None => return,
            }
            if self.restarts.take_if(|at| *at <= self.now).is_some() {
                self.restart();
            }
            while let Some((_, row)) = self.working.first().copied().filter(|(at, _)| *at <= self.now) {
                self.working.pop_first();
                self.end(row);
            }
            while let Some((_, lane)) = self.coming.first().copied().filter(|(at, _)| *at <= self.now) {
                self.coming.pop_first();
                self.put(lane, self.now);
            }
        }
    }

    fn put(&mut self, lane: BareLane, due: i64) {
        self.last += 1;
        self.lanes.entry(lane).or_default().insert((due, self.last));
        self.scheduler.put(BareRow { lane, due, number: self.last }, self.now);
    }

    /// Does what is to be done, until nothing is.
    fn work(&mut self) {
        loop {
            let actions = self.scheduler.start(self.now);
            if actions.is_empty() {
                return;
            }
            for action in actions {
                match action {
                    BareAction::Begin(row) => self.begin(row),
                    BareAction::Load { lane, max } => self.load(lane, max),
                }
            }
        }
    }

    fn begin(&mut self, row: BareRow) {
        self.begun.insert(row.lane);
        let works = row.lane.host < WORKING;
        let started = self.restarted.unwrap_or(BEGINNING);
        // A process that has just started does not know which hosts are slow.
        let known = row.lane.account == QUIET || row.due >= started + TIMEOUT;
        let waited = self.now - row.due.max(started);
        if works && known && waited > SOON {
            self.wrong.push(format!("{:?}: an attempt waited {waited} ms behind others (9, 10)", row.lane));
        }
        let of_noisy = |lane: &BareLane| lane.account == NOISY && lane.host >= WORKING;
        let busy = self.working.iter().filter(|(_, row)| of_noisy(&row.lane)).count() > LIMITS.total / 2;
        let waits = self.lanes.iter().any(|(lane, rows)| of_noisy(lane) && rows.len() > LIMITS.per_host);
        self.passed[usize::from(self.restarted.is_some())] |= row.lane.account == QUIET && busy && waits;
        let takes = if works { self.chance.millis(5..=200) } else { TIMEOUT };
        self.working.insert((self.now + takes, row));
    }

    fn load(&mut self, lane: BareLane, max: usize) {
        let table = self.lanes.get(&lane).into_iter().flatten();
        let mut rows: Vec<BareRow> = table.map(|&(due, number)| BareRow { lane, due, number }).collect();
        let next = rows.iter().find(|row| row.due > self.now).map(|row| row.due);
        rows.retain(|row| row.due <= self.now);
        let next = if rows.len() >= max { Some(self.now) } else { next };
        rows.truncate(max);
        self.scheduler.loaded(lane, &rows, next, self.now);
    }

    /// A row is deleted. What failed is tried again later.
    fn end(&mut self, row: BareRow) {
        let works = row.lane.host < WORKING;
        if let Some(rows) = self.lanes.get_mut(&row.lane) {
            rows.remove(&(row.due, row.number));
        }
        self.scheduler.finished(row, works);
        if !works {
            let due = self.now + self.chance.millis(1_000..=60_000);
            self.put(row.lane, due);
        }
    }

    /// The process dies and another one finds the table.
    fn restart(&mut self) {
        self.restarted = Some(self.now);
        self.working.clear();
        self.scheduler = BareScheduler::new(LIMITS, self.attempt.clone());
        for (lane, rows) in &self.lanes {
            if let Some((due, _)) = rows.first() {
                self.scheduler.note(*lane, *due);
            }
        }
    }
}

/// An attempt like any other.
pub(crate) fn attempt() -> Attempt {
    let name = EventName::builtin("request.create").expect("a name of the list");
    let head = EventHead {
        id: EventId::parse("event").expect("an id"),
        account: AccountId::parse("acme").expect("an id"),
        object_id: 1,
        object_type: EventHead::default_object_type(&name),
        event: name,
        person_id: None,
        person_name: None,
        links: Links::default(),
        webhook: None,
        trace: None,
        accepted_at: moment(BEGINNING),
    };
    Attempt::first(
        Message::new(&Arc::new(head), WebhookId(1), String::new(), None),
        &Payload::empty(),
        moment(BEGINNING),
    )
}
