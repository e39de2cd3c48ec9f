//! An endpoint on loopback that reads HTTP/1.1 by itself, so that a test sees exactly what was on the wire: the head
//! with the case and order of its names, and the body as bytes. What it answers is scripted.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// The largest request that a receiver reads; a larger one closes the connection.
const MAX_REQUEST: usize = 4 * 1024 * 1024;

/// A request that arrived.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// The request target.
    pub path: String,
    /// Names and values in their order and case.
    pub headers: Vec<(String, String)>,
    /// The body: as many bytes as `Content-Length` says.
    pub body: Bytes,
}

impl Arrival {
    /// The value of a header, whatever the case of its name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| &**value)
    }

    /// The value of a header that every message has.
    ///
    /// # Panics
    /// When it is missing.
    pub fn required(&self, name: &str) -> &str {
        self.header(name).unwrap_or_else(|| panic!("{name} is missing in {:?}", self.headers))
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("a message is JSON")
    }
}

/// What is answered to a request.
#[derive(Debug, Clone, Copy)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// How long the answer is held back.
    pub delay: Duration,
}

impl Reply {
    /// An answer at once.
    pub fn status(status: u16) -> Self {
        Self { status, delay: Duration::ZERO }
    }
}

/// A [`Reply`] with more than its status.
#[derive(Debug, Clone, Copy)]
pub struct Scripted {
    reply: Reply,
    retry_after: Option<u32>,
}

impl From<Reply> for Scripted {
    fn from(reply: Reply) -> Self {
        Self { reply, retry_after: None }
    }
}

impl Reply {
    /// The same with `Retry-After`, in seconds.
    pub fn retry_after(self, seconds: u32) -> Scripted {
        Scripted { reply: self, retry_after: Some(seconds) }
    }
}

/// A running endpoint. It ends when it is dropped.
#[derive(Debug)]
pub struct Receiver {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Receiver {
    /// Starts one on a free port of 127.0.0.1. The script sees every request before it is answered.
    ///
    /// # Panics
    /// When no port can be had.
    pub async fn start<R: Into<Scripted> + 'static>(script: impl Fn(&Arrival) -> R + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port on loopback");
        let address = listener.local_addr().expect("a bound socket has an address");
        let task = tokio::spawn(accept(listener, Arc::new(script)));
        Self { address, task }
    }

    /// Starts one that answers 204 and hands over what arrives.
    pub async fn keeping() -> (Self, mpsc::UnboundedReceiver<Arrival>) {
        let (arrived, arrivals) = mpsc::unbounded_channel();
        let receiver = Self::start(move |arrival| {
            // The receiver may be gone; that is no failure.
            let _ = arrived.send(arrival.clone());
            Reply::status(204)
        });
        (receiver.await, arrivals)
    }

    /// The URI of a path on it.
    pub fn uri(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The next arrival.
///
/// # Panics
/// When none comes within 20 seconds.
pub async fn next(arrivals: &mut mpsc::UnboundedReceiver<Arrival>) -> Arrival {
    let arrival = tokio::time::timeout(Duration::from_mins(2), arrivals.recv()).await;
    arrival.expect("a message arrives within 20 s").expect("the receiver runs")
}

/// Serves every connection that comes, for as long as it is polled.
pub async fn accept<R, S>(listener: TcpListener, script: Arc<S>)
where
    R: Into<Scripted> + 'static,
    S: Fn(&Arrival) -> R + Send + Sync + 'static,
{
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(serve(stream, Arc::clone(&script)));
        while connections.try_join_next().is_some() {}
    }
}

async fn serve<R: Into<Scripted>, S: Fn(&Arrival) -> R>(mut stream: TcpStream, script: Arc<S>) {
    let _ = stream.set_nodelay(true);
    let mut buffer = BytesMut::with_capacity(8 * 1024);
    while let Some(arrival) = read_request(&mut stream, &mut buffer).await {
        let Scripted { reply, retry_after } = script(&arrival).into();
        if !reply.delay.is_zero() {
            tokio::time::sleep(reply.delay).await;
        }
        let length = if reply.status == 204 { "" } else { "Content-Length: 0\r\n" };
        let wait = retry_after.map(|seconds| format!("Retry-After: {seconds}\r\n")).unwrap_or_default();
        let answer = format!("HTTP/1.1 {} Scripted\r\n{length}{wait}\r\n", reply.status);
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// The next request of a connection; `None` at its end and for what is no request with a `Content-Length`.
async fn read_request(stream: &mut TcpStream, buffer: &mut BytesMut) -> Option<Arrival> {
    let head_length = loop {
        if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        more(stream, buffer).await?;
    };
    let head = std::str::from_utf8(&buffer[..head_length]).ok()?;
    let mut lines = head.split("\r\n");
    let path = lines.next()?.split(' ').nth(1)?.to_owned();
    let header = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned()));
    let headers: Vec<_> = lines.map(header).collect::<Option<_>>()?;
    let mut arrival = Arrival { path, headers, body: Bytes::new() };
    let length: usize = arrival.header("content-length").unwrap_or("0").parse().ok()?;
    buffer.advance(head_length + 4);
    while buffer.len() < length {
        more(stream, buffer).await?;
    }
    arrival.body = buffer.split_to(length).freeze();
    Some(arrival)
}

async fn more(stream: &mut TcpStream, buffer: &mut BytesMut) -> Option<()> {
    let read = stream.read_buf(buffer).await.ok()?;
    (read > 0 && buffer.len() <= MAX_REQUEST).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::Connection;

    #[tokio::test]
    async fn it_keeps_bytes_case_and_order_and_answers_as_told() {
        let (receiver, mut arrivals) = Receiver::keeping().await;
        let mut stream = TcpStream::connect(receiver.address).await.unwrap();
        let request = b"POST /a?b HTTP/1.1\r\nX-ODD: 1\r\ncontent-LENGTH: 4\r\n\r\n\xff\r\n\0";
        stream.write_all(request).await.unwrap();
        let arrival = next(&mut arrivals).await;
        assert_eq!(arrival.path, "/a?b");
        assert_eq!(arrival.headers[0], ("X-ODD".to_owned(), "1".to_owned()));
        assert_eq!(arrival.body, Bytes::from_static(b"\xff\r\n\0"));

        let failing = Receiver::start(|arrival| Reply::status(if arrival.path == "/ok" { 200 } else { 500 })).await;
        let mut connection = Connection::new(failing.address, None);
        assert_eq!(connection.post("/ok", "{}").await.status, 200);
        assert_eq!(connection.post("/other", "{}").await.status, 500);
    }
}
