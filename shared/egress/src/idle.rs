//! Connections that wait for the next request to the same host.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::connection::Connection;
use super::guard::VettedAddress;

/// How many connections to one host are kept.
const MAX_IDLE: usize = 128;
/// An endpoint closes the connection when its own time is over. Ours must be over well before.
const MARGIN: Duration = Duration::from_secs(1);

/// The idle connections to one endpoint host.
pub(crate) struct IdleConnections {
    /// No connection is kept longer.
    limit: Duration,
    state: Mutex<IdleState>,
}

#[derive(Default)]
struct IdleState {
    /// The one used last is the last.
    connections: Vec<(Connection, Instant)>,
    /// A task closes those that expire.
    is_watched: bool,
}

impl IdleConnections {
    pub(crate) fn new(limit: Duration) -> Arc<Self> {
        Arc::new(Self { limit, state: Mutex::default() })
    }

    /// A connection to one of these addresses that is still open. Others are closed.
    pub(crate) fn take(&self, addresses: &[VettedAddress]) -> Option<Connection> {
        loop {
            let (mut connection, until) = self.state().connections.pop()?;
            let is_usable = Instant::now() < until && addresses.contains(&connection.address);
            if is_usable && connection.stream.is_idle() {
                return Some(connection);
            }
        }
    }

    /// Keeps a connection for the next request, for less than the endpoint says that it does.
    pub(crate) fn put(self: &Arc<Self>, connection: Connection, timeout: Option<Duration>) {
        let keep_for = self.limit.min(timeout.map_or(self.limit, kept_for));
        if keep_for.is_zero() {
            return;
        }
        let mut state = self.state();
        if state.connections.len() < MAX_IDLE {
            state.connections.push((connection, Instant::now() + keep_for));
        }
        if !std::mem::replace(&mut state.is_watched, true) {
            tokio::spawn(close_expired(Arc::downgrade(self)));
        }
    }

    /// Closes what has expired. Gives the next moment when something will, or ends the watch.
    fn sweep(&self, now: Instant) -> Option<Instant> {
        let mut state = self.state();
        state.connections.retain(|(_, until)| now < *until);
        let next = state.connections.iter().map(|(_, until)| *until).min();
        state.is_watched = next.is_some();
        next
    }

    fn state(&self) -> std::sync::MutexGuard<'_, IdleState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long we keep a connection that the endpoint keeps for this long: a second less, or half of a short time.
fn kept_for(timeout: Duration) -> Duration {
    timeout.saturating_sub(MARGIN).max(timeout / 2)
}

async fn close_expired(idle: std::sync::Weak<IdleConnections>) {
    loop {
        let Some(next) = idle.upgrade().and_then(|idle| idle.sweep(Instant::now())) else { return };
        sleep_until(next).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_given_up_before_the_endpoint_closes_it() {
        for (endpoint, ours) in [(0, 0), (1000, 500), (2000, 1000), (3000, 2000), (60_000, 59_000)] {
            assert_eq!(kept_for(Duration::from_millis(endpoint)), Duration::from_millis(ours), "{endpoint}");
        }
    }
}
