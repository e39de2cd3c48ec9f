//! `hookline top` beside a working service: what it shows on a terminal, in a pipe and as JSON, and how it ends.
//!
//! `cargo build --workspace` with the same profile comes first.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use hookline_tests::hookline::{Hookline, Start, binary};
use hookline_tests::receiver::{Receiver, Reply};
use hookline_tests::wait_until::until;
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_mins(2);
/// A name that turns around what follows it. The API takes no control characters.
const HOSTILE: &str = "\u{202e}owned";

/// A service with a webhook that fails, and its metrics.
struct Watched {
    hookline: Hookline,
    metrics: SocketAddr,
    _endpoint: Receiver,
    _folder: tempfile::TempDir,
}

impl Watched {
    async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let metrics = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port");
        let start = Start::on(&folder.path().join("data")).with("HOOKLINE_METRICS_LISTEN", metrics.port().to_string());
        let hookline = start.serve().await;
        let endpoint = Receiver::start(|_| Reply::status(404)).await;
        let webhook = json!({"event": "risk.create", "uri": endpoint.uri("/"), "name": HOSTILE}).to_string();
        assert_eq!(hookline.administrator().post("/v1/webhooks", webhook).await.status, 200);
        Self { hookline, metrics, _endpoint: endpoint, _folder: folder }
    }

    async fn publish(&self) {
        let event = json!({"event": "risk.create", "object_id": 1}).to_string();
        assert_eq!(self.hookline.administrator().post("/v1/events", event).await.status, 202);
    }

    /// Waits until a failure is counted: counts are written every ten seconds.
    async fn counted(&self) {
        self.publish().await;
        until("the failures are counted", PATIENCE, || async {
            let counts = self.hookline.administrator().get("/v1/counts?by=webhook").await.json();
            counts.as_array().is_some_and(|counts| !counts.is_empty()).then_some(())
        })
        .await;
    }

    fn top(&self) -> Command {
        let mut command = Command::new(binary());
        command.args(["top", "--metrics", &format!("http://{}", self.metrics)]);
        command.args(["--url", &format!("http://{}", self.hookline.address())]).env_remove("HOOKLINE_TOKEN");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn token(&self) -> String {
        self.hookline.data().join("admin-token").to_str().expect("a name in UTF-8").to_owned()
    }
}

async fn ends(mut command: Command) -> Output {
    let output = tokio::task::spawn_blocking(move || command.output()).await.expect("no panic");
    output.expect("hookline can be started")
}

fn interrupt(child: &Child) {
    let id = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw).expect("a process id");
    rustix::process::kill_process(id, rustix::process::Signal::INT).expect("it lives");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_block_has_the_figures_and_the_worst_webhooks() {
    let service = Watched::start().await;
    service.counted().await;
    let mut command = service.top();
    command.args(["--once", "--token-file", &service.token()]);
    let output = ends(command).await;
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for part in [
        concat!("hookline ", env!("CARGO_PKG_VERSION"), " at 127.0.0.1:"),
        "events      accepted ",
        "deliveries  succeeded ",
        "queue       waiting ",
        "hosts       throttled 0",
        "Webhooks of the account with most failures since 20",
        "\\u202eowned",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains('\u{1b}'), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_pipe_each_interval_is_a_line_and_rates_are_of_now() {
    let service = Watched::start().await;
    let mut command = service.top();
    let mut child = command.arg("--json").spawn().expect("hookline can be started");
    let mut lines = BufReader::new(child.stdout.take().expect("stdout is piped")).lines();
    let mut next = || -> Value {
        let line = lines.next().expect("one more line").expect("UTF-8");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    };
    assert!(next()["events"]["accepted"].as_f64().is_some_and(|rate| rate.abs() < f64::EPSILON));
    service.publish().await;
    while next()["events"]["accepted"].as_f64().is_none_or(|rate| rate <= 0.0) {}
    // Without a token nothing is said about webhooks.
    assert_eq!(next()["failing_webhooks"], Value::Null);
    interrupt(&child);
    assert!(child.wait().expect("it ends").success());

    let mut child = service.top().spawn().expect("hookline can be started");
    let line = BufReader::new(child.stdout.take().expect("stdout is piped")).lines().next().expect("a line");
    let line = line.expect("UTF-8");
    assert!(line.contains("Z accepted ") && line.contains(", hosts throttled 0"), "{line}");
    interrupt(&child);
    assert!(child.wait().expect("it ends").success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_terminal_is_redrawn_and_restored() {
    let service = Watched::start().await;
    service.counted().await;
    let command = format!(
        "trap : INT; stty cols 60 rows 20; before=$(stty -g); {} top --metrics http://{} --url http://{} --token-file {}; \
         echo \"ended with $?\"; [ \"$before\" = \"$(stty -g)\" ] && echo unchanged",
        binary().display(),
        service.metrics,
        service.hookline.address(),
        service.token()
    );
    // `script` is a terminal whose keyboard is our pipe.
    let mut terminal = Command::new("script");
    terminal.args(["--quiet", "--return", "--command", &command, "/dev/null"]).env("SHELL", "/bin/sh");
    let mut terminal =
        terminal.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("`script` of util-linux is installed");
    let mut keyboard = terminal.stdin.take().expect("stdin is piped");
    let mut screen = terminal.stdout.take().expect("stdout is piped");
    let shown = tokio::task::spawn_blocking(move || {
        let (mut shown, mut chunk, mut interrupted) = (String::new(), [0; 4096], false);
        while let Ok(length @ 1..) = screen.read(&mut chunk) {
            shown += &String::from_utf8_lossy(&chunk[..length]);
            if !interrupted && shown.contains("owned") && shown.matches("\u{1b}[H").count() > 2 {
                keyboard.write_all(b"\x03").expect("Ctrl-C can be typed");
                interrupted = true;
            }
        }
        shown
    });
    let shown = shown.await.expect("no panic");
    terminal.wait().expect("it ends");
    let (_, drawn) = shown.split_once("\u{1b}[?1049h\u{1b}[?25l\u{1b}[?7l").expect("the other screen is opened");
    let (drawn, after) = drawn.split_once("\u{1b}[?7h\u{1b}[?25h\u{1b}[?1049l").expect("the screen is restored");
    assert!(after.contains("ended with 0") && after.contains("unchanged"), "{after}");
    for screen in drawn.split("\u{1b}[H").skip(1) {
        assert!(screen.lines().count() <= 20, "{screen}");
        assert!(screen.contains("\u{1b}[K") && screen.contains("\u{1b}[J"), "{screen:?}");
    }
    assert!(!drawn.contains(HOSTILE) && drawn.contains("\\u202eowned"), "{drawn}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_answer_is_said() {
    let service = Watched::start().await;
    let elsewhere = |metrics: String| {
        let mut command = Command::new(binary());
        command.args(["top", "--once", "--metrics", &metrics]).stdin(Stdio::null()).env_remove("HOOKLINE_TOKEN");
        command
    };
    for (address, reason) in [
        ("127.0.0.1:1".to_owned(), "HOOKLINE_METRICS_LISTEN"),
        (service.hookline.address().to_string(), "shows no metrics of Hookline"),
    ] {
        let output = ends(elsewhere(format!("http://{address}"))).await;
        assert_eq!(output.status.code(), Some(1));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains(reason), "{said}");
    }
    // A token that is not good hides the webhooks alone.
    let mut command = service.top();
    command.arg("--once").env("HOOKLINE_TOKEN", "hl_wrong");
    let output = ends(command).await;
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("refused the counts (401 Unauthorized)"), "{text}");

    // A service that stops is waited for.
    let mut child = service.top().spawn().expect("hookline can be started");
    let mut lines = BufReader::new(child.stdout.take().expect("stdout is piped")).lines();
    lines.next().expect("a line").expect("UTF-8");
    let (start, status) = service.hookline.terminate().await;
    assert!(status.success());
    let said = BufReader::new(child.stderr.take().expect("stderr is piped")).lines().next().expect("a line");
    assert!(said.expect("UTF-8").contains("does not answer"));
    let _again = start.serve().await;
    lines.next().expect("a line").expect("UTF-8");
    interrupt(&child);
    assert!(child.wait().expect("it ends").success());
}
