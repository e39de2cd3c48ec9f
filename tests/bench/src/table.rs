//! The table: every figure with the aim beside it.

use crate::api::Times;
use crate::failures::Failures;
use crate::measure::{Memory, Run, Steady};
use crate::outage::Outage;

/// The middle one of some figures.
pub(crate) fn median(figures: impl Iterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The first lines.
pub(crate) fn heading() {
    println!("{:<16} {:<40} {:>12}   aim", "load", "figure", "measured");
    println!("{}", "-".repeat(84));
}

/// One figure.
pub(crate) fn line(load: &str, figure: &str, measured: f64, aim: &str) {
    let measured = if measured >= 1_000.0 { format!("{measured:.0}") } else { format!("{measured:.2}") };
    println!("{load:<16} {figure:<40} {measured:>12}   {aim}");
}

/// The lines of runs at full speed.
pub(crate) fn runs(load: &str, runs: &[Run], aim_per_second: f64, aim_cpu_seconds: f64, limit: f64) {
    let middle = |figure: fn(&Run) -> f64| median(runs.iter().map(figure));
    let per_second = middle(|run| run.per_second);
    line(load, "deliveries/s", per_second, &format!(">= {aim_per_second}"));
    line(load, "ratio to the limit", per_second / limit, "");
    line(load, "end to end p50, ms (full speed)", middle(|run| run.p50_ms), "");
    line(load, "end to end p99, ms (full speed)", middle(|run| run.p99_ms), "");
    let cpu_seconds = middle(|run| run.cpu_seconds);
    line(load, "CPU seconds per 10,000 deliveries", cpu_seconds, &format!("<= {aim_cpu_seconds}"));
    line(load, "peak memory, MiB", middle(|run| run.peak_mib), "");
}

/// The lines of runs at a steady rate.
pub(crate) fn steady(load: &str, runs: &[Steady], aim_p99_ms: f64) {
    line(load, "end to end p50, ms", median(runs.iter().map(|run| run.p50_ms)), "");
    line(load, "end to end p99, ms", median(runs.iter().map(|run| run.p99_ms)), &format!("< {aim_p99_ms}"));
}

/// The lines of the full store.
pub(crate) fn memory(memory: &Memory) {
    let load = format!("{} records", memory.records);
    line(&load, "peak memory while they are made, MiB", memory.filling_mib, "< 60");
    line(&load, "peak memory of a process on them, MiB", memory.working_mib, "< 60");
    line(&load, "start to first answer, ms", memory.first_answer_ms, "< 50");
}

/// The lines of failed attempts.
pub(crate) fn failures(runs: &[Failures]) {
    let load = "endpoint fails";
    line(load, "CPU seconds per 10,000 failed attempts", median(runs.iter().map(|run| run.cpu_seconds)), "");
    line(load, "redelivered messages/s", median(runs.iter().map(|run| run.redelivered_per_second)), "");
}

/// The lines of an endpoint that was silent for long.
pub(crate) fn outages(runs: &[Outage]) {
    let load = "outage";
    let middle = |figure: fn(&Outage) -> f64| median(runs.iter().map(figure));
    line(load, "peak memory, 10,000 wait, MiB", middle(|run| run.few_mib), "");
    line(load, "peak memory, 100,000 wait, MiB", middle(|run| run.many_mib), "flat");
    line(load, "answers again to all arrived, s", middle(|run| run.healed_after), "");
}

/// The lines of a neighbour that never answers: pairs of p99 without and with it.
pub(crate) fn neighbours(pairs: &[(f64, f64)]) {
    let load = "dead neighbour";
    line(load, "healthy p99 without it, ms", median(pairs.iter().map(|pair| pair.0)), "");
    line(load, "healthy p99 with it, ms", median(pairs.iter().map(|pair| pair.1)), "");
    line(load, "ratio", median(pairs.iter().map(|pair| pair.1 / pair.0)), "< 1.2");
}

/// The lines of calls of the API: runs beside few and beside many webhooks of others.
pub(crate) fn api(few: &[[Times; 3]], many: &[[Times; 3]]) {
    for (at, call) in ["list 100", "get", "patch"].into_iter().enumerate() {
        let load = format!("API: {call}");
        let middle = |runs: &[[Times; 3]]| median(runs.iter().map(|run| run[at].median_ms));
        line(&load, "median, ms", middle(many), "");
        line(&load, "p99, ms", median(many.iter().map(|run| run[at].p99_ms)), "< 5");
        line(&load, "ratio, 10,000 to 100 webhooks of others", middle(many) / middle(few), "< 1.3");
    }
}

/// The lines of a noisy account: how many times as long the quiet one's p99 is, by way, in every iteration.
pub(crate) fn noisy(runs: &[Vec<f64>]) {
    for (at, noise) in crate::noisy::ALL.iter().enumerate() {
        line("noisy account", noise.name, median(runs.iter().map(|run| run[at])), "");
    }
    line("noisy account", "quiet p99, ratio to healthy endpoints", median(runs.iter().flatten().copied()), "< 1.5");
}
