//! One execution environment: a process of a function, and the Runtime API that it asks for its next invocation.
//!
//! The Runtime API is what AWS documents for custom runtimes, version 2018-06-01: `next` is held until there is an
//! invocation, `response` and `error` end it, `init/error` ends the process before its first.

use std::ffi::OsString;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Path as PathOf, State};
use axum::response::Response;
use axum::routing::{get, post};
use bytes::Bytes;
use http::StatusCode;
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use uuid::Uuid;

/// The largest answer of a function: 6 MiB.
pub const ANSWER_LIMIT: usize = 6_291_556;

/// What came of an invocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The function's answer.
    Answered(Bytes),
    /// The function reported an error, as JSON.
    Failed(Bytes),
    /// The process ended before it answered.
    Died,
    /// It did not answer within the function's timeout, and was killed.
    TimedOut,
}

/// How a function is run.
#[derive(Debug, Clone)]
pub struct Configuration {
    /// The function's name.
    pub name: String,
    /// How long an invocation may take.
    pub timeout: Duration,
    /// MiB of memory, which the function only reads.
    pub memory: u32,
    /// Its environment. Nothing else is there, beside what Lambda itself sets.
    pub variables: Vec<(String, OsString)>,
}

/// A process and its Runtime API. The process is killed when this is dropped.
pub struct Environment {
    timeout: Duration,
    child: Child,
    invocations: mpsc::Sender<Given>,
    server: JoinHandle<()>,
}

/// An invocation on its way to the process.
struct Given {
    id: Uuid,
    event: Bytes,
    deadline: SystemTime,
    done: oneshot::Sender<Outcome>,
}

/// What the Runtime API of one environment knows.
struct Shared {
    arn: String,
    waiting: tokio::sync::Mutex<mpsc::Receiver<Given>>,
    running: Mutex<Option<(Uuid, oneshot::Sender<Outcome>)>>,
}

impl Environment {
    /// Starts the process, without waiting for it.
    ///
    /// # Panics
    /// When there is no such executable.
    pub async fn start(bootstrap: &Path, configuration: &Configuration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port on loopback");
        let address = listener.local_addr().expect("a bound socket has an address");
        let (invocations, waiting) = mpsc::channel(1);
        let shared = Arc::new(Shared {
            arn: format!("arn:aws:lambda:us-east-1:000000000000:function:{}", configuration.name),
            waiting: tokio::sync::Mutex::new(waiting),
            running: Mutex::default(),
        });
        let server = tokio::spawn(async move {
            axum::serve(listener, runtime_api(shared)).await.expect("a server ends with its task");
        });
        let child = Command::new(bootstrap)
            .env_clear()
            .envs(configuration.variables.iter().map(|(name, value)| (name, value)))
            .env("AWS_LAMBDA_RUNTIME_API", address.to_string())
            .env("AWS_LAMBDA_FUNCTION_NAME", &configuration.name)
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", configuration.memory.to_string())
            .env("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{}", configuration.name))
            .env("AWS_LAMBDA_LOG_STREAM_NAME", "2026/01/01/[$LATEST]0")
            .env("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
            .env("_HANDLER", "bootstrap")
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", bootstrap.display()));
        Self { timeout: configuration.timeout, child, invocations, server }
    }

    /// Hands the process an event and waits for what comes of it. After anything but an answer or an error of the
    /// function, the environment is of no more use.
    pub async fn invoke(&mut self, event: Bytes) -> Outcome {
        let (done, outcome) = oneshot::channel();
        let given = Given { id: Uuid::new_v4(), event, deadline: now() + self.timeout, done };
        if self.invocations.send(given).await.is_err() {
            return Outcome::Died;
        }
        tokio::select! {
            outcome = outcome => outcome.unwrap_or(Outcome::Died),
            _ = self.child.wait() => Outcome::Died,
            () = tokio::time::sleep(self.timeout) => {
                // It may have ended just now.
                let _ = self.child.kill().await;
                Outcome::TimedOut
            }
        }
    }

    /// The process id, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }
}

impl Drop for Environment {
    fn drop(&mut self) {
        self.server.abort();
    }
}

#[expect(clippy::disallowed_methods, reason = "Lambda tells deadlines by the clock on the wall")]
fn now() -> SystemTime {
    SystemTime::now()
}

fn runtime_api(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
        .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
        .route("/2018-06-01/runtime/init/error", post(init_error))
        .layer(DefaultBodyLimit::max(2 * ANSWER_LIMIT))
        .with_state(shared)
}

async fn next(State(shared): State<Arc<Shared>>) -> Response {
    let given = shared.waiting.lock().await.recv().await;
    let Some(Given { id, event, deadline, done }) = given else { return status(StatusCode::GONE) };
    *shared.running() = Some((id, done));
    let deadline = deadline.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    Response::builder()
        .header("content-type", "application/json")
        .header("lambda-runtime-aws-request-id", id.to_string())
        .header("lambda-runtime-deadline-ms", deadline.to_string())
        .header("lambda-runtime-invoked-function-arn", &shared.arn)
        .header("lambda-runtime-trace-id", "Root=1-00000000-000000000000000000000000;Sampled=0")
        .body(Body::from(event))
        .expect("headers are well-formed")
}

async fn response(State(shared): State<Arc<Shared>>, PathOf(id): PathOf<Uuid>, body: Bytes) -> Response {
    if body.len() > ANSWER_LIMIT {
        shared.end(id, Outcome::Failed(Bytes::from_static(b"{\"errorType\":\"Function.ResponseSizeTooLarge\"}")));
        return status(StatusCode::PAYLOAD_TOO_LARGE);
    }
    shared.end(id, Outcome::Answered(body));
    status(StatusCode::ACCEPTED)
}

async fn error(State(shared): State<Arc<Shared>>, PathOf(id): PathOf<Uuid>, body: Bytes) -> Response {
    shared.end(id, Outcome::Failed(body));
    status(StatusCode::ACCEPTED)
}

/// The process ends after this by itself, which tells the waiting invocation.
async fn init_error() -> Response {
    status(StatusCode::ACCEPTED)
}

impl Shared {
    fn running(&self) -> std::sync::MutexGuard<'_, Option<(Uuid, oneshot::Sender<Outcome>)>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self, id: Uuid, outcome: Outcome) {
        let running = self.running().take_if(|(running, _)| *running == id);
        if let Some((_, done)) = running {
            // A caller that no longer waits has given the invocation up.
            let _ = done.send(outcome);
        }
    }
}

fn status(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::lambda::function::Function;

    /// A function that does what its event says.
    const BOOTSTRAP: &str = r#"#!/bin/sh
api=http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime
headers=$(mktemp)
while true; do
    event=$(curl -s -D "$headers" "$api/invocation/next")
    id=$(tr -d '\r' < "$headers" | sed -n 's/^lambda-runtime-aws-request-id: //p')
    case $event in
        '"die"') exit 3 ;;
        '"sleep"') exec sleep 60 ;;
        '"fail"') curl -s -d '{"errorType":"Bad"}' "$api/invocation/$id/error" ;;
        *) curl -s -d "{\"event\":$event,\"process\":$$,\"setting\":\"$SETTING\"}" "$api/invocation/$id/response" ;;
    esac
done
"#;

    #[tokio::test]
    async fn an_environment_is_used_until_it_ends() {
        let folder = tempfile::tempdir().unwrap();
        let bootstrap = folder.path().join("bootstrap");
        std::fs::write(&bootstrap, BOOTSTRAP).unwrap();
        std::fs::set_permissions(&bootstrap, std::fs::Permissions::from_mode(0o755)).unwrap();
        let configuration = Configuration {
            name: "f".to_owned(),
            timeout: Duration::from_secs(10),
            memory: 128,
            variables: vec![("PATH".into(), "/usr/bin:/bin".into()), ("SETTING".into(), "s".into())],
        };
        let function = Function::new(&bootstrap, configuration, 2);
        let answered = async |event: &'static str| match function.invoke(event).await {
            Outcome::Answered(text) => serde_json::from_slice::<serde_json::Value>(&text).unwrap(),
            other => panic!("{other:?}"),
        };
        let (first, second) = (answered("1").await, answered("[2]").await);
        assert_eq!((&first["event"], &second["event"][0], &first["setting"]), (&1.into(), &2.into(), &"s".into()));
        assert_eq!(first["process"], second["process"], "a warm environment is used again");
        assert_eq!(function.invoke("\"fail\"").await, Outcome::Failed(Bytes::from_static(b"{\"errorType\":\"Bad\"}")));
        assert_eq!(function.invoke("\"die\"").await, Outcome::Died);
        assert_ne!(answered("3").await["process"], first["process"]);
        let (slow, other) = tokio::join!(function.invoke("\"sleep\""), answered("4"));
        assert_eq!(slow, Outcome::TimedOut);
        assert_eq!(other["event"], 4, "another environment works meanwhile");
    }
}
