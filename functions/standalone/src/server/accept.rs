//! Accepts connections, and pauses while the machine has none to give.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The first pause after a failure, when the machine has no more connections to give. It doubles up to the longest.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
const MAX_ACCEPT_PAUSE: Duration = Duration::from_secs(1);
/// How often failures are logged.
const LOG_EVERY: Duration = Duration::from_mins(1);

/// Accepts the next connection; `None` if that failed.
pub(super) async fn accept(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
    backoff: &mut AcceptBackoff,
) -> Option<(TcpStream, IpAddr, OwnedSemaphorePermit)> {
    let permit = Arc::clone(room).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => {
            backoff.pause = ACCEPT_PAUSE;
            Some((stream, peer.ip().to_canonical(), permit))
        }
        Err(error) => {
            if backoff.logged.is_none_or(|logged| logged.elapsed() >= LOG_EVERY) {
                tracing::warn!(%error, "accepting a connection failed");
                backoff.logged = Some(Instant::now());
            }
            tokio::time::sleep(backoff.pause).await;
            backoff.pause = (backoff.pause * 2).min(MAX_ACCEPT_PAUSE);
            None
        }
    }
}

/// Waits after connections that could not be accepted.
pub(super) struct AcceptBackoff {
    pause: Duration,
    logged: Option<Instant>,
}

impl Default for AcceptBackoff {
    fn default() -> Self {
        Self { pause: ACCEPT_PAUSE, logged: None }
    }
}
