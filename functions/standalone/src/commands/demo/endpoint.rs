//! An endpoint of the demonstration: keeps every message, and fails in the way that the demonstration sets.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode};
use bytes::Bytes;
use hookline_core::values::{Clock as _, System};
use tokio::net::TcpListener;

use crate::output::CommandError;
use crate::server;

/// A message as it came in.
#[derive(Debug, Clone)]
pub(super) struct ReceivedRequest {
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// When it came, epoch seconds.
    pub(super) at: i64,
    /// It was answered 200.
    pub(super) taken: bool,
}

#[derive(Default)]
struct ReceivedRequests {
    messages: Vec<ReceivedRequest>,
    /// How often each message was refused.
    refused: HashMap<String, u32>,
    /// Everything is answered 503.
    down: bool,
}

/// A running endpoint.
pub(super) struct DemoEndpoint {
    address: SocketAddr,
    inbox: Arc<Mutex<ReceivedRequests>>,
}

impl DemoEndpoint {
    /// Starts one that answers 500 to the first `failures` attempts of each message. That is the message's trouble: only
    /// 503 and its kind say that the host cannot work.
    pub(super) async fn start(failures: u32) -> Result<Self, CommandError> {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.map_err(CommandError::of)?;
        let address = listener.local_addr().map_err(CommandError::of)?;
        let inbox = Arc::new(Mutex::new(ReceivedRequests::default()));
        let theirs = Arc::clone(&inbox);
        let router = Router::new().fallback(move |request: Request| {
            let inbox = Arc::clone(&theirs);
            async move { receive(&inbox, request, failures).await }
        });
        let forever = std::future::pending();
        let patience = std::time::Duration::ZERO;
        tokio::spawn(server::serve(listener, router, Vec::new(), server::ServerLimits::default(), forever, patience));
        Ok(Self { address, inbox })
    }

    /// The host, as `GET /endpoint_hosts` names it.
    pub(super) fn host(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn uri(&self) -> String {
        format!("{}/hooks", self.host())
    }

    /// Answers 503 to everything from now on, or no longer.
    pub(super) fn set_down(&self, down: bool) {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner).down = down;
    }

    pub(super) fn messages(&self) -> Vec<ReceivedRequest> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner).messages.clone()
    }
}

async fn receive(inbox: &Mutex<ReceivedRequests>, request: Request, failures: u32) -> StatusCode {
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, 1 << 20).await else { return StatusCode::BAD_REQUEST };
    let id = head.headers.get("webhook-id").and_then(|id| id.to_str().ok()).unwrap_or_default().to_owned();
    let mut inbox = inbox.lock().unwrap_or_else(PoisonError::into_inner);
    let down = inbox.down;
    let refused = inbox.refused.entry(id).or_default();
    let status = match (down, *refused < failures) {
        (true, _) => StatusCode::SERVICE_UNAVAILABLE,
        (false, true) => StatusCode::INTERNAL_SERVER_ERROR,
        (false, false) => StatusCode::OK,
    };
    let taken = status == StatusCode::OK;
    *refused += u32::from(!taken);
    inbox.messages.push(ReceivedRequest { headers: head.headers, body, at: System.now().as_second(), taken });
    status
}
