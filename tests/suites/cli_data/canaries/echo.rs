//! An endpoint that echoes everything it got, as debugging ones do: in its headers' values, in their names, and in its
//! body, every time in another spelling, and so that what is secret lies across the end of what is kept.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use axum::extract::State;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode};
use tokio::sync::mpsc;

/// So much of a failure's body is kept.
const KEPT: usize = 1024;

/// What arrived: the path and the body.
pub(super) type Arrived = (String, Bytes);

/// By path: what is put across the end of what is kept, in turn.
type Cut = HashMap<&'static str, Vec<String>>;

/// A running endpoint.
pub(super) struct Echo {
    pub(super) address: SocketAddr,
    pub(super) arrivals: mpsc::UnboundedReceiver<Arrived>,
    cut: Arc<Mutex<Cut>>,
    server: tokio::task::JoinHandle<()>,
}

#[derive(Clone)]
struct Told {
    arrived: mpsc::UnboundedSender<Arrived>,
    count: Arc<Mutex<usize>>,
    cut: Arc<Mutex<Cut>>,
}

impl Echo {
    /// Starts one. `/gone` answers 410, `/ok` 200, everything else 500.
    pub(super) async fn start() -> Self {
        let (arrived, arrivals) = mpsc::unbounded_channel();
        let cut = Arc::default();
        let told = Told { arrived, count: Arc::default(), cut: Arc::clone(&cut) };
        let router = axum::Router::new().fallback(answer).with_state(told);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let server = tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        Self { address, arrivals, cut, server }
    }

    /// From now on these lie across the end of what is kept of answers from this path, in turn.
    pub(super) fn cut<const N: usize>(&self, path: &'static str, texts: [&str; N]) {
        let mut cut = self.cut.lock().unwrap_or_else(PoisonError::into_inner);
        cut.insert(path, texts.map(str::to_owned).into());
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(State(told): State<Told>, request: http::Request<Body>) -> Response<Body> {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap_or_default();
    let path = head.uri.path().to_owned();
    let lines: Vec<String> = head
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())))
        .chain([String::from_utf8_lossy(&body).into_owned()])
        .collect();
    let everything = lines.join("\n");
    let turn = {
        let mut count = told.count.lock().unwrap_or_else(PoisonError::into_inner);
        *count += 1;
        *count
    };
    let text = match turn % 6 {
        0 => everything,
        1 => STANDARD.encode(everything),
        2 => everything.bytes().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat(),
        3 => percent_encoding::utf8_percent_encode(&everything, percent_encoding::NON_ALPHANUMERIC).to_string(),
        4 => serde_json::to_string(&everything).expect("a text becomes JSON"),
        _ => everything.to_ascii_uppercase(),
    };
    let cut = told.cut.lock().unwrap_or_else(PoisonError::into_inner).get(path.as_str()).cloned().unwrap_or_default();
    let text = match cut.get(turn % (cut.len() + 1)) {
        // All but the last few characters of it are kept.
        Some(secret) => format!("{:.<width$}{secret}{text}", "", width = KEPT + 4 - secret.len()),
        None => text,
    };
    let status = match path.as_str() {
        "/gone" => StatusCode::GONE,
        "/ok" => StatusCode::OK,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    for (number, line) in lines.iter().enumerate() {
        let name = HeaderName::try_from(format!("x-echo-{number}")).expect("a name");
        let value = line.bytes().take(600).filter(|byte| *byte >= b' ').collect::<Vec<_>>();
        response.headers_mut().insert(name, HeaderValue::from_bytes(&value).expect("a value"));
        let word = line.rsplit(' ').next().unwrap_or_default().trim_end_matches('=');
        if let Ok(name) = HeaderName::try_from(format!("x-{word}")) {
            response.headers_mut().insert(name, HeaderValue::from_static("a name"));
        }
    }
    // The receiver may be gone; that is no failure.
    let _ = told.arrived.send((path, body));
    response
}
