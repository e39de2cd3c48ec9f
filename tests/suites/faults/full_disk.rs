//! A full disk: publishing gives 503, nothing that was accepted is lost, also when the process is killed meanwhile, and
//! the service goes on when there is space again. The disk is a small tmpfs of its own.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use hookline_tests::hookline::Start;
use hookline_tests::wait_until::until;

use crate::ledger::Ledger;
use crate::publishers::{EVENT, event, nothing_waits};

/// A mounted tmpfs with a ballast file whose removal makes space.
struct SmallDisk {
    folder: tempfile::TempDir,
}

impl SmallDisk {
    fn mount() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=24m", "hookline-small-disk"])
            .arg(folder.path())
            .output()
            .expect("mount is installed");
        assert!(
            mounted.status.success(),
            "this test needs the right to mount a tmpfs: {}",
            String::from_utf8_lossy(&mounted.stderr)
        );
        let disk = Self { folder };
        std::fs::write(disk.ballast(), vec![0; 16 * 1024 * 1024]).expect("the ballast fits");
        disk
    }

    fn ballast(&self) -> PathBuf {
        self.folder.path().join("ballast")
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn make_space(&self) {
        std::fs::remove_file(self.ballast()).expect("the ballast is there");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let path: &Path = self.folder.path();
        // Lazily: the process that has files open on it may end a moment later.
        let _ = Command::new("umount").arg("-l").arg(path).status();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_gives_503_and_loses_nothing() {
    fill_and_recover(false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_on_a_full_disk_loses_nothing() {
    fill_and_recover(true).await;
}

async fn fill_and_recover(kill: bool) {
    let disk = SmallDisk::mount();
    let ledger = Ledger::default();
    let receiver = ledger.receiver(0).await;
    let mut hookline = Start::on(&disk.data()).serve().await;
    let webhook = hookline.create_webhook(EVENT, &receiver.uri("/")).await;

    let mut connection = hookline.administrator();
    let mut accepted = Vec::new();
    let mut refused = 0;
    for number in 0..60_000 {
        let id = format!("full-{number}");
        let answer = connection.post("/v1/events", event(&id, number)).await;
        match answer.status.as_u16() {
            202 => accepted.push(id),
            503 => refused += 1,
            _ => panic!("a full disk is 503, not {answer:?}"),
        }
        if refused == 20 {
            break;
        }
    }
    assert_eq!(refused, 20, "{} events of 1 KiB fill a disk of 24 MiB with 16 MiB of ballast", accepted.len());
    assert_eq!(connection.get("/v1/webhooks").await.status, 200, "it can still be read");
    let answer = connection.get("/readyz").await;
    assert_eq!(answer.status, 503, "it cannot work: {answer:?}");
    assert!(hookline.lives(), "a full disk is no reason to end");

    if kill {
        let start = hookline.kill();
        disk.make_space();
        hookline = start.serve().await;
        connection = hookline.administrator();
    } else {
        disk.make_space();
    }
    let asking = tokio::sync::Mutex::new(&mut connection);
    until("an event is accepted again when there is space", Duration::from_mins(2), || async {
        let answer = asking.lock().await.post("/v1/events", event("space", 1)).await;
        (answer.status == 202).then_some(())
    })
    .await;
    accepted.push("space".to_owned());
    until("the service is ready again", Duration::from_mins(2), || async {
        (asking.lock().await.get("/readyz").await.status == 200).then_some(())
    })
    .await;
    ledger.has_all(&[webhook], &accepted, Duration::from_mins(1)).await;
    // The last thousand lie around the moment when the disk was full.
    let late = accepted.len().saturating_sub(1_000);
    nothing_waits(&hookline, &accepted[late..], 1).await;
}
