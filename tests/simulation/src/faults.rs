//! Which faults happen, and when.

use std::collections::BTreeSet;

use crate::chance::Chance;
use crate::steps::{Cut, Step};

/// The faults of a run.
#[derive(Debug, Clone)]
pub(crate) enum Plan {
    /// At these steps something goes wrong, and the queues misbehave.
    Chance {
        /// Numbers of steps, from 1.
        steps: BTreeSet<u64>,
    },
    /// Nothing goes wrong.
    Calm,
    /// One step is cut, and nothing else goes wrong.
    Cut {
        /// The number of the step, from 1.
        at: u64,
        /// What happens to it.
        cut: Cut,
    },
}

/// How many faults a run has at least, and the first steps that they are spread over: every run is longer.
const EARLY: (u64, u64) = (5, 400);
/// And how many more at most, over the whole run.
const LATE: (u64, u64) = (8, 2500);

/// One in so many of the rare steps is cut too.
const RARE: u64 = 40;

impl Plan {
    pub(crate) fn by_chance(chance: &mut Chance) -> Self {
        let mut steps = BTreeSet::new();
        while (steps.len() as u64) < EARLY.0 {
            steps.insert(chance.between(1..=EARLY.1));
        }
        for _ in 0..chance.between(0..=LATE.0) {
            steps.insert(chance.between(1..=LATE.1));
        }
        Self::Chance { steps }
    }

    /// What happens to a step.
    pub(crate) fn cut(&self, number: u64, step: Step, chance: &mut Chance) -> Option<Cut> {
        match self {
            Self::Chance { steps } => {
                let hit = steps.contains(&number) || step.is_rare() && chance.one_in(RARE);
                hit.then(|| *chance.pick(&Cut::ALL))
            }
            Self::Calm => None,
            Self::Cut { at, cut } => (*at == number).then_some(*cut),
        }
    }

    /// True, now and then, if things may go wrong by chance.
    pub(crate) fn mischief(&self, chance: &mut Chance, one_in: u64) -> bool {
        match self {
            Self::Chance { .. } => chance.one_in(one_in),
            Self::Calm | Self::Cut { .. } => false,
        }
    }
}
