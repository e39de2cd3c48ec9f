//! What stands in for AWS: a DynamoDB (dynoxide) and the other services (ministack), each one process on a free port of
//! loopback for all tests of an executable. They end with it: both wait for the end of their standard input. Every test
//! has a table, queues, a key and a sender of its own. `tests/stack/install.sh` brings both.

pub mod fault_proxy;
pub mod resources;

use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use aws_credential_types::Credentials;
use hookline_aws::{AwsAccess, AwsClients, AwsEndpoints};

/// The region that all of it is in.
pub const REGION: &str = "us-east-1";
/// How long a start may take.
const LIMIT: Duration = Duration::from_mins(1);

/// A running process, and where it listens. Its standard input stays open as long as this value lives.
#[derive(Debug)]
struct Server {
    url: String,
    _child: Child,
}

impl Server {
    fn start(command: &mut Command, port: u16) -> Self {
        let child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let server = Self { url: format!("http://127.0.0.1:{port}"), _child: child.expect("a server can be started") };
        let deadline = Instant::now() + LIMIT;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < deadline, "{command:?} does not listen");
            std::thread::sleep(Duration::from_millis(10));
        }
        server
    }
}

/// Where the DynamoDB is.
pub fn dynamodb() -> &'static str {
    static SERVER: OnceLock<Server> = OnceLock::new();
    let start = || {
        let port = free_port();
        // The shell ends it when there is nothing more to read.
        let script = "\"$0\" serve --log quiet --port \"$1\" & read -r _; kill $!";
        let dynoxide = installed("dynoxide/bin/dynoxide");
        Server::start(Command::new("sh").args(["-c", script]).arg(dynoxide).arg(port.to_string()), port)
    };
    &SERVER.get_or_init(start).url
}

/// Where all other services are.
pub fn services() -> &'static str {
    static SERVER: OnceLock<Server> = OnceLock::new();
    let start = || {
        let port = free_port();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("stack/services.py");
        let mut command = Command::new(installed("venv/bin/python"));
        command.arg(script).env("BIND_HOST", "127.0.0.1").env("GATEWAY_PORT", port.to_string());
        command.env("IOT_MTLS_ENABLED", "0").env("AWS_DEFAULT_REGION", REGION);
        Server::start(command.env("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{port}")), port)
    };
    &SERVER.get_or_init(start).url
}

/// Clients of the DynamoDB alone.
pub fn dynamodb_clients() -> AwsClients {
    AwsClients::new(&access(None)).expect("clients")
}

/// Clients of a DynamoDB that is reached there.
pub fn dynamodb_clients_by(url: &str) -> AwsClients {
    let endpoints = AwsEndpoints { all: None, dynamodb: Some(url.to_owned()) };
    AwsClients::new(&AwsAccess { endpoints, ..access(None) }).expect("clients")
}

/// Clients of everything.
pub fn clients() -> AwsClients {
    AwsClients::new(&access(Some(services().to_owned()))).expect("clients")
}

fn access(all: Option<String>) -> AwsAccess {
    AwsAccess {
        region: REGION.to_owned(),
        credentials: Credentials::new("test", "test", None, None, "tests"),
        endpoints: AwsEndpoints { all, dynamodb: Some(dynamodb().to_owned()) },
    }
}

/// What `tests/stack/install.sh` put under the target folder.
fn installed(name: &str) -> PathBuf {
    let this = std::env::current_exe().expect("the path of this executable");
    let profile = this.ancestors().find(|folder| folder.join("deps").is_dir()).expect("a build folder");
    let path = profile.parent().expect("a target folder").join("aws").join(name);
    assert!(path.exists(), "{} is missing: run tests/stack/install.sh first", path.display());
    path
}

/// A port that is free at this moment.
fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    listener.local_addr().expect("an address").port()
}
