//! Memory stays flat whatever an endpoint sends. Measured in a process of its own, where nothing else allocates.

use std::process::Command;

use crate::server::Server;
use crate::{egress, post};

/// So much may the peak grow, in KiB: the read buffer of a connection grows to 408 KiB, and a server runs here too.
const MAX_GROWTH: u64 = 8 * 1024;

#[test]
fn memory_stays_flat() {
    let name = "memory::in_a_process_of_its_own";
    let own = std::env::current_exe().unwrap();
    let output = Command::new(own).args(["--exact", name, "--ignored", "--nocapture"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}{}", String::from_utf8_lossy(&output.stderr));
}

/// The most memory that this process ever held, in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[tokio::test]
#[ignore = "run by `memory_stays_flat` in a process of its own"]
async fn in_a_process_of_its_own() {
    let heads = [
        "HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n",
        "HTTP/1.1 500 Oops\r\nContent-Length: 1000000000\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 500 Oops\r\nContent-Encoding: gzip\r\n\r\n",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 200 OK\r\nX-Endless: ",
    ];
    let egress = egress();
    let warm = Server::answering(crate::server::OK).await;
    post(&egress, &warm.uri("/")).await.result.unwrap();
    let before = peak();
    for head in heads {
        let server = Server::start(move |mut peer| async move {
            peer.request().await;
            peer.say(head).await;
            peer.repeat(&b"X-A: 0123456789\r\n".repeat(512)).await;
        })
        .await;
        for _ in 0..20 {
            let exchange = post(&egress, &server.uri("/")).await;
            assert!(exchange.address.is_some());
        }
        let grown = peak() - before;
        assert!(grown < MAX_GROWTH, "{grown} KiB after {head:?}");
    }
}
