//! A 202 means: it is on disk. The process runs on a disk that forgets what was not synced: `forgetful_disk.c`, loaded
//! into it, keeps a second copy of the data folder to which a write goes only when its file is synced. After `kill -9`
//! the service is started on that copy, as after a power cut, and must know every event that it answered with 202.
//!
//! That the test can fail is shown by the same run with a disk whose sync does nothing: there everything is lost.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use hookline_tests::hookline::{Hookline, Start};

use crate::ledger::Ledger;
use crate::publishers::{EVENT, Publishers, nothing_waits};

/// Compiles the library.
fn compile(folder: &Path) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("suites/faults/forgetful_disk.c");
    let library = folder.join("forgetful_disk.so");
    let compiled = Command::new("cc")
        .args(["-O1", "-Wall", "-Werror", "-shared", "-fPIC", "-o"])
        .args([&library, &source])
        .args(["-ldl", "-lpthread"])
        .output()
        .expect("a C compiler is installed");
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    library
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir(to).expect("a new folder");
    std::fs::set_permissions(to, std::fs::metadata(from).expect("it is there").permissions()).expect("own folder");
    for entry in std::fs::read_dir(from).expect("the data folder") {
        let entry = entry.expect("the data folder can be read");
        if entry.file_type().expect("a type").is_file() {
            std::fs::copy(entry.path(), to.join(entry.file_name())).expect("space for a copy");
        }
    }
}

/// Starts the service on `data`, with what is synced going to `copy` as well.
async fn serve_forgetfully(library: &Path, data: &Path, copy: &Path, deaf: bool) -> Hookline {
    copy_folder(data, copy);
    let start = Start::on(data).with("LD_PRELOAD", library).with("FORGETFUL_ROOT", data).with("FORGETFUL_COPY", copy);
    let start = if deaf { start.with("FORGETFUL_DEAF", "1") } else { start };
    start.serve().await
}

/// Sets a data folder up, without the library, and ends the service in order.
async fn set_up(data: &Path, uri: &str) -> u64 {
    let hookline = Start::on(data).serve().await;
    let webhook = hookline.create_webhook(EVENT, uri).await;
    let (_, status) = hookline.terminate().await;
    assert!(status.success());
    webhook
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_with_202_was_synced_before() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let library = compile(folder.path());
    let ledger = Ledger::default();
    let receiver = ledger.receiver(0).await;
    let mut data = folder.path().join("data");
    let webhook = set_up(&data, &receiver.uri("/")).await;

    let mut accepted = Vec::new();
    for round in 0..5 {
        let copy = folder.path().join(format!("copy-{round}"));
        let hookline = serve_forgetfully(&library, &data, &copy, false).await;
        let publishers = Publishers::start(&hookline, &format!("synced-{round}"), 100_000, 8);
        publishers.accepted(300 + 137 * round).await;
        hookline.kill();
        accepted.extend(publishers.dismiss().await);
        data = copy;
    }
    let hookline = Start::on(&data).serve().await;
    ledger.has_all(&[webhook], &accepted, Duration::from_mins(1)).await;
    nothing_waits(&hookline, &accepted, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_does_not_sync_is_noticed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let library = compile(folder.path());
    let ledger = Ledger::default();
    let receiver = ledger.receiver(0).await;
    let (data, copy) = (folder.path().join("data"), folder.path().join("copy"));
    set_up(&data, &receiver.uri("/")).await;

    let hookline = serve_forgetfully(&library, &data, &copy, true).await;
    let publishers = Publishers::start(&hookline, "deaf", 100_000, 8);
    publishers.accepted(200).await;
    hookline.kill();
    let accepted = publishers.dismiss().await;

    let hookline = Start::on(&copy).serve().await;
    let mut connection = hookline.administrator();
    let mut lost = 0;
    for id in &accepted {
        lost += usize::from(connection.get(&format!("/v1/events/{id}")).await.status == 404);
    }
    assert_eq!(lost, accepted.len(), "nothing was synced, so nothing survives");
}
