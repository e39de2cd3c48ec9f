//! The real process: `hookline serve` on a folder of its own and a free port, started, killed, ended and started again
//! as an operator or a power cut would.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::connection::Connection;

/// How long a start or an end may take before the test fails.
const LIMIT: Duration = Duration::from_mins(2);
/// How many lines of the process's output are kept for failure messages, unless a test asks for all.
const LINES_KEPT: usize = 60;

/// The `hookline` executable of this build.
///
/// # Panics
/// When it has not been built: `cargo build --workspace` with the same profile comes first.
pub fn binary() -> PathBuf {
    executable("hookline")
}

/// An executable of this build, beside the running one.
///
/// # Panics
/// When it has not been built: `cargo build --workspace` with the same profile comes first.
pub fn executable(name: &str) -> PathBuf {
    let this = std::env::current_exe().expect("the path of this executable");
    let folder = this.parent().expect("an executable is in a folder");
    // Test executables are in `deps`, one folder further down.
    let folder = if folder.ends_with("deps") { folder.parent().unwrap_or(folder) } else { folder };
    let binary = folder.join(name);
    assert!(binary.is_file(), "{} is missing: run `cargo build --workspace` with this profile first", binary.display());
    binary
}

/// How a service is started.
#[derive(Debug, Clone)]
pub struct Start {
    /// The data folder.
    pub data: PathBuf,
    /// Environment beside the test's own.
    pub environment: Vec<(OsString, OsString)>,
    /// How many lines of its output are kept.
    pub lines_kept: usize,
    /// The executable; that of this build, if it is not named.
    pub executable: Option<PathBuf>,
}

impl Start {
    /// On this data folder, with waits scaled 1:1000 and quiet logs.
    pub fn on(data: &Path) -> Self {
        let start = Self { data: data.to_owned(), environment: Vec::new(), lines_kept: LINES_KEPT, executable: None };
        start.with("HOOKLINE_WAIT_SCALE", "0.001").with("RUST_LOG", "warn")
    }

    /// With one more variable.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// With all lines of its output kept.
    #[must_use]
    pub fn keeping_all_lines(self) -> Self {
        Self { lines_kept: usize::MAX, ..self }
    }

    /// Starts it and waits for its address and its first answer.
    ///
    /// # Panics
    /// With its last lines of output, when it ends or does not answer in time.
    pub async fn serve(self) -> Hookline {
        let started = Instant::now();
        let mut child = Command::new(self.executable.clone().unwrap_or_else(binary))
            .args(["serve", "--listen", "127.0.0.1:0", "--allow-cidr", "127.0.0.0/8", "--data"])
            .arg(&self.data)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("hookline can be started");
        let output = Output { lines: Arc::default(), kept: self.lines_kept };
        let (found, address) = channel();
        output.follow(child.stdout.take().expect("stdout is piped"), found.clone());
        output.follow(child.stderr.take().expect("stderr is piped"), found);
        let address_unknown = ([127, 0, 0, 1], 0).into();
        let mut hookline =
            Hookline { start: self, child, output, address: address_unknown, first_answer_after: Duration::ZERO };
        hookline.address = hookline.announced(&address);
        let answer = Connection::new(hookline.address, None).get("/healthz").await;
        assert_eq!(answer.status, 200, "a service that listens answers");
        hookline.first_answer_after = started.elapsed();
        hookline
    }
}

/// A running service. It is killed when it is dropped.
#[derive(Debug)]
pub struct Hookline {
    start: Start,
    child: Child,
    output: Output,
    address: SocketAddr,
    first_answer_after: Duration,
}

impl Hookline {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its data folder.
    pub fn data(&self) -> &Path {
        &self.start.data
    }

    /// The token of the administrator of account `main`, from the file that a first start without a terminal writes.
    ///
    /// # Panics
    /// When there is none.
    pub fn admin_token(&self) -> String {
        let file = self.data().join("admin-token");
        std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display())).trim().to_owned()
    }

    /// A connection with the administrator's token.
    pub fn administrator(&self) -> Connection {
        Connection::new(self.address, Some(&self.admin_token()))
    }

    /// Runs another `hookline` command on the data folder while the service runs, and returns its result without the
    /// final newline.
    ///
    /// # Panics
    /// When it fails.
    pub fn command(&self, arguments: &[&str]) -> String {
        let output = Command::new(binary())
            .args(arguments)
            .arg("--data")
            .arg(self.data())
            .stdin(Stdio::null())
            .output()
            .expect("hookline can be started");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("results are text").trim_end().to_owned()
    }

    /// A new account, with the token of an administrator of it.
    pub fn create_account(&self, id: &str) -> String {
        self.command(&["account", "create", id, "--name", id, "--admin-mail", "admin@example.com"]);
        self.create_token(id, "administrator")
    }

    /// A new token of an account.
    pub fn create_token(&self, account: &str, role: &str) -> String {
        self.command(&["token", "create", "--account", account, "--person", "Ada", "--role", role])
    }

    /// Registers a webhook of account `main` and gives its id.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn create_webhook(&self, event: &str, uri: &str) -> u64 {
        let body = json!({"event": event, "uri": uri}).to_string();
        let answer = self.administrator().post("/v1/webhooks", body).await;
        assert_eq!(answer.status, 200, "{:?}", answer.body);
        answer.json()["id"].as_u64().expect("a webhook has an id")
    }

    /// `kill -9`: nothing is flushed and no connection is closed properly.
    ///
    /// # Panics
    /// When it cannot be killed.
    pub fn kill(mut self) -> Start {
        self.child.kill().expect("a child can be killed");
        self.child.wait().expect("a killed child ends");
        self.start.clone()
    }

    /// SIGTERM, and the exit that follows.
    ///
    /// # Panics
    /// When it does not end in time.
    pub async fn terminate(mut self) -> (Start, ExitStatus) {
        let pid = i32::try_from(self.pid()).ok().and_then(rustix::process::Pid::from_raw).expect("a process id");
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("a child can be told to end");
        let child = &mut self.child;
        let status = crate::wait_until::until("the process ends after SIGTERM", LIMIT, || {
            std::future::ready(child.try_wait().expect("a child can be waited for"))
        });
        let status = status.await;
        (self.start.clone(), status)
    }

    /// True while the process runs.
    pub fn lives(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Its output, as far as it is kept.
    pub fn last_lines(&self) -> String {
        self.output.text()
    }

    /// The time from the start of the process to its first answer.
    pub fn first_answer_after(&self) -> Duration {
        self.first_answer_after
    }

    fn announced(&self, address: &Receiver<SocketAddr>) -> SocketAddr {
        match address.recv_timeout(LIMIT) {
            Ok(address) => address,
            Err(RecvTimeoutError::Timeout) => panic!("no address within {LIMIT:?}:\n{}", self.output.text()),
            Err(RecvTimeoutError::Disconnected) => panic!("it ended at its start:\n{}", self.output.text()),
        }
    }
}

impl Drop for Hookline {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The last lines that the process wrote.
#[derive(Debug, Clone)]
struct Output {
    lines: Arc<Mutex<VecDeque<String>>>,
    kept: usize,
}

impl Output {
    /// Reads a stream to its end on a thread, so that the process never waits for a reader, and reports the first
    /// address.
    fn follow(&self, stream: impl Read + Send + 'static, found: Sender<SocketAddr>) {
        let (lines, kept) = (Arc::clone(&self.lines), self.kept);
        std::thread::spawn(move || {
            let mut found = Some(found);
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                if let Some(address) = listen_address(&line)
                    && let Some(found) = found.take()
                {
                    // The other stream may have reported it first.
                    let _ = found.send(address);
                }
                let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
                lines.push_back(line);
                while lines.len() > kept {
                    lines.pop_front();
                }
            }
        });
    }

    fn text(&self) -> String {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().flat_map(|line| ["  | ", line, "\n"]).collect()
    }
}

/// The loopback address with a real port that a line names.
fn listen_address(line: &str) -> Option<SocketAddr> {
    let (_, rest) = line.split_once("127.0.0.1:")?;
    let digits = rest.find(|character: char| !character.is_ascii_digit()).unwrap_or(rest.len());
    let port: u16 = rest[..digits].parse().ok()?;
    (port != 0).then(|| ([127, 0, 0, 1], port).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_in_lines() {
        let address = Some(([127, 0, 0, 1], 8080).into());
        assert_eq!(listen_address("listening on http://127.0.0.1:8080"), address);
        assert_eq!(listen_address("listen.address=127.0.0.1:8080 x"), address);
        assert_eq!(listen_address("asked for 127.0.0.1:0"), None);
        assert_eq!(listen_address("starting"), None);
    }
}
