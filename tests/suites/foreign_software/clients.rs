//! The API as clients that others wrote use it: the SDK `xurrent`, what `openapi-python-client` and `openapi-typescript` make
//! of our OpenAPI document, and `schemathesis`, which reads it too and tries everything that it allows, and much that it
//! does not. `spectral` lints it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use hookline_tests::hookline::{Hookline, Start, binary};
use hookline_tests::receiver::{Receiver, Reply};
use hookline_tests::wait_until::until;
use serde_json::{Value, json};

/// Where `tests/foreign/clients/install.sh` put everything.
pub(crate) fn clients() -> PathBuf {
    binary().ancestors().nth(2).expect("a target folder").join("clients")
}

/// A Python program that it installed.
pub(crate) fn installed(name: &str) -> Command {
    existing(clients().join("venv/bin").join(name))
}

/// A program of npm that it installed.
pub(crate) fn installed_by_npm(name: &str) -> Command {
    existing(clients().join("node/node_modules/.bin").join(name))
}

fn existing(path: PathBuf) -> Command {
    assert!(path.exists(), "{} is missing: run tests/foreign/clients/install.sh first", path.display());
    Command::new(path)
}

pub(crate) fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("foreign/clients").join(name)
}

pub(crate) fn succeeds(command: &mut Command) -> String {
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

/// The committed document.
fn document() -> PathBuf {
    source("../../../shared/http/openapi.json")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_python_client_made_of_the_document_walks_through_the_api() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = |name: &str| folder.path().join(name);
    // Its formatters change nothing that this shows.
    std::fs::write(at("config.json"), r#"{"post_hooks": []}"#).expect("the folder can be written to");
    let mut generator = installed("openapi-python-client");
    generator.args(["generate", "--fail-on-warning", "--meta", "none", "--path"]).arg(document());
    succeeds(generator.arg("--config").arg(at("config.json")).arg("--output-path").arg(at("made")));

    let receiver = Receiver::start(|_| Reply::status(204)).await;
    let hookline = Start::on(&at("data")).serve().await;
    let mut walk = installed("python");
    walk.arg(source("generated.py")).arg(format!("http://{}/v1", hookline.address())).arg(folder.path());
    succeeds(walk.arg(receiver.uri("/")).env("HOOKLINE_TOKEN", hookline.admin_token()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_typescript_client_made_of_the_document_compiles_and_walks_through_the_api() {
    // Beside `node_modules`, so that its libraries are found.
    let folder = tempfile::tempdir_in(clients().join("node")).expect("a temporary folder");
    let at = |name: &str| folder.path().join(name);
    for name in ["walk.ts", "tsconfig.json"] {
        std::fs::copy(source("node").join(name), at(name)).expect("the folder can be written to");
    }
    succeeds(installed_by_npm("openapi-typescript").arg(document()).arg("--output").arg(at("made.d.ts")));
    succeeds(installed_by_npm("tsc").arg("--project").arg(folder.path()));

    let receiver = Receiver::start(|_| Reply::status(204)).await;
    let hookline = Start::on(&at("data")).serve().await;
    let mut walk = Command::new("node");
    walk.arg(at("built/walk.js")).arg(format!("http://{}/v1", hookline.address())).arg(receiver.uri("/"));
    succeeds(walk.env("HOOKLINE_TOKEN", hookline.admin_token()));
}

#[test]
fn spectral_finds_nothing_in_the_document() {
    let mut spectral = installed_by_npm("spectral");
    spectral.arg("lint").arg(document()).arg("--ruleset").arg(source("node/spectral.json"));
    succeeds(spectral.args(["--fail-severity", "hint"]));
}

/// Runs `schemathesis` with the committed document, all its checks but one, and always the same examples.
///
/// Off is `ensure_resource_availability`: the ids of [`known`] stand in for those of records that were just created, and may be
/// deleted by then. `positive_data_acceptance` is the check of `hooks.py`, which knows what no schema can state.
async fn schemathesis_finds_nothing(with_token: bool, examples: u32) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (endpoint, _arrivals) = Receiver::keeping().await;
    let start = Start::on(&folder.path().join("data")).with("HOOKLINE_RATE_LIMIT", "100000000");
    let mut hookline = start.keeping_all_lines().serve().await;
    let document = std::fs::read(document()).expect("the committed document");
    let mut document: Value = serde_json::from_slice(&document).expect("JSON");
    // Messages must not go to strangers.
    for schema in ["WebhookInput", "WebhookChanges"] {
        let uri = document.pointer_mut(&format!("/components/schemas/{schema}/properties/uri"));
        let uri = uri.expect("the URI of a webhook");
        *uri = json!({"enum": [endpoint.uri("/"), endpoint.uri("/b?c=d"), "http://127.0.0.1:1/"]});
    }
    let operations = document["paths"].as_object().expect("paths").values();
    let operations: usize = operations.map(|methods| methods.as_object().map_or(0, serde_json::Map::len)).sum();
    let changed = folder.path().join("openapi.json");
    std::fs::write(&changed, document.to_string()).expect("the folder can be written to");

    std::fs::write(folder.path().join("schemathesis.toml"), known(&hookline, &endpoint).await).expect("so is this");

    let mut schemathesis = installed("schemathesis");
    schemathesis.args(["--no-color", "run", "--checks", "all", "--continue-on-failure", "--no-shrink"]);
    schemathesis.args(["--exclude-checks", "positive_data_acceptance,ensure_resource_availability"]);
    schemathesis.env("SCHEMATHESIS_HOOKS", "hooks").env("PYTHONPATH", source(""));
    schemathesis.args(["--seed", "1", "--generation-database", "none", "--request-timeout", "20"]);
    schemathesis.args(["--max-examples", &examples.to_string()]).current_dir(folder.path());
    schemathesis.arg("--url").arg(format!("http://{}/v1", hookline.address())).arg(changed);
    if with_token {
        schemathesis.args(["--header", &format!("Authorization: Bearer {}", hookline.admin_token())]);
    }
    let said = succeeds(&mut schemathesis);
    assert!(said.contains(&format!("Tested: {operations}\n")), "all operations are tried: {said}");
    assert!(hookline.lives());
    let log = hookline.last_lines();
    assert!(!log.contains("ERROR"), "{log}");
}

/// Makes a record of every kind, and tells `schemathesis` their ids, so that it reaches more than 404.
async fn known(hookline: &Hookline, endpoint: &Receiver) -> String {
    let mut administrator = hookline.administrator();
    let mut make = async |path: &str, body: Value| {
        let made = administrator.post(path, body.to_string()).await;
        assert!(made.status.is_success(), "{path}: {made:?}");
        made.json()
    };
    let policy = make("/v1/webhook_policies", json!({"jwt_alg": "es256"})).await;
    let fields = json!({"event": "*", "uri": endpoint.uri("/"), "webhook_policy_id": policy["id"],
        "openid_connect_discovery": true});
    let webhook = make("/v1/webhooks", fields).await["id"].clone();
    make("/v1/events", json!({"event": "request.create", "object_id": 1, "id": "event"})).await;
    let deliveries = until("a delivery", Duration::from_mins(2), || async {
        let path = format!("/v1/webhooks/{webhook}/deliveries");
        let list = hookline.administrator().get(&path).await.json();
        list[0]["id"].is_string().then_some(list)
    });
    let delivery = deliveries.await[0]["id"].clone();
    let redelivery = make(&format!("/v1/webhooks/{webhook}/redeliver"), json!({"since": "2020-01-01T00:00:00Z"})).await;
    let ids = [
        ("webhooks", webhook.to_string()),
        ("webhook_policies", policy["id"].to_string()),
        ("webhook_deliveries", delivery.as_str().expect("an id").to_owned()),
        ("redeliveries", redelivery["id"].as_str().expect("an id").to_owned()),
        ("events", "event".to_owned()),
    ];
    let name = policy["name"].as_str().expect("a name");
    // What is deleted has ids of its own.
    let told = ids.map(|(resource, id)| {
        format!(
            "[[operations]]\ninclude-path-regex = \"^/{resource}/\"\nexclude-method = \"DELETE\"\n\
             parameters = {{ \"path.id\" = \"{id}\", \"path.name\" = \"{name}\" }}\n"
        )
    });
    CHECKS.to_owned() + &told.concat()
}

/// 412 is a refusal as well: an `If-Match` that no record has is refused before the body is read.
const CHECKS: &str = "[checks.negative_data_rejection]\n\
    expected-statuses = [\"4xx\", \"508\"]\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn schemathesis_finds_nothing_with_a_token() {
    schemathesis_finds_nothing(true, 6).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn schemathesis_finds_nothing_without_a_token() {
    schemathesis_finds_nothing(false, 3).await;
}
