//! Two accounts at one endpoint host (9, 10): a small world around the scheduler and the rules of host health. The hostile
//! account has webhooks there that answer 503 for ever, with or without `Retry-After`, 429, 410 or nothing within ten
//! seconds, a webhook that works, and events that take long to fan out, as those of thousands of disabled webhooks do. Another
//! account has a webhook at the same host, which works.
//!
//! Whatever the hostile account does, a message of the other one starts within [`SOON`] of its due time, and so does the
//! fan-out of its event. Within the hostile account, probes go round the webhooks that have something waiting: before the one
//! that works has its turn, each other one has at most one.

use std::collections::{BTreeMap, BTreeSet};

use hookline_core::ids::WebhookId;
use hookline_core::model::{CircuitState, HostEvent, HostHealth};
use hookline_embedded::ConcurrencyLimits;
use hookline_embedded::queue::bare_scheduler::{BareAction, BareLane, BareRow, BareScheduler};

use crate::chance::Chance;
use crate::fairness::attempt;
use crate::run::Report;
use crate::world::{BEGINNING, moment};

const LIMITS: ConcurrencyLimits = ConcurrencyLimits { total: 16, per_host: 4 };
/// How long it goes on, in milliseconds.
const LASTS: i64 = 3_600_000;
/// How long a message and an event of the other account may wait, in milliseconds.
const SOON: i64 = 1_000;
/// How long an attempt takes at most, and a fan-out of the hostile account.
const LONG: i64 = 10_000;
const HOSTILE: i64 = 1;
const OTHER: i64 = 2;
const HOST: i64 = 1;
/// The webhooks of the hostile account that never succeed have numbers below this.
const GOOD: i64 = 10;

/// What is to be met.
pub(crate) const ROWS: [&str; 4] = [
    "an account starts at a host that is throttled for another one",
    "an account starts at a host that is held for another one",
    "an account fans out beside one that fans out for long",
    "a working webhook has its turn at a throttled host",
];

/// What a webhook of the hostile account answers.
#[derive(Debug, Clone, Copy)]
enum Hostility {
    Status503,
    Status503For(i64),
    Status429,
    Status410,
    Silence,
}

/// See the module. What is found wrong goes into the report of the seed.
pub(crate) fn check(seed: u64, report: &mut Report) {
    let mut world = World::new(seed);
    world.play();
    for (row, met) in ROWS.into_iter().zip(world.met) {
        if met {
            report.coverage.row(row);
        }
    }
    report.violations.extend(world.wrong);
}

struct World {
    chance: Chance,
    scheduler: BareScheduler,
    now: i64,
    lanes: BTreeMap<BareLane, BTreeSet<(i64, i64)>>,
    /// What is in work by the time when it ends, and whether it is a probe.
    working: BTreeSet<(i64, BareRow, bool)>,
    /// What is going to be put.
    coming: BTreeSet<(i64, BareLane)>,
    health: BTreeMap<i64, HostHealth>,
    hostility: BTreeMap<i64, Hostility>,
    /// Probes of each webhook of the hostile account since the one that works waits.
    probes: BTreeMap<i64, u32>,
    last: i64,
    met: [bool; 4],
    wrong: Vec<String>,
}

fn delivery(account: i64, webhook: i64) -> BareLane {
    BareLane { account, host: HOST, webhook }
}

impl World {
    fn new(seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        let mut coming = BTreeSet::new();
        let mut comes = |lane: BareLane, most: i64, chance: &mut Chance| {
            let mut at = BEGINNING;
            while at < BEGINNING + LASTS {
                coming.insert((at, lane));
                at += chance.millis(1_000..=most.unsigned_abs());
            }
        };
        comes(delivery(OTHER, GOOD), 120_000, &mut chance);
        comes(BareLane::events(OTHER), 120_000, &mut chance);
        comes(delivery(HOSTILE, GOOD), 900_000, &mut chance);
        let hostility = (1..=chance.between(2..=4).cast_signed()).map(|webhook| {
            let hostility = match chance.below(6) {
                0 | 1 => Hostility::Status503,
                2 => Hostility::Status503For(chance.millis(1_000..=600_000)),
                3 => Hostility::Status429,
                4 => Hostility::Status410,
                _ => Hostility::Silence,
            };
            (webhook, hostility)
        });
        let hostility = hostility.collect();
        let mut world = Self {
            scheduler: BareScheduler::new(LIMITS, attempt()),
            chance,
            now: BEGINNING,
            lanes: BTreeMap::new(),
            working: BTreeSet::new(),
            coming,
            health: BTreeMap::new(),
            hostility,
            probes: BTreeMap::new(),
            last: 0,
            met: [false; 4],
            wrong: Vec::new(),
        };
        for webhook in world.hostility.keys().copied().collect::<Vec<_>>() {
            for _ in 0..world.chance.between(10..=60) {
                world.put(delivery(HOSTILE, webhook), BEGINNING);
            }
        }
        for _ in 0..world.chance.between(100..=300) {
            world.put(BareLane::events(HOSTILE), BEGINNING);
        }
        world
    }

    fn play(&mut self) {
        loop {
            self.work();
            let ends = self.working.first().map(|(at, ..)| *at);
            let comes = self.coming.first().map(|(at, _)| *at);
            let next = [ends, comes, self.scheduler.next_due()].into_iter().flatten().min();
            match next.filter(|next| *next < BEGINNING + LASTS) {
                Some(next) => self.now = next.max(self.now),
                None => return,
            }
            while let Some((_, row, probe)) = self.working.first().copied().filter(|(at, ..)| *at <= self.now) {
                self.working.pop_first();
                self.end(row, probe);
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

    fn load(&mut self, lane: BareLane, max: usize) {
        let table = self.lanes.get(&lane).into_iter().flatten();
        let mut rows: Vec<BareRow> = table.map(|&(due, number)| BareRow { lane, due, number }).collect();
        let next = rows.iter().find(|row| row.due > self.now).map(|row| row.due);
        rows.retain(|row| row.due <= self.now);
        let next = if rows.len() >= max { Some(self.now) } else { next };
        rows.truncate(max);
        self.scheduler.loaded(lane, &rows, next, self.now);
    }

    fn circuit(&self, account: i64) -> CircuitState {
        self.health.get(&account).map_or(CircuitState::Closed, |health| health.circuit(moment(self.now)))
    }

    /// A message or an event starts, if the health of its host lets it.
    fn begin(&mut self, row: BareRow) {
        let lane = row.lane;
        if lane.account == OTHER {
            self.is_soon(row);
        }
        if lane.is_of_events() {
            let takes = if lane.account == HOSTILE { LONG } else { self.chance.millis(1..=200) };
            self.working.insert((self.now + takes, row, false));
            return;
        }
        let probe = match self.circuit(lane.account) {
            CircuitState::Closed | CircuitState::Reopening(_) => false,
            CircuitState::HalfOpen => {
                self.change(lane, &HostEvent::Probed { webhook: WebhookId(lane.webhook.cast_unsigned()) });
                self.probed(lane);
                true
            }
            CircuitState::Open { until } => {
                // It goes back to its lane.
                self.scheduler.finished(row, true);
                self.scheduler.note(lane, until.as_millisecond());
                return;
            }
        };
        let takes = match self.hostility.get(&lane.webhook).filter(|_| lane.account == HOSTILE) {
            Some(Hostility::Silence) => LONG,
            Some(_) | None => self.chance.millis(5..=900),
        };
        self.working.insert((self.now + takes, row, probe));
    }

    /// Checks that a message or an event of the other account did not wait.
    fn is_soon(&mut self, row: BareRow) {
        let waited = self.now - row.due;
        if waited > SOON {
            self.wrong.push(format!("{:?} waited {waited} ms beside a hostile account (9)", row.lane));
        }
        if row.lane.is_of_events() {
            let fans_out = |row: &BareRow| row.lane == BareLane::events(HOSTILE);
            self.met[2] |= self.working.iter().any(|(_, row, _)| fans_out(row));
        } else if let Some(health) = self.health.get(&HOSTILE) {
            self.met[0] |= health.throttle.is_some();
            self.met[1] |= health.held_until.is_some_and(|until| until > moment(self.now));
        }
    }

    /// Checks that probes go round.
    fn probed(&mut self, lane: BareLane) {
        let good = delivery(HOSTILE, GOOD);
        if lane.account != HOSTILE {
            return;
        }
        let waits = self.lanes.get(&good).into_iter().flatten().next().is_some_and(|(due, _)| *due <= self.now);
        if lane == good || !waits {
            self.met[3] |= lane == good;
            self.probes.clear();
            return;
        }
        let probes = self.probes.entry(lane.webhook).or_default();
        *probes += 1;
        // The first one may have been chosen before the message came.
        if *probes > 2 {
            self.wrong.push(format!("webhook {} had {probes} probes while another one waited (10)", lane.webhook));
        }
    }

    fn change(&mut self, lane: BareLane, event: &HostEvent) {
        let before = self.health.remove(&lane.account).unwrap_or_default();
        let after = before.after(event, moment(self.now), 1.0);
        self.scheduler.set_circuit(lane, &after, moment(self.now));
        self.health.insert(lane.account, after);
    }

    /// The answer came: its consequences for the host, and for the message.
    fn end(&mut self, row: BareRow, probe: bool) {
        let lane = row.lane;
        if let Some(rows) = self.lanes.get_mut(&lane) {
            rows.remove(&(row.due, row.number));
        }
        if lane.is_of_events() {
            self.scheduler.finished(row, true);
            return;
        }
        let webhook = WebhookId(lane.webhook.cast_unsigned());
        let others_due = self.scheduler.others_due(lane, self.now);
        let failed = HostEvent::Failed { webhook, probe, others_due };
        let hostility = self.hostility.get(&lane.webhook).copied().filter(|_| lane.account == HOSTILE);
        let events = match hostility {
            None => vec![HostEvent::Succeeded],
            Some(Hostility::Status410) => vec![HostEvent::Answered],
            Some(Hostility::Status503For(wait)) => vec![failed, HostEvent::Held { until: moment(self.now + wait) }],
            Some(Hostility::Status503 | Hostility::Status429 | Hostility::Silence) => vec![failed],
        };
        for event in events {
            let known = self.health.get(&lane.account).cloned().unwrap_or_default();
            if known.is_moved_by(&event) {
                self.change(lane, &event);
            }
        }
        let kept_up = !matches!(hostility, Some(Hostility::Status429 | Hostility::Silence));
        self.scheduler.finished(row, kept_up);
        if hostility.is_some() {
            let due = self.now + self.chance.millis(15_000..=120_000);
            self.put(lane, due);
        }
    }
}
