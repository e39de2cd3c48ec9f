//! The endpoint, in a process of its own and as cheap as possible: it finds the body's end and the time in the payload,
//! answers 204, and notes how long the message took. What comes under `/fail` is answered with 500, what comes
//! under `/silent` never, and what comes under `/uncounted` is not noted. The same holds for [`TRICKS`], which have answers
//! of their own.

use std::io::{BufRead as _, BufReader};
use std::net::Ipv4Addr;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hookline_process::connection::Connection;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use crate::clock::now_ns;
use crate::load::{PAYLOAD, TIME_AT, TIME_DIGITS};

/// What arrived since the last report.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Report {
    /// How many messages.
    pub(crate) count: usize,
    /// Median from publishing to arrival, in microseconds.
    pub(crate) p50_us: u32,
    /// The same for the slowest of 100.
    pub(crate) p99_us: u32,
    /// When the last one came, on the shared clock.
    pub(crate) last_ns: u64,
}

/// The process, seen from the benchmark. It is killed when it is dropped.
pub(crate) struct Endpoint {
    child: Child,
    /// Where it listens.
    pub(crate) port: u16,
}

impl Endpoint {
    /// Starts one on 127.0.0.1.
    pub(crate) fn start() -> Self {
        Self::on(1)
    }

    /// Starts one that listens on this many loopback addresses, each an endpoint host of its own: see [`address`].
    pub(crate) fn on(hosts: u16) -> Self {
        let this = std::env::current_exe().expect("the path of this executable");
        let mut child = Command::new(this)
            .args(["endpoint", &hosts.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this executable starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("stdout is piped");
        BufReader::new(stdout).read_line(&mut line).expect("it tells its port");
        Self { child, port: line.trim().parse().expect("a port") }
    }

    /// Waits until this many messages have arrived, then starts counting again.
    pub(crate) async fn after(&self, count: usize, limit: Duration) -> Report {
        let mut connection = Connection::new(([127, 0, 0, 1], self.port).into(), None);
        let path = format!("/after/{count}");
        let answer = tokio::time::timeout(limit, connection.get(&path)).await;
        let answer = answer.unwrap_or_else(|_| panic!("{count} messages did not arrive within {limit:?}"));
        serde_json::from_slice(&answer.body).expect("a report")
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The loopback address of a host: 127.0.0.1, 127.0.0.2, and so on.
pub(crate) fn address(host: u16) -> Ipv4Addr {
    let [high, low] = (host + 1).to_be_bytes();
    Ipv4Addr::new(127, 0, high, low)
}

#[derive(Default)]
struct Arrived {
    latencies_us: Vec<u32>,
    last_ns: u64,
    /// The number of messages that the caller waits for.
    awaited: usize,
}

#[derive(Default)]
struct Book {
    arrived: Mutex<Arrived>,
    reached: Notify,
}

impl Book {
    fn note(&self, body: &[u8]) {
        let now = now_ns();
        let published = time_in(body).unwrap_or(now);
        let mut arrived = self.arrived.lock().unwrap_or_else(PoisonError::into_inner);
        arrived.latencies_us.push(u32::try_from(now.saturating_sub(published) / 1_000).unwrap_or(u32::MAX));
        arrived.last_ns = now;
        if arrived.awaited > 0 && arrived.latencies_us.len() >= arrived.awaited {
            self.reached.notify_one();
        }
    }

    async fn after(&self, count: usize) -> Report {
        loop {
            {
                let mut arrived = self.arrived.lock().unwrap_or_else(PoisonError::into_inner);
                if arrived.latencies_us.len() >= count {
                    let mut latencies = std::mem::take(&mut *arrived);
                    latencies.latencies_us.sort_unstable();
                    return report(&latencies);
                }
                arrived.awaited = count;
            }
            self.reached.notified().await;
        }
    }
}

fn report(arrived: &Arrived) -> Report {
    let sorted = &arrived.latencies_us;
    let at = |percent: usize| sorted.get((sorted.len() * percent).div_ceil(100).saturating_sub(1)).copied();
    Report {
        count: sorted.len(),
        p50_us: at(50).unwrap_or_default(),
        p99_us: at(99).unwrap_or_default(),
        last_ns: arrived.last_ns,
    }
}

/// The time in the payload, which is the last thing of every body.
fn time_in(body: &[u8]) -> Option<u64> {
    let payload = body.len().checked_sub(1 + PAYLOAD)?;
    let digits = body.get(payload + TIME_AT..payload + TIME_AT + TIME_DIGITS)?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// The main function of the process: listens on this many addresses, prints the port, and serves until it is killed.
pub(crate) async fn run(hosts: u16) {
    let book = Arc::new(Book::default());
    let mut port = 0;
    for host in 0..hosts {
        let listener = TcpListener::bind((address(host), port)).await.expect("a free port on loopback");
        port = listener.local_addr().expect("a bound socket has an address").port();
        let book = Arc::clone(&book);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&book)));
            }
        });
    }
    println!("{port}");
    std::future::pending::<()>().await;
}

const SUCCESS: &[u8] = b"HTTP/1.1 204 No Content\r\n\r\n";
const FAILURE: &[u8] = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n";

/// Answers to what comes under these paths.
const TRICKS: [(&[u8], Trick); 7] = [
    (b"POST /backslashes", Trick::Backslashes),
    (b"POST /busy", Trick::Status("503 Service Unavailable")),
    (b"POST /hold", Trick::Status("503 Service Unavailable\r\nRetry-After: 3600")),
    (b"POST /gone", Trick::Status("410 Gone")),
    (b"POST /wrong", Trick::Status("500 Internal Server Error")),
    (b"POST /slow", Trick::Slow),
    (b"POST /interim", Trick::Interim),
];

/// What an endpoint does to its neighbours.
#[derive(Clone, Copy)]
enum Trick {
    /// A header of 8 KB.
    Backslashes,
    /// A status line, and maybe a header.
    Status(&'static str),
    /// An answer after 50 ms.
    Slow,
    /// Interim answers until the other side has had enough.
    Interim,
}

impl Trick {
    fn of(request: &[u8]) -> Option<Self> {
        TRICKS.iter().find(|(path, _)| request.starts_with(path)).map(|(_, trick)| *trick)
    }

    async fn answer(self, stream: &mut TcpStream) -> std::io::Result<()> {
        let answer = match self {
            Self::Backslashes => {
                format!("HTTP/1.1 200 OK\r\nX-Echo: {}\r\nContent-Length: 0\r\n\r\n", "\\".repeat(8_000))
            }
            Self::Status(status) => format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n"),
            Self::Slow => {
                tokio::time::sleep(Duration::from_millis(50)).await;
                return stream.write_all(SUCCESS).await;
            }
            Self::Interim => loop {
                stream.write_all(b"HTTP/1.1 102 Processing\r\n\r\n").await?;
            },
        };
        stream.write_all(answer.as_bytes()).await
    }
}

async fn serve(mut stream: TcpStream, book: Arc<Book>) {
    let _ = stream.set_nodelay(true);
    let mut buffer = Vec::with_capacity(16 * 1024);
    loop {
        let Some((head, length)) = head(&buffer) else {
            match stream.read_buf(&mut buffer).await {
                Ok(read) if read > 0 && buffer.len() < 1024 * 1024 => continue,
                _ => return,
            }
        };
        while buffer.len() < head + length {
            match stream.read_buf(&mut buffer).await {
                Ok(read) if read > 0 => {}
                _ => return,
            }
        }
        let written = if let Some(count) = awaited(&buffer) {
            let body = serde_json::to_string(&book.after(count).await).expect("a report is JSON");
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
            stream.write_all(answer.as_bytes()).await
        } else if let Some(trick) = Trick::of(&buffer) {
            trick.answer(&mut stream).await
        } else if buffer.starts_with(b"POST /silent") {
            std::future::pending().await
        } else {
            if !buffer.starts_with(b"POST /uncounted") {
                book.note(&buffer[head..head + length]);
            }
            let fails = buffer.starts_with(b"POST /fail");
            stream.write_all(if fails { FAILURE } else { SUCCESS }).await
        };
        if written.is_err() {
            return;
        }
        buffer.drain(..head + length);
    }
}

/// Lengths of the head and of the body that it announces, once the head is there.
fn head(buffer: &[u8]) -> Option<(usize, usize)> {
    const NAME: &[u8] = b"content-length: ";
    let mut length = 0;
    let mut start = 0;
    while let Some(end) = buffer[start..].iter().position(|byte| *byte == b'\n') {
        let line = &buffer[start..start + end];
        start += end + 1;
        if line == b"\r" {
            return Some((start, length));
        }
        if line.len() > NAME.len() && line[..NAME.len()].eq_ignore_ascii_case(NAME) {
            let digits = std::str::from_utf8(line[NAME.len()..].trim_ascii()).ok()?;
            length = digits.parse().ok()?;
        }
    }
    None
}

fn awaited(request: &[u8]) -> Option<usize> {
    let rest = request.strip_prefix(b"GET /after/")?;
    let end = rest.iter().position(|byte| !byte.is_ascii_digit())?;
    std::str::from_utf8(&rest[..end]).ok()?.parse().ok()
}
