//! `make bench`: how fast the release binary delivers, what it costs, and what this machine could do at most.
//!
//! Three processes share the machine's cores: this one publishes over HTTP on kept connections, `hookline serve` works,
//! and an endpoint (this executable again) receives. Every payload has 1 KiB and carries the time at which it was
//! published, so the endpoint knows how long it took from end to end. Next to it stands the limit: the same client
//! posting straight to the same endpoint. The iterations are interleaved, so that a slow moment of the machine meets
//! all of them; medians are compared. Everything is bounded in count and time.
//!
//! `hookline-bench [ITERATIONS]`, 3 unless told.

mod api;
mod clock;
mod endpoint;
mod failures;
mod load;
mod many_hosts;
mod measure;
mod neighbours;
mod stage;
mod table;

use api::Api;
use failures::Failures;
use measure::{Limit, Memory, Run, Steady};

/// Below this the client or the endpoint is what was measured, not the machine.
const LIMIT_MUST_REACH: f64 = 50_000.0;

fn main() {
    let argument = std::env::args().nth(1);
    let threads = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    match argument.as_deref() {
        Some("endpoint") => {
            let hosts = std::env::args().nth(2).and_then(|hosts| hosts.parse().ok());
            threads.block_on(endpoint::run(hosts.expect("a number of hosts")));
        }
        Some(number) => {
            let Ok(iterations @ 1..=100) = number.parse() else {
                eprintln!("usage: hookline-bench [ITERATIONS], from 1 to 100");
                std::process::exit(2);
            };
            threads.block_on(bench(iterations));
        }
        None => threads.block_on(bench(3)),
    }
}

async fn bench(iterations: usize) {
    let (mut limits, mut ones, mut tens) = (Vec::new(), Vec::new(), Vec::new());
    let (mut slow, mut brisk, mut pairs) = (Vec::new(), Vec::new(), Vec::new());
    let (mut failed, mut spread) = (Vec::new(), Vec::new());
    let (few, many) = (Api::with_others(100).await, Api::with_others(10_000).await);
    let (mut beside_few, mut beside_many) = (Vec::new(), Vec::new());
    for iteration in 1..=iterations {
        eprintln!("iteration {iteration} of {iterations}: full speed, steady rates, neighbours, failures, API");
        let limit = Limit::measure(100_000).await;
        eprintln!("  client straight to endpoint: {:.0}/s", limit.per_second);
        limits.push(limit);
        ones.push(Run::measure(1, 20_000).await);
        tens.push(Run::measure(10, 5_000).await);
        for (run, fan_out) in [(ones.last(), 1), (tens.last(), 10)] {
            let figures = run.map(|run| (run.per_second, run.cpu_seconds)).unwrap_or_default();
            eprintln!("  fan-out {fan_out}: {:.0}/s, {:.2} CPU s per 10,000", figures.0, figures.1);
        }
        slow.push(Steady::measure(100, 1_000).await);
        brisk.push(Steady::measure(500, 3_000).await);
        for (run, rate) in [(slow.last(), 100), (brisk.last(), 500)] {
            let figures = run.map(|run| (run.p50_ms, run.p99_ms)).unwrap_or_default();
            eprintln!("  {rate}/s: p50 {:.2} ms, p99 {:.2} ms", figures.0, figures.1);
        }
        pairs.push((neighbours::p99_ms(true).await, neighbours::p99_ms(false).await));
        if let Some((without, with)) = pairs.last() {
            eprintln!("  healthy p99 beside an answering neighbour {without:.2} ms, beside a dead one {with:.2} ms");
        }
        failed.push(Failures::measure().await);
        spread.push(many_hosts::deliveries_per_second().await);
        beside_few.push(few.measure().await);
        beside_many.push(many.measure().await);
    }
    drop((few, many));
    eprintln!("a million records");
    let memory = Memory::measure(100, 10_000).await;

    let limit = table::median(limits.iter().map(|limit| limit.per_second));
    println!("\n{iterations} iterations, interleaved; medians. 1 KiB payloads, durable commits.\n");
    if limit >= LIMIT_MUST_REACH {
        println!("limit of this machine, client straight to endpoint: {limit:.0} requests/s\n");
    } else {
        println!("limit not measured: client and endpoint alone reach {limit:.0}/s, not {LIMIT_MUST_REACH:.0}/s\n");
    }
    table::heading();
    table::runs("fan-out 1", &ones, 8_000.0, 2.5, limit);
    table::runs("fan-out 10", &tens, 15_000.0, 1.2, limit);
    table::steady("100 events/s", &slow, 5.0);
    table::steady("500 events/s", &brisk, 20.0);
    table::neighbours(&pairs);
    table::failures(&failed);
    table::line("1,000 hosts", "deliveries/s, 10,000 webhooks", table::median(spread.into_iter()), "");
    table::api(&beside_few, &beside_many);
    table::memory(&memory);
    let starts = ones.iter().chain(&tens).map(|run| run.first_answer_ms);
    table::line("new folder", "start to first answer, ms", table::median(starts), "< 50");
}
