//! An endpoint in another language: started, told the secret, asked what it saw.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use hookline_tests::connection::Connection;
use hookline_tests::hookline::{Hookline, binary};
use serde_json::{Value, json};

use crate::policy::{AUDIENCE, Policy};

/// A running endpoint. It is killed when it is dropped.
pub(crate) struct Foreign {
    child: Child,
    port: u16,
}

impl Foreign {
    /// The Python one.
    pub(crate) fn python() -> Self {
        let mut command = Command::new(installed("venv/bin/python"));
        command.arg(source("receiver.py"));
        Self::start(command)
    }

    /// The JavaScript one.
    pub(crate) fn javascript() -> Self {
        let mut command = Command::new("node");
        command.arg(source("receiver.mjs")).arg(installed("node"));
        Self::start(command)
    }

    /// A collector of traces.
    pub(crate) fn collector() -> Self {
        let mut command = Command::new(installed("venv/bin/python"));
        command.arg(source("collector.py"));
        Self::start(command)
    }

    fn start(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("the interpreter starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("stdout is piped");
        BufReader::new(stdout).read_line(&mut line).expect("it tells its port");
        let port = line.trim().parse().expect("a port");
        Self { child, port }
    }

    /// Registers a webhook for it and gives it the secret.
    pub(crate) async fn subscribe(&self, hookline: &Hookline) {
        let webhook = hookline.create_webhook("*", &format!("http://127.0.0.1:{}/hook", self.port)).await;
        let secret = hookline.administrator().get(&format!("/v1/webhooks/{webhook}/secret")).await.json();
        let told = self.connection().post("/secret", json!({"secret": secret["secret"]}).to_string()).await;
        assert_eq!(told.status, 204);
    }

    /// Registers a webhook with a policy of this algorithm for it, and tells it what a receiver knows.
    pub(crate) async fn subscribe_by_policy(&self, hookline: &Hookline, algorithm: &str) {
        let policy = Policy::create(hookline, algorithm).await;
        let path = format!("/{algorithm}");
        let webhook = policy.webhook(hookline, &format!("http://127.0.0.1:{}{path}", self.port), true).await;
        let told = json!({"path": path, "alg": algorithm.to_uppercase(), "key": policy.key, "audience": AUDIENCE,
            "issuer": webhook.issuer});
        assert_eq!(self.connection().post("/policy", told.to_string()).await.status, 204);
    }

    /// What it saw so far.
    pub(crate) async fn report(&self) -> Value {
        self.connection().get("/report").await.json()
    }

    /// The spans that it took so far.
    pub(crate) async fn spans(&self) -> Vec<Value> {
        self.connection().get("/spans").await.json().as_array().cloned().expect("a list")
    }

    /// The URI of a path on it.
    pub(crate) fn uri(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    fn connection(&self) -> Connection {
        Connection::new(([127, 0, 0, 1], self.port).into(), None)
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("foreign/receivers").join(name)
}

/// What `tests/foreign/receivers/install.sh` put under the target folder.
fn installed(name: &str) -> PathBuf {
    let path = binary().ancestors().nth(2).expect("a target folder").join("receivers").join(name);
    assert!(path.exists(), "{} is missing: run tests/foreign/receivers/install.sh first", path.display());
    path
}
