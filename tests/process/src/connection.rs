//! One keep-alive connection of an HTTP client: a thin layer on hyper, so that it costs little beside what it measures.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// A call without an answer: connecting failed, or the connection broke.
pub type Broken = Box<dyn std::error::Error + Send + Sync>;

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

impl Answer {
    /// The body as JSON.
    ///
    /// # Panics
    /// If it is not JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }
}

/// A connection that is opened when first needed, and again after it broke.
#[derive(Debug)]
pub struct Connection {
    address: SocketAddr,
    token: Option<String>,
    sender: Option<SendRequest<Full<Bytes>>>,
}

impl Connection {
    /// A connection to `address` whose calls carry `token`.
    pub fn new(address: SocketAddr, token: Option<&str>) -> Self {
        Self { address, token: token.map(|token| format!("Bearer {token}")), sender: None }
    }

    /// Where the calls go.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// One call, with a JSON body if there is one. It is never repeated.
    ///
    /// # Errors
    /// [`Broken`] when the connection fails before the answer has been read. The call may have been carried out.
    pub async fn call(&mut self, method: Method, path: &str, body: Option<Bytes>) -> Result<Answer, Broken> {
        let mut request = Request::builder().method(method).uri(path).header("host", self.address.to_string());
        if let Some(token) = &self.token {
            request = request.header("authorization", token);
        }
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        self.exchange(request.body(Full::new(body.unwrap_or_default()))?).await
    }

    /// Sends a request unchanged except for `Host`. It is never repeated.
    ///
    /// # Errors
    /// As [`Connection::call`].
    pub async fn send(&mut self, request: Request<Bytes>) -> Result<Answer, Broken> {
        let mut request = request.map(Full::new);
        if !request.headers().contains_key("host") {
            request.headers_mut().insert("host", self.address.to_string().parse()?);
        }
        self.exchange(request).await
    }

    async fn exchange(&mut self, request: Request<Full<Bytes>>) -> Result<Answer, Broken> {
        let sender = self.open().await?;
        let answer = async {
            let (head, body) = sender.send_request(request).await?.into_parts();
            let body = body.collect().await?.to_bytes();
            Ok(Answer { status: head.status, headers: head.headers, body })
        };
        let answer = answer.await;
        if answer.is_err() {
            self.sender = None;
        }
        answer
    }

    /// `GET`, where a broken connection is a failure of the test.
    ///
    /// # Panics
    /// When there is no answer.
    pub async fn get(&mut self, path: &str) -> Answer {
        self.call(Method::GET, path, None).await.unwrap_or_else(|error| panic!("GET {path}: {error}"))
    }

    /// `POST`, where a broken connection is a failure of the test.
    ///
    /// # Panics
    /// When there is no answer.
    pub async fn post(&mut self, path: &str, body: impl Into<Bytes>) -> Answer {
        self.call(Method::POST, path, Some(body.into())).await.unwrap_or_else(|error| panic!("POST {path}: {error}"))
    }

    async fn open(&mut self) -> Result<&mut SendRequest<Full<Bytes>>, Broken> {
        let ready = match &mut self.sender {
            Some(sender) => !sender.is_closed() && sender.ready().await.is_ok(),
            None => false,
        };
        if !ready {
            let stream = TcpStream::connect(self.address).await?;
            stream.set_nodelay(true)?;
            let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
            tokio::spawn(connection);
            self.sender = Some(sender);
        }
        self.sender.as_mut().ok_or_else(|| "the connection was opened just now".into())
    }
}
