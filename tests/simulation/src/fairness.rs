//! Who waits for whom (10): a small world around the workers' own choosing. Some hosts answer nothing within the time that
//! an attempt may take, and have long lines of late attempts; one of them has a long line of first ones too. Beside them
//! other hosts get first attempts now and then, which must begin at once, or as soon as their own host lets them. Those
//! who are late have their turn as well. The process may start again in the middle.

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
const LASTS: i64 = 20_000;
/// How long an attempt takes at most.
const TIMEOUT: i64 = 10_000;
/// A first attempt to a host that is well begins within this time.
const SOON: i64 = 1_000;
/// Hosts that are well have numbers below this.
const WELL: i64 = 100;

/// What is to be met, by the first process and by the one after it.
pub(crate) const ROWS: [&str; 2] =
    ["first attempts go past late ones", "first attempts go past late ones after a restart"];

/// See the module. What is found wrong goes into the report of the seed.
pub(crate) fn check(seed: u64, report: &mut Report) {
    let mut world = World::new(seed);
    world.play();
    let World { lines, begun, passed, mut wrong, .. } = world;
    // Of the host with both lines the first attempts come first.
    let forgotten = lines.keys().filter(|line| line.host > WELL && !begun.contains(line));
    wrong.extend(forgotten.map(|line| format!("{line:?} never had a turn (10)")));
    for (row, passed) in ROWS.into_iter().zip(passed) {
        if passed {
            report.coverage.row(row);
        }
    }
    report.violations.extend(wrong);
}

struct World {
    chance: Chance,
    chooser: BareScheduler,
    attempt: Attempt,
    now: i64,
    /// The table.
    lines: BTreeMap<BareLane, BTreeSet<(i64, i64)>>,
    /// What is in work, by the time when it ends.
    working: BTreeSet<(i64, BareRow)>,
    /// First attempts that are going to be put.
    coming: BTreeSet<(i64, i64)>,
    last: i64,
    /// When the process starts again, and when it did.
    restarts: Option<i64>,
    restarted: Option<i64>,
    /// Lines that had their turn.
    begun: BTreeSet<BareLane>,
    /// A first attempt went past late ones that were due: before the restart, and after it.
    passed: [bool; 2],
    wrong: Vec<String>,
}

impl World {
    fn new(seed: u64) -> Self {
        let (mut chance, attempt) = (Chance::new(seed), attempt());
        let mut coming = BTreeSet::new();
        for host in 0..chance.between(1..=3).cast_signed() {
            let mut at = BEGINNING;
            while at < BEGINNING + LASTS {
                at += chance.millis(100..=1_500);
                coming.insert((at, host));
            }
        }
        let restarts = chance.one_in(2).then(|| BEGINNING + chance.millis(1_000..=15_000));
        let mut world = Self {
            chance,
            chooser: BareScheduler::new(LIMITS, attempt.clone()),
            attempt,
            now: BEGINNING,
            lines: BTreeMap::new(),
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
            for _ in 0..world.chance.between(10..=60) {
                world.put(BareLane { host: WELL + host, late: true }, BEGINNING);
            }
        }
        for _ in 0..world.chance.between(10..=60) {
            world.put(BareLane { host: WELL, late: false }, BEGINNING);
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
            if self.restarts.take_if(|at| *at == self.now).is_some() {
                self.restart();
            }
            while let Some((_, row)) = self.working.first().copied().filter(|(at, _)| *at <= self.now) {
                self.working.pop_first();
                self.end(row);
            }
            while let Some((_, host)) = self.coming.first().copied().filter(|(at, _)| *at <= self.now) {
                self.coming.pop_first();
                self.put(BareLane { host, late: false }, self.now);
            }
        }
    }

    fn put(&mut self, line: BareLane, due: i64) {
        self.last += 1;
        self.lines.entry(line).or_default().insert((due, self.last));
        self.chooser.put(BareRow { line, due, number: self.last });
    }

    /// Does what is chosen, until nothing is.
    fn work(&mut self) {
        loop {
            let chosen = self.chooser.choose(self.now);
            if chosen.is_empty() {
                return;
            }
            for chosen in chosen {
                match chosen {
                    BareAction::Begin(row) => self.begin(row),
                    BareAction::Load { line, most } => self.load(line, most),
                }
            }
        }
    }

    fn begin(&mut self, row: BareRow) {
        self.begun.insert(row.line);
        let is_well = row.line.host < WELL;
        let waited = self.now - self.restarted.map_or(row.due, |at| at.max(row.due));
        if is_well && waited > SOON {
            self.wrong.push(format!("a first attempt waited {waited} ms behind others (10)"));
        }
        let mut late = self.lines.iter().filter(|(line, _)| line.late);
        let waits = late.any(|(_, rows)| rows.range(..=(self.now, i64::MAX)).nth(LIMITS.per_host).is_some());
        self.passed[usize::from(self.restarted.is_some())] |= is_well && waits;
        let takes = if is_well { self.chance.millis(5..=200) } else { TIMEOUT };
        self.working.insert((self.now + takes, row));
    }

    fn load(&mut self, line: BareLane, most: usize) {
        let table = self.lines.get(&line).into_iter().flatten();
        let mut rows: Vec<BareRow> = table.map(|&(due, number)| BareRow { line, due, number }).collect();
        let next = rows.iter().find(|row| row.due > self.now).map(|row| row.due);
        rows.retain(|row| row.due <= self.now);
        let next = if rows.len() >= most { Some(self.now) } else { next };
        rows.truncate(most);
        self.chooser.loaded(line, &rows, next, self.now);
    }

    /// A row is gone. What failed is tried again later.
    fn end(&mut self, row: BareRow) {
        let is_well = row.line.host < WELL;
        if let Some(rows) = self.lines.get_mut(&row.line) {
            rows.remove(&(row.due, row.number));
        }
        self.chooser.finished(row, is_well);
        if !is_well {
            let due = self.now + self.chance.millis(1_000..=60_000);
            self.put(BareLane { late: true, ..row.line }, due);
        }
    }

    /// The process dies and another one finds the table.
    fn restart(&mut self) {
        self.restarted = Some(self.now);
        self.working.clear();
        self.chooser = BareScheduler::new(LIMITS, self.attempt.clone());
        for (line, rows) in &self.lines {
            if let Some((due, _)) = rows.first() {
                self.chooser.note(*line, *due);
            }
        }
    }
}

/// An attempt like any other.
fn attempt() -> Attempt {
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
        accepted_at: moment(BEGINNING),
    };
    Attempt::first(
        Message::new(&Arc::new(head), WebhookId(1), String::new(), None),
        &Payload::empty(),
        moment(BEGINNING),
    )
}
