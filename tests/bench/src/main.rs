//! `make bench`: how fast the release binary delivers, what it costs, and what this machine could do at most.
//!
//! Three processes share the machine's cores: this one publishes over HTTP on kept connections, `hookline serve` works,
//! and an endpoint (this executable again) receives. Every payload has 1 KiB and carries the time at which it was
//! published, so the endpoint knows how long it took from end to end. Next to it stands the limit: the same client
//! posting straight to the same endpoint. The iterations are interleaved, so that a slow moment of the machine meets
//! all of them; medians are compared. Everything is bounded in count and time.
//!
//! `hookline-bench compare OLD [ROUNDS]` measures two executables of the service in alternating runs (`compare`).
//!
//! `hookline-bench [ITERATIONS] [PART...]`: by default 3 iterations of all parts but `noisy`, which takes about twenty minutes
//! for each; `noisy=SECONDS` makes it shorter.

mod api;
mod clock;
mod compare;
mod endpoint;
mod failures;
mod load;
mod many_hosts;
mod measure;
mod neighbours;
mod noisy;
mod outage;
mod stage;
mod table;

use std::path::Path;

use api::{Api, Times};
use failures::Failures;
use measure::{Limit, Memory, Run, Steady};
use outage::Outage;

/// Below this the client or the endpoint is what was measured, not the machine.
const LIMIT_MUST_REACH: f64 = 50_000.0;

const USAGE: &str = "usage: hookline-bench compare OLD [ROUNDS]\n       hookline-bench [ITERATIONS] [PART...], from 1 to 100 iterations; parts:";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let threads = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    if let [process, hosts] = &arguments[..]
        && process == "endpoint"
    {
        return threads.block_on(endpoint::run(hosts.parse().expect("a number of hosts")));
    }
    if let [command, old, rounds @ ..] = &arguments[..]
        && command == "compare"
    {
        let rounds =
            rounds.first().map_or(Some(5), |rounds| rounds.parse().ok()).filter(|rounds| (1..=50).contains(rounds));
        return threads.block_on(compare::run(Path::new(old), rounds.expect("from 1 to 50 rounds")));
    }
    let (iterations, names) = match arguments.split_first().map(|(first, rest)| (first.parse(), rest)) {
        Some((Ok(iterations), names)) => (iterations, names),
        Some((Err(_), _)) | None => (3, &arguments[..]),
    };
    let parts: Option<Vec<Part>> = names.iter().map(|name| Part::of(name)).collect();
    match parts {
        Some(parts) if (1..=100).contains(&iterations) => {
            let parts = if parts.is_empty() { Part::ALL.to_vec() } else { parts };
            threads.block_on(bench(iterations, &parts));
        }
        Some(_) | None => {
            eprintln!("{USAGE} {} noisy[=SECONDS]", Part::ALL.map(Part::name).join(" "));
            std::process::exit(2);
        }
    }
}

/// What can be measured by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Speed,
    Latency,
    Neighbours,
    Failures,
    Outage,
    Hosts,
    Api,
    Memory,
    Noisy {
        /// For each way, and for its baseline.
        seconds: u32,
    },
}

impl Part {
    /// Those that run by default.
    const ALL: [Self; 8] = [
        Self::Speed,
        Self::Latency,
        Self::Neighbours,
        Self::Failures,
        Self::Outage,
        Self::Hosts,
        Self::Api,
        Self::Memory,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Speed => "speed",
            Self::Latency => "latency",
            Self::Neighbours => "neighbours",
            Self::Failures => "failures",
            Self::Outage => "outage",
            Self::Hosts => "hosts",
            Self::Api => "api",
            Self::Memory => "memory",
            Self::Noisy { .. } => "noisy",
        }
    }

    fn of(name: &str) -> Option<Self> {
        if let Some(seconds) = name.strip_prefix("noisy") {
            let seconds = if seconds.is_empty() { Some(60) } else { seconds.strip_prefix('=')?.parse().ok() };
            return seconds.filter(|seconds| (1..=600).contains(seconds)).map(|seconds| Self::Noisy { seconds });
        }
        Self::ALL.into_iter().find(|part| part.name() == name)
    }
}

/// What all iterations measured.
#[derive(Default)]
struct Figures {
    limits: Vec<f64>,
    ones: Vec<Run>,
    tens: Vec<Run>,
    slow: Vec<Steady>,
    brisk: Vec<Steady>,
    neighbours: Vec<(f64, f64)>,
    failures: Vec<Failures>,
    outages: Vec<Outage>,
    hosts: Vec<f64>,
    beside_few: Vec<[Times; 3]>,
    beside_many: Vec<[Times; 3]>,
    /// Of all ways, in their order.
    noisy: Vec<Vec<f64>>,
}

async fn bench(iterations: usize, parts: &[Part]) {
    let mut figures = Figures::default();
    let accounts = if parts.contains(&Part::Api) {
        Some((Api::with_others(100).await, Api::with_others(10_000).await))
    } else {
        None
    };
    for iteration in 1..=iterations {
        eprintln!("iteration {iteration} of {iterations}");
        for part in parts {
            measure(*part, accounts.as_ref(), &mut figures).await;
        }
    }
    drop(accounts);
    println!("\n{iterations} iterations, interleaved; medians. 1 KiB payloads, durable commits.\n");
    print(&figures);
    if parts.contains(&Part::Memory) {
        table::memory(&Memory::measure(100, 10_000).await);
    }
}

async fn measure(part: Part, accounts: Option<&(Api, Api)>, figures: &mut Figures) {
    match part {
        Part::Speed => {
            let limit = Limit::measure(100_000).await;
            eprintln!("  client straight to endpoint: {:.0}/s", limit.per_second);
            figures.limits.push(limit.per_second);
            for (runs, fan_out, events) in [(&mut figures.ones, 1, 20_000), (&mut figures.tens, 10, 5_000)] {
                let run = Run::measure(None, fan_out, events).await;
                let (per_second, cpu_seconds) = (run.per_second, run.cpu_seconds);
                eprintln!("  fan-out {fan_out}: {per_second:.0}/s, {cpu_seconds:.2} CPU s per 10,000");
                runs.push(run);
            }
        }
        Part::Latency => {
            for (runs, rate, events) in [(&mut figures.slow, 100, 1_000), (&mut figures.brisk, 500, 3_000)] {
                let run = Steady::measure(None, rate, events).await;
                eprintln!("  {rate}/s: p50 {:.2} ms, p99 {:.2} ms", run.p50_ms, run.p99_ms);
                runs.push(run);
            }
        }
        Part::Neighbours => {
            let (without, with) = (neighbours::p99_ms(true).await, neighbours::p99_ms(false).await);
            eprintln!("  healthy p99 beside an answering neighbour {without:.2} ms, beside a dead one {with:.2} ms");
            figures.neighbours.push((without, with));
        }
        Part::Failures => figures.failures.push(Failures::measure().await),
        Part::Outage => figures.outages.push(Outage::measure().await),
        Part::Hosts => figures.hosts.push(many_hosts::deliveries_per_second().await),
        Part::Api => {
            if let Some((few, many)) = accounts {
                // The second one finds a machine that is warm, or busy with what the first one left.
                if figures.beside_few.len().is_multiple_of(2) {
                    figures.beside_few.push(few.measure().await);
                    figures.beside_many.push(many.measure().await);
                } else {
                    figures.beside_many.push(many.measure().await);
                    figures.beside_few.push(few.measure().await);
                }
            }
        }
        // A million records are made once, after all iterations.
        Part::Memory => {}
        Part::Noisy { seconds } => {
            let mut ratios = Vec::new();
            for noise in noisy::ALL {
                ratios.push(noise.ratio(seconds).await);
            }
            figures.noisy.push(ratios);
        }
    }
}

/// Prints the lines of what was measured.
fn print(figures: &Figures) {
    let limit = table::median(figures.limits.iter().copied());
    if limit >= LIMIT_MUST_REACH {
        println!("limit of this machine, client straight to endpoint: {limit:.0} requests/s\n");
    } else {
        println!("limit not measured: client and endpoint alone reach {limit:.0}/s, not {LIMIT_MUST_REACH:.0}/s\n");
    }
    table::heading();
    if !figures.ones.is_empty() {
        table::runs("fan-out 1", &figures.ones, 8_000.0, 2.5, limit);
        table::runs("fan-out 10", &figures.tens, 15_000.0, 1.2, limit);
        let starts = figures.ones.iter().chain(&figures.tens).map(|run| run.first_answer_ms);
        table::line("new folder", "start to first answer, ms", table::median(starts), "< 50");
    }
    if !figures.slow.is_empty() {
        table::steady("100 events/s", &figures.slow, 5.0);
        table::steady("500 events/s", &figures.brisk, 20.0);
    }
    if !figures.neighbours.is_empty() {
        table::neighbours(&figures.neighbours);
    }
    if !figures.failures.is_empty() {
        table::failures(&figures.failures);
    }
    if !figures.outages.is_empty() {
        table::outages(&figures.outages);
    }
    if !figures.hosts.is_empty() {
        let hosts = table::median(figures.hosts.iter().copied());
        table::line("1,000 hosts", "deliveries/s, 10,000 webhooks", hosts, "");
    }
    if !figures.beside_few.is_empty() {
        table::api(&figures.beside_few, &figures.beside_many);
    }
    if !figures.noisy.is_empty() {
        table::noisy(&figures.noisy);
    }
}
