//! The cut test: a short story in which everything happens, told again and again. Each time one more step is cut, in every
//! way, and the message comes again; nothing else goes wrong. So every place where a run can break is tried.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::coverage::Coverage;
use crate::faults::Plan;
use crate::processors;
use crate::scratch::Scratch;
use crate::seeds::attempt;
use crate::steps::{Cut, Step};
use crate::story::Story;

/// Chance makes the stories: so many are looked at.
const STORIES: u64 = 300;

/// The first stories that together make every step.
fn stories() -> Vec<u64> {
    let (scratch, mut seen) = (Scratch::new(), BTreeSet::new());
    let mut stories = Vec::new();
    for seed in 1..=STORIES {
        let steps = attempt(&scratch, seed, Some(Plan::Calm), &Story::short(), false).coverage.met;
        if !steps.is_subset(&seen) {
            stories.push(seed);
            seen.extend(steps);
        }
        if seen.len() == Step::ALL.len() {
            return stories;
        }
    }
    panic!("no story makes the steps {:?}", Step::ALL.iter().filter(|step| !seen.contains(step)).collect::<Vec<_>>());
}

#[test]
fn every_step_is_cut_in_every_way() {
    let (all, failed) = (Mutex::new(Coverage::default()), Mutex::new(Vec::new()));
    for seed in stories() {
        let next = AtomicU64::new(1);
        processors::on_each(|| {
            let scratch = Scratch::new();
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
        let report = attempt(&Scratch::new(), *seed, Some(Plan::Cut { at: *at, cut: *cut }), &Story::short(), true);
        panic!("{} cuts failed; the first of them, step by step:\n{}", failed.len(), report.trace);
    }
    println!("{}", all.tables());
    let uncut: Vec<String> = all.uncut().collect();
    assert!(uncut.is_empty(), "never cut: {uncut:#?}");
}
