//! What `hookline serve` refuses or warns of at its start, and what it gives away of its memory.

use hookline_process::hookline::Start;

use crate::{hookline, stderr};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_memory_of_the_process_is_dumped() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let service = Start::on(&folder.path().join("data")).serve().await;
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", service.pid())).expect("the limits of a process");
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).expect("a limit of core files");
    assert_eq!(core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"], "{core}");
}

#[test]
fn settings_that_cannot_be_meant_are_refused_in_words_with_an_example() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("data");
    for (settings, told) in [
        (
            &[("HOOKLINE_ALLOW_CIDRS", "127.0.0.1")][..],
            "not a range of addresses: write 127.0.0.1/32 for this one address",
        ),
        (&[("HOOKLINE_IN_FLIGHT", "-1")], "HOOKLINE_IN_FLIGHT must be a whole number, for instance 512"),
        (&[("HOOKLINE_IN_FLIGHT", "many")], "HOOKLINE_IN_FLIGHT must be a whole number, for instance 512"),
        (
            &[
                ("HOOKLINE_SMTP_HOST", "mail.example.com"),
                ("HOOKLINE_SMTP_SECURITY", "none"),
                ("HOOKLINE_SMTP_USER", "ada"),
                ("HOOKLINE_SMTP_PASSWORD_FILE", "/run/password"),
            ],
            "HOOKLINE_SMTP_SECURITY=starttls",
        ),
    ] {
        let mut command = hookline(&["serve", "--listen", "127.0.0.1:0", "--data"]);
        let output = command.arg(&data).envs(settings.iter().copied()).output().expect("hookline can be started");
        assert_eq!(output.status.code(), Some(2), "{settings:?}: {output:?}");
        assert!(stderr(&output).contains(told), "{settings:?}: {}", stderr(&output));
        assert!(!data.exists(), "{settings:?}");
    }
}
