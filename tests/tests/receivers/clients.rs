//! The API as clients that others wrote use it: the SDK `xurrent`, and `schemathesis`, which reads our OpenAPI document and
//! tries everything that it allows, and much that it does not.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use hookline_tests::hookline::{Start, binary};

/// What `tests/clients/install.sh` put under the target folder.
fn installed(name: &str) -> Command {
    let path = binary().ancestors().nth(2).expect("a target folder").join("clients/venv/bin").join(name);
    assert!(path.exists(), "{} is missing: run tests/clients/install.sh first", path.display());
    Command::new(path)
}

fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("clients").join(name)
}

fn succeeds(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().expect("it can be started");
    let (said, complaints) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "{said}\n{complaints}");
    said.into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_sdk_pages_through_webhooks_and_creates_changes_and_deletes_them() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let hookline = Start::on(&folder.path().join("data")).serve().await;
    let mut client = installed("python");
    client.arg(source("webhooks.py")).arg(format!("http://{}/v1", hookline.address()));
    let said = succeeds(client.env("HOOKLINE_TOKEN", hookline.admin_token()));
    assert_eq!(said.trim(), r#"{"webhooks": 250}"#);
}
