//! The cut test: a short story in which everything happens, told again and again. Each time one more step is cut, in every
//! way, and the message comes again; nothing else goes wrong. So every place where a run can break is tried.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::coverage::Coverage;
use crate::faults::Plan;
use crate::processors;
use crate::scratch::{Holding, Scratch};
use crate::seeds::attempt;
use crate::steps::{Cut, Step};
use crate::story::Story;

/// Chance makes the stories: so many are looked at.
const STORIES: u64 = 300;

/// A few stories that together make every step.
fn stories() -> Vec<u64> {
    let (scratch, mut known) = (Scratch::new(Holding::Alone), Vec::new());
    let mut missing = BTreeSet::from(Step::ALL);
    for seed in 1..=STORIES {
        let steps = attempt(&scratch, seed, Some(Plan::Calm), &Story::short(), false).coverage.met;
        missing.retain(|step| !steps.contains(step));
        known.push((seed, steps));
        if missing.is_empty() {
            return few(&known);
        }
    }
    panic!("no story makes the steps {missing:?}");
}

/// Always the story that makes the most of the steps that are not made yet.
fn few(known: &[(u64, BTreeSet<Step>)]) -> Vec<u64> {
    let (mut stories, mut missing) = (Vec::new(), BTreeSet::from(Step::ALL));
    while !missing.is_empty() {
        let best = known.iter().max_by_key(|(_, steps)| steps.intersection(&missing).count());
        let (seed, steps) = best.expect("there are stories");
        stories.push(*seed);
        missing.retain(|step| !steps.contains(step));
    }
    stories
}

#[test]
fn every_step_is_cut_in_every_way() {
    let (all, failed) = (Mutex::new(Coverage::default()), Mutex::new(Vec::new()));
    for seed in stories() {
        let next = AtomicU64::new(1);
        processors::on_each(|| {
            let scratch = Scratch::new(Holding::Alone);
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                for cut in Cut::ALL {
                    let plan = Plan::Cut { at, cut };
                    let report = attempt(&scratch, seed, Some(plan), &Story::short(), false);
                    all.lock().unwrap().add(&report.coverage);
                    if !report.violations.is_empty() {
                        failed.lock().unwrap().push((seed, at, cut, report.violations));
                    } else if report.steps < at {
                        return;
                    }
                }
                if failed.lock().unwrap().len() >= 5 {
                    return;
                }
            }
        });
    }
    let (all, mut failed) = (all.into_inner().unwrap(), failed.into_inner().unwrap());
    failed.sort_unstable();
    for (seed, at, cut, violations) in &failed {
        println!("story {seed}, step {at} {cut:?}: {violations:#?}");
    }
    if let Some((seed, at, cut, _)) = failed.first() {
        let report = attempt(
            &Scratch::new(Holding::Alone),
            *seed,
            Some(Plan::Cut { at: *at, cut: *cut }),
            &Story::short(),
            true,
        );
        panic!("{} cuts failed; the first of them, step by step:\n{}", failed.len(), report.trace);
    }
    println!("{}", all.tables());
    let uncut: Vec<String> = all.uncut().collect();
    assert!(uncut.is_empty(), "never cut: {uncut:#?}");
}
