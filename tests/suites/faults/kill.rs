//! `kill -9` at 20 random moments while 20,000 events are published with retries by the client: every accepted event
//! arrives, every repeat carries its first `Webhook-Id`, nothing stays in the queues (section 8, *at least once*).

use std::time::Duration;

use hookline_tests::hookline::Start;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::ledger::Ledger;
use crate::publishers::{EVENT, Publishers, nothing_waits};

const EVENTS: usize = 20_000;
const KILLS: usize = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_kills_lose_nothing() {
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let ledger = Ledger::default();
    let receiver = ledger.receiver(50).await;

    let mut hookline = Start::on(&folder.path().join("data")).serve().await;
    let exact = hookline.create_webhook(EVENT, &receiver.uri("/exact")).await;
    let pattern = hookline.create_webhook("request.*", &receiver.uri("/pattern")).await;
    let publishers = Publishers::start(&hookline, "kill", EVENTS, 16);

    let mut moments: Vec<usize> = (0..KILLS).map(|_| random.random_range(1..EVENTS - 100)).collect();
    moments.sort_unstable();
    for moment in moments {
        publishers.accepted(moment).await;
        tokio::time::sleep(Duration::from_micros(random.random_range(0..5_000))).await;
        hookline = hookline.kill().serve().await;
        publishers.moved_to(&hookline);
    }
    let accepted = publishers.finish().await;
    assert_eq!(accepted.len(), EVENTS, "the publishers did not give up");
    ledger.has_all(&[exact, pattern], &accepted, Duration::from_mins(2)).await;
    nothing_waits(&hookline, &accepted, 2).await;
    println!("{EVENTS} events, {KILLS} kills, {} repeats", ledger.repeats());
}
