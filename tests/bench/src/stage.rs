//! A service with its webhooks and the endpoint that they name: a process and a folder of its own for every run.

use std::path::Path;

use hookline_core::model::event::EVENT_NAMES;
use hookline_process::connection::Connection;
use hookline_process::hookline::{Hookline, Start};
use hookline_process::proc_stats::{TICKS_PER_SECOND, cpu_ticks};
use tempfile::TempDir;

use crate::endpoint::{self, Endpoint};
use crate::load::Goal;

/// The event that most runs publish.
pub(crate) const EVENT: &str = "request.create";
/// How many connections register webhooks at once.
const REGISTRARS: usize = 16;

/// See the module.
pub(crate) struct Stage {
    pub(crate) hookline: Hookline,
    pub(crate) endpoint: Endpoint,
    pub(crate) folder: TempDir,
}

impl Stage {
    /// `fan_out` webhooks for [`EVENT`], all at one host.
    pub(crate) async fn set(fan_out: usize) -> Self {
        Self::of(None, fan_out).await
    }

    /// The same, of a service with this executable.
    pub(crate) async fn of(executable: Option<&Path>, fan_out: usize) -> Self {
        let stage = Self::start(executable, Endpoint::start(), &[]).await;
        for number in 0..fan_out {
            stage.webhook(EVENT, 0, &format!("/{number}")).await;
        }
        stage
    }

    /// No webhooks yet.
    pub(crate) async fn empty(endpoint: Endpoint) -> Self {
        Self::with(endpoint, &[]).await
    }

    /// No webhooks yet, and these settings.
    pub(crate) async fn with(endpoint: Endpoint, settings: &[(&str, &str)]) -> Self {
        Self::start(None, endpoint, settings).await
    }

    async fn start(executable: Option<&Path>, endpoint: Endpoint, settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let start = Start::on(&folder.path().join("data")).with("HOOKLINE_RATE_LIMIT", "100000000");
        let start = settings.iter().fold(start, |start, (name, value)| start.with(name, value));
        let start = Start { executable: executable.map(Path::to_owned), ..start };
        Self { hookline: start.serve().await, endpoint, folder }
    }

    /// One more webhook, at a host of the endpoint; its id.
    pub(crate) async fn webhook(&self, event: &str, host: u16, path: &str) -> u64 {
        let uri = format!("http://{}:{}{path}", endpoint::address(host), self.endpoint.port);
        self.hookline.create_webhook(event, &uri).await
    }

    /// `count` webhooks of the account that the token opens, spread over all events and over `hosts` hosts.
    pub(crate) async fn webhooks(&self, token: &str, count: usize, hosts: u16) {
        let local = tokio::task::LocalSet::new();
        for registrar in 0..REGISTRARS {
            let mut connection = Connection::new(self.hookline.address(), Some(token));
            let port = self.endpoint.port;
            local.spawn_local(async move {
                for number in (registrar..count).step_by(REGISTRARS) {
                    let event = EVENT_NAMES[number % EVENT_NAMES.len()];
                    let host = endpoint::address(u16::try_from(number % usize::from(hosts)).unwrap_or_default());
                    let body = format!(r#"{{"event":"{event}","uri":"http://{host}:{port}/{number}"}}"#);
                    let answer = connection.post("/v1/webhooks", body).await;
                    assert_eq!(answer.status, 200, "{:?}", answer.body);
                }
            });
        }
        local.await;
    }

    /// Where events are published: all of [`EVENT`].
    pub(crate) fn goal(&self) -> Goal {
        self.goal_of(&[EVENT])
    }

    /// Where events of these kinds are published, one after the other.
    pub(crate) fn goal_of(&self, events: &'static [&'static str]) -> Goal {
        debug_assert!(self.folder.path().exists(), "the folder lives as long as the service");
        let token = Some(self.hookline.admin_token());
        Goal { address: self.hookline.address(), path: "/v1/events", token, status: 202, events }
    }

    /// Processor seconds that the service has used.
    pub(crate) fn cpu_seconds(&self) -> f64 {
        real(cpu_ticks(self.hookline.pid())) / TICKS_PER_SECOND
    }
}

/// A figure for people.
#[expect(clippy::cast_precision_loss, reason = "figures for people, far below 2^52")]
pub(crate) fn real(number: u64) -> f64 {
    number as f64
}
