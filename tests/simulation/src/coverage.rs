//! What the runs met: every kind of fault, every cut of every step, every row of the rules. A simulation that never met
//! something proves nothing about it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::rules::{OTHER_ROWS, Row};
use crate::steps::{Cut, Step};
use crate::{fairness, shared_hosts};

/// What can happen beside the cuts of steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Mischief {
    /// The queue hands a message out twice.
    Duplicate,
    /// A message overtakes an older one.
    Reorder,
    /// A message is visible later than it should be.
    Delay,
    /// An acknowledgement gets lost.
    LostAcknowledgement,
    /// A message is handed out again because its work took too long.
    Repeat,
    /// The clock jumps ahead.
    JumpAhead,
    /// The clock jumps back.
    JumpBack,
    /// The process dies between two steps.
    Restart,
}

impl Mischief {
    pub(crate) const ALL: [Self; 8] = [
        Self::Duplicate,
        Self::Reorder,
        Self::Delay,
        Self::LostAcknowledgement,
        Self::Repeat,
        Self::JumpAhead,
        Self::JumpBack,
        Self::Restart,
    ];
}

fn add<K: Ord + Clone>(to: &mut BTreeMap<K, u64>, counts: &BTreeMap<K, u64>) {
    for (key, count) in counts {
        *to.entry(key.clone()).or_default() += count;
    }
}

/// Counts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Coverage {
    pub(crate) runs: u64,
    pub(crate) steps: u64,
    /// Steps that were made at all.
    pub(crate) met: BTreeSet<Step>,
    pub(crate) posts: u64,
    pub(crate) cuts: BTreeMap<(Step, Cut), u64>,
    pub(crate) mischief: BTreeMap<Mischief, u64>,
    pub(crate) rows: BTreeMap<String, u64>,
    pub(crate) deeds: BTreeMap<String, u64>,
}

impl Coverage {
    pub(crate) fn mischief(&mut self, what: Mischief) {
        *self.mischief.entry(what).or_default() += 1;
    }

    pub(crate) fn row(&mut self, row: impl Into<String>) {
        *self.rows.entry(row.into()).or_default() += 1;
    }

    pub(crate) fn deed(&mut self, deed: impl Into<String>) {
        *self.deeds.entry(deed.into()).or_default() += 1;
    }

    /// How many faults there were in all.
    pub(crate) fn faults(&self) -> u64 {
        self.cuts.values().sum::<u64>() + self.mischief.values().sum::<u64>()
    }

    pub(crate) fn add(&mut self, other: &Self) {
        let Self { runs, steps, met, posts, cuts, mischief, rows, deeds } = other;
        self.runs += runs;
        self.steps += steps;
        self.met.extend(met);
        self.posts += posts;
        add(&mut self.cuts, cuts);
        add(&mut self.mischief, mischief);
        add(&mut self.rows, rows);
        add(&mut self.deeds, deeds);
    }

    /// As tables for people.
    pub(crate) fn tables(&self) -> String {
        let mut text = format!(
            "{} runs, {} steps, {} POSTs, {} faults\n\n{:<20}",
            self.runs,
            self.steps,
            self.posts,
            self.faults(),
            "step"
        );
        for cut in Cut::ALL {
            let _ = write!(text, "{:>13}", format!("{cut:?}"));
        }
        for step in Step::ALL {
            let _ = write!(text, "\n{:<20}", format!("{step:?}"));
            for cut in Cut::ALL {
                let _ = write!(text, "{:>13}", self.cuts.get(&(step, cut)).copied().unwrap_or_default());
            }
        }
        text.push_str("\n\n");
        for what in Mischief::ALL {
            let count = self.mischief.get(&what).copied().unwrap_or_default();
            let _ = writeln!(text, "{:<40}{count:>10}", format!("{what:?}"));
        }
        for (title, counts) in [("rows of the rules", &self.rows), ("deeds", &self.deeds)] {
            let _ = writeln!(text, "\n{title}");
            for (what, count) in counts {
                let _ = writeln!(text, "{what:<40}{count:>10}");
            }
        }
        text
    }

    /// Cuts that never happened.
    pub(crate) fn uncut(&self) -> impl Iterator<Item = String> + '_ {
        let cuts = Step::ALL.iter().flat_map(|step| Cut::ALL.map(|cut| (*step, cut)));
        let cuts = cuts.filter(|(step, cut)| cut.fit(*step) == *cut && !self.cuts.contains_key(&(*step, *cut)));
        cuts.map(|(step, cut)| format!("{step:?} {cut:?}"))
    }

    /// What was never met.
    pub(crate) fn gaps(&self) -> Vec<String> {
        let mischief = Mischief::ALL.iter().filter(|what| !self.mischief.contains_key(what));
        let rows = Row::all().into_iter().map(|row| row.to_string());
        let rows =
            rows.chain(OTHER_ROWS.into_iter().chain(fairness::ROWS).chain(shared_hosts::ROWS).map(str::to_owned));
        let rows = rows.filter(|row| !self.rows.contains_key(row));
        self.uncut().chain(mischief.map(|what| format!("{what:?}"))).chain(rows).collect()
    }
}
