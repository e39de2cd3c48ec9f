//! `hookline console` beside a service.

use std::os::unix::fs::PermissionsExt as _;

use hookline_process::hookline::{Hookline, Start};

use crate::{hookline, stderr, stdout};

fn console(service: &Hookline, arguments: &[&str]) -> std::process::Command {
    let mut command = hookline(&[&["console"], arguments].concat());
    command.env("HOOKLINE_URL", format!("http://{}", service.address()));
    command.env("HOOKLINE_TOKEN", service.admin_token());
    command.env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY");
    command
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_there_is_no_browser_the_link_is_printed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let service = Start::on(&folder.path().join("data")).serve().await;
    let begins = format!("http://{}/console#code=main.", service.address());
    for arguments in [&[][..], &["--print", "--role", "auditor", "--minutes", "5"]] {
        let printed = console(&service, arguments).output().expect("hookline can be started");
        assert!(printed.status.success() && stdout(&printed).starts_with(&begins), "{printed:?}");
        assert_eq!(stdout(&printed).lines().count(), 1, "{printed:?}");
    }
    let refused = console(&service, &["--webhook", "7"]).output().expect("hookline can be started");
    assert_eq!((refused.status.code(), stdout(&refused).as_str()), (Some(1), ""));
    assert!(stderr(&refused).contains("Webhook id is invalid"), "{}", stderr(&refused));
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_gets_the_link_in_a_private_file() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let service = Start::on(&folder.path().join("data")).serve().await;
    let (tools, opened) = (folder.path().join("tools"), folder.path().join("opened"));
    std::fs::create_dir(&tools).expect("a folder");
    let opener = tools.join("xdg-open");
    std::fs::write(&opener, format!("#!/bin/sh\necho \"$*\" > '{}'\n", opened.display())).expect("a script");
    std::fs::set_permissions(&opener, std::fs::Permissions::from_mode(0o755)).expect("the mode can be set");
    let mut command = console(&service, &[]);
    command.env("DISPLAY", ":0").env("TMPDIR", folder.path()).env("PATH", format!("{}:/usr/bin:/bin", tools.display()));
    let output = command.output().expect("hookline can be started");
    assert!(output.status.success() && stdout(&output).is_empty(), "{output:?}");
    let arguments = std::fs::read_to_string(&opened).expect("the browser was told");
    let page = std::path::Path::new(arguments.trim_end());
    assert!(!arguments.contains("code="), "{arguments}");
    assert_eq!(std::fs::metadata(page).expect("a file").permissions().mode() & 0o777, 0o600);
    assert!(std::fs::read_to_string(page).expect("a text").contains("/console#code=main."));
}
