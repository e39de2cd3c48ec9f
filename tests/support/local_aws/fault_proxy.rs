//! What can go wrong on the way to DynamoDB: a proxy in front of it that throttles, fails, falls silent, or cuts the
//! connection, before a call was made or after.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::dynamodb;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InjectedFault {
    /// 400, as a table answers that is asked too much.
    Throttled,
    /// 500.
    Failed,
    /// No answer for a long time, and the call is not made.
    Silent,
    /// The connection is cut before the call is made.
    CutBefore,
    /// The call is made, and the connection is cut instead of an answer.
    CutAfter,
}

/// Longer than any client waits for one answer.
const SILENCE: Duration = Duration::from_secs(10);

/// The proxy. It ends when this is dropped.
pub struct FaultProxy {
    address: SocketAddr,
    calls: Arc<AtomicU64>,
    server: JoinHandle<()>,
}

impl FaultProxy {
    /// Starts it. `plan` says what goes wrong with a call, by its number from 0 on.
    ///
    /// # Panics
    /// When there is no free port.
    pub async fn start(plan: impl Fn(u64) -> Option<InjectedFault> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port on loopback");
        let address = listener.local_addr().expect("a bound socket has an address");
        let calls = Arc::new(AtomicU64::new(0));
        let (plan, counter, client) = (Arc::new(plan), Arc::clone(&calls), reqwest::Client::new());
        let server = tokio::spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else { continue };
                let (plan, counter, client) = (Arc::clone(&plan), Arc::clone(&counter), client.clone());
                let service = service_fn(move |request| {
                    let wrong = plan(counter.fetch_add(1, Ordering::Relaxed));
                    answer(client.clone(), request, wrong)
                });
                // A connection that was cut is no error here.
                tokio::spawn(async move {
                    drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
                });
            }
        });
        Self { address, calls, server }
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many calls came so far.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// The error of a service cuts the connection.
fn cut() -> std::io::Error {
    std::io::Error::other("the connection is cut")
}

async fn answer(
    client: reqwest::Client,
    request: Request<Incoming>,
    wrong: Option<InjectedFault>,
) -> Result<Response<Full<Bytes>>, std::io::Error> {
    match wrong {
        None => forward(&client, request).await,
        Some(InjectedFault::Throttled) => Ok(error(
            StatusCode::BAD_REQUEST,
            r#"{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException","message":"too much"}"#,
        )),
        Some(InjectedFault::Failed) => Ok(error(
            StatusCode::INTERNAL_SERVER_ERROR,
            r#"{"__type":"com.amazonaws.dynamodb.v20120810#InternalServerError","message":"Internal server error"}"#,
        )),
        Some(InjectedFault::Silent) => {
            tokio::time::sleep(SILENCE).await;
            Err(cut())
        }
        Some(InjectedFault::CutBefore) => Err(cut()),
        Some(InjectedFault::CutAfter) => {
            forward(&client, request).await?;
            Err(cut())
        }
    }
}

fn error(status: StatusCode, body: &'static str) -> Response<Full<Bytes>> {
    let response = Response::builder().status(status).header("content-type", "application/x-amz-json-1.0");
    response.body(Full::from(body)).expect("a response of constants")
}

async fn forward(
    client: &reqwest::Client,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, std::io::Error> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(|_| cut())?.to_bytes();
    let mut call = client.post(dynamodb()).body(body);
    for (name, value) in head.headers.iter().filter(|(name, _)| !matches!(name.as_str(), "host" | "content-length")) {
        call = call.header(name, value);
    }
    let answer = call.send().await.map_err(|_| cut())?;
    let mut response = Response::builder().status(answer.status());
    for (name, value) in answer.headers().iter().filter(|(name, _)| *name != "transfer-encoding") {
        response = response.header(name, value);
    }
    let body = answer.bytes().await.map_err(|_| cut())?;
    Ok(response.body(Full::from(body)).expect("an answer can be given on"))
}
