//! A process that has nothing to do uses no processor and is not woken.

use std::time::Duration;

use hookline_tests::hookline::Start;
use hookline_tests::proc_stats::{cpu_ticks, wakeups};
use hookline_tests::wait_until::until;

use crate::ledger::Ledger;
use crate::publishers::{EVENT, Publishers, nothing_waits};

/// How many times less a process does in the two seconds that are measured than it did for its work.
const LESS: u64 = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_its_work_it_rests() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let ledger = Ledger::default();
    let receiver = ledger.receiver(10).await;
    let hookline = Start::on(&folder.path().join("data")).serve().await;
    let webhook = hookline.create_webhook(EVENT, &receiver.uri("/")).await;
    let pid = hookline.pid();
    let before = (cpu_ticks(pid), wakeups(pid));
    let accepted = Publishers::start(&hookline, "idle", 200, 4).finish().await;
    ledger.has_all(&[webhook], &accepted, Duration::from_mins(2)).await;
    nothing_waits(&hookline, &accepted, 1).await;

    let work = (cpu_ticks(pid) - before.0, wakeups(pid) - before.1);
    // Let it finish what follows its work (a checkpoint, the end of kept connections).
    let calm = || async {
        let before = wakeups(pid);
        tokio::time::sleep(Duration::from_millis(500)).await;
        (wakeups(pid) <= before + 1).then_some(())
    };
    until("it comes to rest", Duration::from_mins(2), calm).await;

    let (ticks, woken) = (cpu_ticks(pid), wakeups(pid));
    tokio::time::sleep(Duration::from_secs(2)).await;
    let (ticks, woken) = (cpu_ticks(pid) - ticks, wakeups(pid) - woken);
    assert!(ticks * LESS <= work.0, "{ticks} ticks of processor time when idle, {} for its work", work.0);
    assert!(woken * LESS <= work.1, "woken {woken} times when idle, {} times for its work", work.1);
}
