//! Two executables of the service, measured in alternating runs, so that a slow moment of the machine meets both. For each
//! figure the table has the median of both, and the median of the rounds' ratios. The last line is the same as JSON.

use std::collections::BTreeMap;
use std::path::Path;

use crate::measure::{Run, Steady};
use crate::table::median;

/// The figures of one round, by name.
type RoundFigures = BTreeMap<&'static str, f64>;

/// Measures the executable `old` and that of this build in so many rounds.
pub(crate) async fn run(old: &Path, rounds: usize) {
    let (mut before, mut after) = (Vec::new(), Vec::new());
    for round in 1..=rounds {
        eprintln!("round {round} of {rounds}");
        // The second one finds a machine that is warm, or busy with what the first one left.
        if round % 2 == 1 {
            before.push(measure(Some(old)).await);
            after.push(measure(None).await);
        } else {
            after.push(measure(None).await);
            before.push(measure(Some(old)).await);
        }
    }
    println!("{:<44}{:>12}{:>12}{:>10}", "median of each figure", "old", "new", "new/old");
    let mut summary = serde_json::Map::new();
    for name in before[0].keys() {
        let all = |rounds: &[RoundFigures]| rounds.iter().map(|figures| figures[name]).collect::<Vec<f64>>();
        let (old, new) = (all(&before), all(&after));
        let ratio = median(old.iter().zip(&new).map(|(old, new)| new / old));
        let (old, new) = (median(old.into_iter()), median(new.into_iter()));
        println!("{name:<44}{old:>12.2}{new:>12.2}{ratio:>10.2}");
        summary.insert((*name).to_owned(), serde_json::json!({"old": old, "new": new, "ratio": ratio}));
    }
    println!("{}", serde_json::Value::Object(summary));
}

async fn measure(executable: Option<&Path>) -> RoundFigures {
    let one = Run::measure(executable, 1, 20_000).await;
    let ten = Run::measure(executable, 10, 5_000).await;
    let slow = Steady::measure(executable, 100, 1_000).await;
    let brisk = Steady::measure(executable, 500, 3_000).await;
    BTreeMap::from([
        ("fan-out 1: deliveries/s", one.per_second),
        ("fan-out 1: CPU seconds per 10,000", one.cpu_seconds),
        ("fan-out 1: p50 at full speed, ms", one.p50_ms),
        ("fan-out 1: peak memory, MiB", one.peak_mib),
        ("fan-out 10: deliveries/s", ten.per_second),
        ("fan-out 10: CPU seconds per 10,000", ten.cpu_seconds),
        ("fan-out 10: p50 at full speed, ms", ten.p50_ms),
        ("fan-out 10: peak memory, MiB", ten.peak_mib),
        ("100 events/s: p50, ms", slow.p50_ms),
        ("100 events/s: p99, ms", slow.p99_ms),
        ("500 events/s: p50, ms", brisk.p50_ms),
        ("500 events/s: p99, ms", brisk.p99_ms),
    ])
}
