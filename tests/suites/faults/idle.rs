//! A process that has nothing to do uses no processor and is not woken.

use std::time::Duration;

use hookline_tests::hookline::Start;
use hookline_tests::proc_stats::{cpu_ticks, wakeups};
use hookline_tests::wait_until::until;

use crate::ledger::Ledger;
use crate::publishers::{EVENT, Publishers, nothing_waits};

/// How often all threads together may be woken in the two seconds that are measured.
const WAKEUPS: u64 = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_its_work_it_rests() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let ledger = Ledger::default();
    let receiver = ledger.receiver(10).await;
    let hookline = Start::on(&folder.path().join("data")).serve().await;
    let webhook = hookline.create_webhook(EVENT, &receiver.uri("/")).await;
    let accepted = Publishers::start(&hookline, "idle", 200, 4).finish().await;
    ledger.has_all(&[webhook], &accepted, Duration::from_secs(30)).await;
    nothing_waits(&hookline, &accepted, 1).await;

    let pid = hookline.pid();
    // Let it finish what follows its work (a checkpoint, the end of kept connections).
    let calm = || async {
        let before = wakeups(pid);
        tokio::time::sleep(Duration::from_millis(500)).await;
        (wakeups(pid) <= before + 1).then_some(())
    };
    until("it comes to rest", Duration::from_mins(1), calm).await;

    let (ticks, woken) = (cpu_ticks(pid), wakeups(pid));
    tokio::time::sleep(Duration::from_secs(2)).await;
    let (ticks, woken) = (cpu_ticks(pid) - ticks, wakeups(pid) - woken);
    assert!(ticks <= 1, "{ticks} ticks of processor time in two idle seconds");
    assert!(woken <= WAKEUPS, "woken {woken} times in two idle seconds");
}
