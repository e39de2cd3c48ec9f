//! The real process: `hookline serve`, spoken to over a socket and administered with the command line.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use http::Request;
use tempfile::TempDir;
use uuid::Uuid;

use super::{NewToken, Target, Variation};
use crate::connection::{Answer, Connection};
use crate::hookline::{Hookline, Start};

/// The service as a process of its own.
pub struct Process {
    hookline: Hookline,
    /// Connections that are not in use.
    idle: Mutex<Vec<Connection>>,
    _folder: TempDir,
}

impl Process {
    /// Starts it.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start(variation: Variation) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let Variation { max_webhooks, max_pattern_webhooks, rate_limit, require_https, account_url } = variation;
        let hookline = Start::on(&folder.path().join("data"))
            .with("HOOKLINE_MAX_WEBHOOKS", max_webhooks.to_string())
            .with("HOOKLINE_MAX_PATTERN_WEBHOOKS", max_pattern_webhooks.to_string())
            .with("HOOKLINE_RATE_LIMIT", rate_limit.to_string())
            .with("HOOKLINE_REQUIRE_HTTPS", require_https.to_string())
            .with("HOOKLINE_ACCOUNT_URL", account_url)
            .with("HOOKLINE_WAIT_SCALE", super::WAIT_SCALE.to_string())
            .serve()
            .await;
        Self { hookline, idle: Mutex::default(), _folder: folder }
    }

    /// The process.
    pub fn hookline(&self) -> &Hookline {
        &self.hookline
    }

    fn mail_folder(&self) -> impl AsRef<Path> {
        self.hookline.data().join("mails")
    }
}

#[async_trait]
impl Target for Process {
    fn public_url(&self) -> String {
        format!("http://{}", self.hookline.address())
    }

    async fn send(&self, request: Request<Bytes>) -> Answer {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut connection = idle.unwrap_or_else(|| Connection::new(self.hookline.address(), None));
        let what = format!("{} {}", request.method(), request.uri());
        let answer = connection.send(request).await;
        let answer = answer.unwrap_or_else(|error| panic!("{what}: {error}\n{}", self.hookline.last_lines()));
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        answer
    }

    async fn create_account(&self, id: &str, time_zone: &str) {
        let fields = ["--name", id, "--admin-mail", "admin@example.com", "--time-zone", time_zone];
        self.hookline.command(&[&["account", "create", id], &fields[..]].concat());
    }

    async fn disable_account(&self, id: &str) {
        self.hookline.command(&["account", "disable", id]);
    }

    async fn create_token(&self, account: &str, role: &str, minutes: Option<u64>) -> NewToken {
        let expires = minutes.map(|minutes| format!("{minutes}m"));
        let mut arguments = vec!["token", "create", "--account", account, "--person", "Ada", "--role", role];
        arguments.extend(expires.iter().flat_map(|expires| ["--expires", expires.as_str()]));
        let secret = self.hookline.command(&arguments);
        let listed = self.hookline.command(&["token", "list", "--account", account, "--json"]);
        let listed: serde_json::Value = serde_json::from_str(&listed).expect("a list");
        let newest = listed.as_array().and_then(|tokens| tokens.last()).expect("the token is listed");
        NewToken { id: newest["id"].as_str().and_then(|id| id.parse().ok()).expect("an id"), secret }
    }

    async fn revoke_token(&self, id: Uuid) {
        self.hookline.command(&["token", "revoke", &id.to_string()]);
    }

    fn mails(&self) -> Vec<String> {
        super::mails_in(self.mail_folder().as_ref())
    }
}
