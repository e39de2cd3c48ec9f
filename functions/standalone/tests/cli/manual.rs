//! Completions and man pages.

use crate::{hookline, stderr, stdout};

#[test]
fn every_shell_has_completions() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let output = hookline(&["completions", shell]).output().expect("hookline can be started");
        assert!(output.status.success(), "{shell}: {}", stderr(&output));
        assert!(stdout(&output).contains("healthcheck"), "{shell}: every command is there");
    }
    let unknown = hookline(&["completions", "csh"]).output().expect("hookline can be started");
    assert_eq!(unknown.status.code(), Some(2));
}

#[test]
fn every_command_has_a_page() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let pages = folder.path().join("man");
    let write = |to: &std::path::Path| {
        hookline(&["man", to.to_str().expect("a path")]).output().expect("hookline can be started")
    };
    let output = write(&pages);
    assert!(output.status.success(), "{}", stderr(&output));
    for command in ["hookline", "hookline-serve", "hookline-token-create", "hookline-man"] {
        let page = std::fs::read_to_string(pages.join(format!("{command}.1"))).expect("the page");
        assert!(page.contains(".TH hookline") && page.contains(".SH SYNOPSIS"), "{command}: {page}");
    }
    let output = write(&pages.join("hookline.1"));
    assert!(output.status.code() == Some(1) && stderr(&output).contains("hookline.1"), "{}", stderr(&output));
}
