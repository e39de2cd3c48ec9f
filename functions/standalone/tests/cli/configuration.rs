//! `hookline export` and `hookline apply` against running services.

use std::path::{Path, PathBuf};
use std::process::Output;

use hookline_process::hookline::{Hookline, Start};
use serde_json::{Value, json};

use crate::{hookline, stderr, stdout};

/// A service with an administrator, and a folder for files.
struct Account {
    folder: tempfile::TempDir,
    service: Hookline,
}

impl Account {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let service = Start::on(&folder.path().join("data")).serve().await;
        Self { folder, service }
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let answer = self.service.administrator().post(path, body.to_string()).await;
        assert!(answer.status.is_success(), "{path}: {}", answer.json());
        answer.json()
    }

    async fn webhooks(&self) -> Vec<Value> {
        let fields = "event,events,uri,name,description,disabled,mail_exceptions_to,source,sourceID,openid_connect_discovery,trace,\
                      content_type,headers,filter,webhook_policy";
        let path = format!("/v1/webhooks?sort=id&fields={fields}");
        let mut all = self.service.administrator().get(&path).await.json();
        for webhook in all.as_array_mut().expect("a list") {
            // What differs between accounts.
            webhook.as_object_mut().expect("a webhook").remove("id");
            webhook.as_object_mut().expect("a webhook").remove("nodeID");
            webhook["webhook_policy"] = json!(!webhook["webhook_policy"].is_null());
        }
        all.as_array().expect("a list").clone()
    }

    fn run(&self, arguments: &[&str]) -> Output {
        hookline(arguments)
            .env("HOOKLINE_URL", format!("http://{}", self.service.address()))
            .env("HOOKLINE_TOKEN", self.service.admin_token())
            .output()
            .expect("hookline can be started")
    }

    fn apply(&self, file: &Path, more: &[&str]) -> (i32, String, String) {
        let file = file.to_str().expect("a path");
        let output = self.run(&[&["apply", "-f", file], more].concat());
        (output.status.code().expect("a code"), stdout(&output), stderr(&output))
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).expect("the file is written");
        path
    }
}

/// An account with all that a file holds, and what it does not.
async fn full() -> Account {
    let account = Account::new().await;
    account.post("/v1/event_types", json!({"name": "order.paid"})).await;
    let schema = json!({"type": "object", "properties": {"n": {"type": "number", "minimum": 0.5}}});
    let described = json!({"name": "order.sent", "description": "line\nline: #1", "schema": schema,
        "example": {"n": 0.5}, "schema_mode": "enforce"});
    account.post("/v1/event_types", described).await;
    let policy = account.post("/v1/webhook_policies", json!({"jwt_alg": "es256", "jwt_audience": "shop"})).await;
    let unused = account.post("/v1/webhook_policies", json!({"jwt_alg": "hs256"})).await;
    assert_ne!(policy["id"], unused["id"]);
    account
        .post(
            "/v1/webhooks",
            json!({"event": "order.paid", "uri": "https://ada:s3cret@hooks.example.com/in?a='b'", "name": "Orders \"1\"",
                "description": "line\nline: #1", "mail_exceptions_to": "ops@example.com", "source": "terraform",
                "sourceID": "yes", "headers": {"X-Key": "k3y", "X-B": "1"}, "openid_connect_discovery": true, "trace": true,
                "webhook_policy_id": policy["id"], "filter": {"payload": {"n": [{"numeric": [">", 0.5]}, null]}}}),
        )
        .await;
    let plain = json!({"events": ["request.*", "problem.create"], "content_type": "application/json", "uri": "https://hooks.example.com/", "source": "terraform", "sourceID": "2"});
    account.post("/v1/webhooks", plain).await;
    account.post("/v1/webhooks", json!({"event": "*", "uri": "https://hooks.example.com/", "disabled": true})).await;
    account
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_applied_to_an_empty_account_gives_the_same_and_once_more_changes_nothing() {
    let (from, to) = (full().await, Account::new().await);
    let exported = from.run(&["export"]);
    assert!(exported.status.success(), "{}", stderr(&exported));
    let (text, said) = (stdout(&exported), stderr(&exported));
    assert!(said.contains("webhook #3 has no source or no sourceID") && said.contains("policy #2"), "{said}");
    assert!(!text.contains("s3cret") && !text.contains("k3y"), "{text}");
    let file = to.file("configuration.yaml", &text);

    let (code, _, said) = to.apply(&file, &[]);
    assert!(code == 1 && said.contains("webhook terraform/yes") && said.contains("--secrets"), "{said}");
    assert_eq!(to.webhooks().await, [] as [Value; 0], "nothing was changed");

    let secrets =
        to.file("secrets.yaml", "terraform/yes:\n  uri_password: s3cret\n  headers: {X-Key: k3y, X-B: \"1\"}\n");
    let secrets = ["--secrets", secrets.to_str().expect("a path")];
    let keys = ["--keys", to.folder.path().to_str().expect("a path")];
    let (code, changes, said) = to.apply(&file, &[secrets, keys].concat());
    assert_eq!(code, 0, "{said}");
    let lines = [
        "+ event type order.paid",
        "+ event type order.sent",
        "+ policy es256-1 (es256)",
        "+ webhook terraform/yes",
        "+ webhook terraform/2",
    ];
    assert_eq!(changes.lines().collect::<Vec<_>>(), lines);
    assert_eq!(to.webhooks().await, from.webhooks().await[..2]);
    let key = std::fs::read_to_string(to.folder.path().join("es256-1.pem")).expect("the key");
    assert!(key.starts_with("-----BEGIN PUBLIC KEY-----"), "{key}");
    assert_eq!(stdout(&to.run(&["export"])), text);

    for more in [&["--dry-run"][..], &[], &["--prune"], &secrets] {
        assert_eq!(to.apply(&file, more), (0, String::new(), String::new()), "{more:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dry_run_shows_what_differs_and_apply_mends_it() {
    let account = full().await;
    let text = stdout(&account.run(&["export"]));
    let changed = text.replace("request.*", "risk.*").replace("audience: shop", "audience: store");
    let changed = changed.replace("schema_mode: enforce", "schema_mode: warn");
    assert_ne!(changed, text);
    let file = account.file("configuration.yaml", &changed);
    let before = account.webhooks().await;
    let (code, changes, _) = account.apply(&file, &["--dry-run"]);
    assert_eq!(code, 3);
    let lines = [
        "~ event type order.sent",
        r#"    schema_mode: "enforce" -> "warn""#,
        "~ policy es256-1 (#1)",
        r#"    jwt_audience: "shop" -> "store""#,
        "~ webhook terraform/2 (#2)",
        r#"    event: "request.*" -> "risk.*""#,
        r#"    events: ["request.*","problem.create"] -> ["risk.*","problem.create"]"#,
        r#"    name: "request.*" -> "risk.*""#,
    ];
    assert_eq!(changes.lines().collect::<Vec<_>>(), lines);
    assert_eq!(account.webhooks().await, before, "a dry run changes nothing");
    assert_eq!(account.apply(&file, &[]).0, 0);
    assert_eq!(account.webhooks().await[1]["event"], "risk.*");
    assert_eq!(account.webhooks().await[0], before[0], "secrets and all else stay");

    let only = "version: 1\nwebhooks:\n- source: terraform\n  sourceID: \"2\"\n  events: [risk.*, problem.create]\n  content_type: application/json\n  uri: https://hooks.example.com/\n";
    let file = account.file("only.yaml", only);
    assert_eq!(account.apply(&file, &[]), (0, String::new(), String::new()), "nothing is deleted");
    let (code, changes, _) = account.apply(&file, &["--prune"]);
    assert_eq!((code, changes.trim()), (0, "- webhook terraform/yes (#1)"));
    assert_eq!(account.webhooks().await.len(), 2, "a webhook of another source stays");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_cannot_be_applied_changes_nothing() {
    let account = full().await;
    let text = stdout(&account.run(&["export"]));
    let before = account.webhooks().await;
    let second = &text[text.rfind("  - source").or_else(|| text.rfind("- source")).expect("a webhook")..];
    for (name, bad, reason) in [
        ("twice", format!("{text}{second}"), "webhook terraform/2 is there twice"),
        ("unknown", text.replace("sourceID:", "sourceId:"), "sourceId"),
        ("lost", text.replace("policy: es256-1", "policy: other"), "policy other is not among the policies"),
        ("moved", text.replace("hooks.example.com/in", "other.example.com/in"), "is needed: give it with --secrets"),
        ("filter", text.replace("numeric", "number"), "webhook terraform/yes: filter at payload.n"),
        ("algorithm", text.replace("jwt_alg: es256", "jwt_alg: hs256"), ""),
    ] {
        assert_ne!(bad, text, "{name}");
        let file = account.file("bad.yaml", &bad);
        let (code, _, said) = account.apply(&file, &["--dry-run"]);
        assert!(code != 0 && said.contains(reason), "{name}: {code} {said}");
    }
    assert_eq!(account.webhooks().await, before);
    let double = json!({"event": "*", "uri": "https://hooks.example.com/", "source": "terraform", "sourceID": "2"});
    account.post("/v1/webhooks", double).await;
    let exported = account.run(&["export"]);
    assert!(exported.status.code() == Some(1) && stderr(&exported).contains("terraform/2"), "{}", stderr(&exported));
    let file = account.file("good.yaml", &text);
    let (code, _, said) = account.apply(&file, &[]);
    assert!(code == 1 && said.contains("both have source and sourceID terraform/2"), "{said}");
}
