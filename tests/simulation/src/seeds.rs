//! Many seeds, on all processors.

use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::coverage::Coverage;
use crate::fairness;
use crate::faults::Plan;
use crate::processors;
use crate::run::Report;
use crate::scratch::{Holding, Scratch};
use crate::shared_hosts;
use crate::story::Story;

/// How many seeds are run: from 1.
const SEEDS: u64 = 10_000;
/// Fewer runs may miss something by chance.
const ENOUGH: u64 = 5_000;
/// The least number of faults in a run.
const FAULTS: u64 = 5;

/// A number from the environment.
#[expect(clippy::disallowed_methods, reason = "a test's own setting: which seeds to run")]
pub(crate) fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} is not a number")))
}

/// A run; a panic is a violation like any other.
pub(crate) fn attempt(scratch: &Scratch, seed: u64, plan: Option<Plan>, story: &Story, traced: bool) -> Report {
    let run = AssertUnwindSafe(|| scratch.run(seed, plan, story, traced));
    catch_unwind(run).unwrap_or_else(|panic| {
        let what = panic.downcast_ref::<String>().cloned();
        let what = what.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Report::of_panic(&what.unwrap_or_default())
    })
}

/// The run of a seed.
fn run(scratch: &Scratch, seed: u64, traced: bool) -> Report {
    let mut report = attempt(scratch, seed, None, &Story::usual(), traced);
    fairness::check(seed, &mut report);
    shared_hosts::check(seed, &mut report);
    let faults = report.coverage.faults();
    if faults < FAULTS && report.violations.is_empty() {
        report.violations.push(format!("only {faults} faults"));
    }
    report
}

/// Shows what was met, also of a run that found nothing: the counts are what it is worth.
fn show(all: &Coverage) {
    let _ = writeln!(std::io::stderr(), "\n{}", all.tables());
}

#[test]
fn thousands_of_seeds() {
    if let Some(seed) = setting("HOOKLINE_SEED") {
        let report = run(&Scratch::new(Holding::Alone), seed, true);
        println!("{}", report.trace);
        assert!(report.violations.is_empty(), "seed {seed}: {:#?}", report.violations);
        return;
    }
    let seeds = setting("HOOKLINE_SEEDS").unwrap_or(SEEDS);
    let (next, all, failed) = (AtomicU64::new(1), Mutex::new(Coverage::default()), Mutex::new(Vec::new()));
    processors::on_each(|| {
        let scratch = Scratch::new(Holding::Alone);
        let mut mine = Coverage::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed > seeds || failed.lock().unwrap().len() >= 5 {
                break;
            }
            let report = run(&scratch, seed, false);
            mine.add(&report.coverage);
            if !report.violations.is_empty() {
                failed.lock().unwrap().push((seed, report.violations));
            }
        }
        all.lock().unwrap().add(&mine);
    });
    let (all, mut failed) = (all.into_inner().unwrap(), failed.into_inner().unwrap());
    show(&all);
    failed.sort_unstable();
    for (seed, violations) in &failed {
        println!("seed {seed} failed: {violations:#?}");
        println!(
            "to see every step: HOOKLINE_SEED={seed} cargo test --workspace --test simulation thousands -- --nocapture\n"
        );
    }
    assert!(failed.is_empty(), "{} of the seeds failed", failed.len());
    let gaps = all.gaps();
    assert!(seeds < ENOUGH || gaps.is_empty(), "never met: {gaps:#?}");
}

#[test]
fn a_seed_runs_the_same_again() {
    let (one, other) = (Scratch::new(Holding::Alone), Scratch::new(Holding::Service));
    let seeds: [u64; 20] = std::array::from_fn(|at| 1 + at as u64);
    let first = seeds.map(|seed| run(&one, seed, true));
    // The other way round: a run does not depend on those before it, and not on who writes.
    for (seed, first) in seeds.iter().zip(&first).rev() {
        let again = run(&other, *seed, true);
        assert_eq!(first.fingerprint, again.fingerprint, "seed {seed}");
        assert_eq!(first.steps, again.steps, "seed {seed}");
    }
}
