//! What publishers and administrators are going to want in a run, and when.

use std::ops::{Range, RangeInclusive};

use hookline_core::ids::{AccountId, EventId};
use serde_json::value::RawValue;

use crate::chance::Chance;
use crate::intents::{Change, EVENTS, Intent, RULES};
use crate::shadow::RULE;
use crate::world::{BEGINNING, State};

/// Kinds of deeds.
const DEEDS: u64 = 20;
/// The hours in which things happen, and those of a long story.
const HOURS: (u64, u64) = (3, 24 * 9);

/// A story.
pub(crate) struct Story {
    pub(crate) accounts: Vec<&'static str>,
    /// One of so many stories has the last account as well, which is deleted in the middle.
    deletes: u64,
    /// How many webhooks each account begins with.
    webhooks: RangeInclusive<u64>,
    /// How many events are published.
    events: u64,
    /// How much else administrators do, beside one deed of each kind if that is wanted.
    deeds: RangeInclusive<u64>,
    each: bool,
    /// One in so many goes on for days.
    long: Option<u64>,
}

impl Story {
    /// The story of a seed: three accounts, fifty events.
    pub(crate) fn usual() -> Self {
        Self {
            accounts: vec!["acme", "bolt", "crux", "dusk"],
            webhooks: 2..=4,
            events: 50,
            deeds: 8..=16,
            each: false,
            deletes: 4,
            long: Some(20),
        }
    }

    /// A short one, in which everything happens once.
    pub(crate) fn short() -> Self {
        Self {
            accounts: vec!["acme", "bolt", "dusk"],
            webhooks: 2..=3,
            events: 4,
            deeds: 0..=0,
            each: true,
            deletes: 3,
            long: None,
        }
    }

    /// How long people do something.
    pub(crate) fn hours(&self, chance: &mut Chance) -> u64 {
        if self.long.is_some_and(|many| chance.one_in(many)) { HOURS.1 } else { HOURS.0 }
    }

    /// Everybody's intents, with their times.
    pub(crate) fn planned(&self, state: &mut State) -> Vec<(i64, Intent)> {
        let (mut planned, mut number) = (Vec::new(), 0);
        let accounts = self.accounts.len() - 1;
        for account in 0..accounts {
            self.settle(state, account, &mut planned);
        }
        self.publish(state, 0..accounts, self.events, &mut number, &mut planned);
        if state.chance.one_in(self.deletes) {
            let account = accounts;
            self.settle(state, account, &mut planned);
            self.publish(state, account..accounts + 1, self.events.div_ceil(5), &mut number, &mut planned);
            for intent in
                [Intent::Redeliver { account }, Intent::Recover { account }, Intent::DeleteAccount { account }]
            {
                planned.push((some_time(state), intent));
            }
        }
        let mut deeds: Vec<u64> = if self.each { (0..DEEDS).collect() } else { Vec::new() };
        deeds.extend((0..state.chance.between(self.deeds.clone())).map(|_| state.chance.below(DEEDS)));
        for deed in deeds {
            let account = state.chance.index(accounts);
            let at = some_time(state);
            if state.chance.one_in(3) {
                // Two administrators at the same webhooks at once.
                planned.push((at, Intent::Change { account, change: Change::any(&mut state.chance) }));
            }
            planned.push((at, self.deed(state, deed, account)));
        }
        planned
    }

    /// What an account begins with.
    fn settle(&self, state: &mut State, account: usize, planned: &mut Vec<(i64, Intent)>) {
        if state.chance.one_in(2) {
            planned.push((BEGINNING, Intent::MakePolicy { account }));
        }
        for _ in 0..state.chance.between(self.webhooks.clone()) {
            planned.push((BEGINNING, Intent::Register { account }));
        }
    }

    /// So many events of these accounts, a few at a time.
    fn publish(
        &self,
        state: &mut State,
        accounts: Range<usize>,
        mut left: u64,
        number: &mut u64,
        planned: &mut Vec<(i64, Intent)>,
    ) {
        while left > 0 {
            let account = accounts.start + state.chance.index(accounts.len());
            let many = state.chance.between(1..=4).min(left);
            left -= many;
            let events = (0..many).map(|_| self.event(state, account, number)).collect();
            let publish = Intent::Publish { account, events };
            let at = some_time(state);
            if state.chance.one_in(8) {
                // Another publisher says the same at about the same moment.
                planned.push((at + state.chance.millis(0..=5), publish.clone()));
            }
            planned.push((at, publish));
        }
    }

    /// What an administrator does: of [`DEEDS`] kinds, changes being the most frequent.
    fn deed(&self, state: &mut State, kind: u64, account: usize) -> Intent {
        match kind {
            0 => Intent::Register { account },
            1 => Intent::Delete { account },
            2 => Intent::Test { account },
            3 => Intent::Rotate { account },
            4 => Intent::Redeliver { account },
            5 => Intent::ShowSecret { account },
            6 => Intent::Trespass { account, victim: (account + 1) % (self.accounts.len() - 1) },
            7 => Intent::Lift { account },
            8 | 9 => Intent::Recover { account },
            12 => Intent::AskAgain { account },
            10 => Intent::MakePolicy { account },
            11 => Intent::NewKey { account },
            _ => Intent::Change { account, change: Change::any(&mut state.chance) },
        }
    }

    /// An event: mostly a new one, now and then other words under an id that was used before.
    fn event(&self, state: &mut State, account: usize, number: &mut u64) -> Box<RawValue> {
        *number += 1;
        let id = if state.chance.one_in(12) { state.chance.between(1..=*number) } else { *number };
        let (mut name, mut named) = (*state.chance.pick(&EVENTS), String::new());
        if state.chance.one_in(8) {
            // Ids of webhooks are small numbers: some of another account, and some for other events.
            let webhook = match state.chance.below(2) {
                0 => (*state.chance.pick(&RULES)).to_owned(),
                _ => state.chance.between(1..=10).to_string(),
            };
            (name, named) = (RULE, format!(r#""webhook":"{webhook}","#));
        }
        let payload = format!(r#"{{"n":{number},"text":"{}"}}"#, "é\\/".repeat(state.chance.index(20)));
        let text = format!(r#"{{"id":"event-{id}","event":"{name}",{named}"object_id":{number},"payload":{payload}}}"#);
        let account = AccountId::parse(self.accounts[account]).expect("a name of a story");
        let key = (account, EventId::parse(&format!("event-{id}")).expect("an id of a story"));
        state.log.published.entry(key).or_default().push(payload);
        RawValue::from_string(text).expect("valid JSON")
    }
}

fn some_time(state: &mut State) -> i64 {
    let last = state.hours * 3_600_000;
    BEGINNING + state.chance.millis(1_000..=last)
}
