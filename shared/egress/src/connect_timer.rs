//! Measures the phases of a connection, and ends those that take too long.
//!
//! The HTTP client opens connections deep inside, and sometimes for another request than the one that asked (it races
//! a new connection against one that becomes free). So each request carries a [`ConnectTimer`] in a task-local value. The layer
//! around the client's connector takes it along into the future that connects, wherever that is polled later. The
//! start of the TLS handshake is seen by the session store: it is asked for a hint when the first message is made.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use hookline_core::ports::TlsInfo;
use jiff::Timestamp;
use rustls::NamedGroup;
use rustls::client::{ClientSessionStore, Tls12ClientSessionValue, Tls13ClientSessionValue};
use rustls::pki_types::ServerName;
use tokio::time::{Instant, timeout_at};
use tower::{Layer, Service};

tokio::task_local! {
    static DIAL: Arc<ConnectTimer>;
}

/// One request's wish for a connection: until when it may take, and when what happened.
#[derive(Debug)]
pub(crate) struct ConnectTimer {
    until: Instant,
    began: OnceLock<Instant>,
    tls_began: OnceLock<Instant>,
    connected: OnceLock<Instant>,
    tls_version: OnceLock<&'static str>,
    certificate_expires_at: OnceLock<Option<Timestamp>>,
}

/// How far a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConnectStage {
    /// None was opened: one from the pool serves.
    Pooled,
    /// No answer to TCP's first packet yet.
    Connecting,
    /// The TLS handshake is not over.
    Handshake,
    /// It is open.
    Open,
}

impl ConnectTimer {
    pub(crate) fn new(until: Instant) -> Arc<Self> {
        Arc::new(Self {
            until,
            began: OnceLock::new(),
            tls_began: OnceLock::new(),
            connected: OnceLock::new(),
            tls_version: OnceLock::new(),
            certificate_expires_at: OnceLock::new(),
        })
    }

    /// Runs a request so that its connection is measured here.
    pub(crate) async fn measure<F: Future>(self: &Arc<Self>, request: F) -> F::Output {
        DIAL.scope(Arc::clone(self), request).await
    }

    pub(crate) fn stage(&self) -> ConnectStage {
        match (self.began.get(), self.tls_began.get(), self.connected.get()) {
            (None, _, _) => ConnectStage::Pooled,
            (Some(_), _, Some(_)) => ConnectStage::Open,
            (Some(_), Some(_), None) => ConnectStage::Handshake,
            (Some(_), None, None) => ConnectStage::Connecting,
        }
    }

    /// When the connection was open, if it was opened for this request.
    pub(crate) fn connected(&self) -> Option<Instant> {
        self.connected.get().copied()
    }

    /// How long TCP's handshake took.
    pub(crate) fn connect_time(&self) -> Option<Duration> {
        let end = self.tls_began.get().or(self.connected.get())?;
        self.began.get().map(|began| end.duration_since(*began))
    }

    /// What was seen of TLS; `None` if no handshake began.
    pub(crate) fn tls_seen(&self) -> Option<TlsInfo> {
        self.tls_began.get()?;
        let certificate_expires_at = self.certificate_expires_at.get().copied().flatten();
        Some(TlsInfo { version: self.tls_version.get().copied(), certificate_expires_at })
    }

    /// How long the TLS handshake took.
    pub(crate) fn tls_time(&self) -> Option<Duration> {
        let began = self.tls_began.get()?;
        self.connected.get().map(|end| end.duration_since(*began))
    }
}

/// Notes the moment, the first time only.
fn note(cell: &OnceLock<Instant>) {
    cell.get_or_init(Instant::now);
}

/// The certificate that the endpoint shows, not checked yet. Outside of a request nobody asks.
pub(crate) fn certificate_shown(expires_at: Option<Timestamp>) {
    let _ = DIAL.try_with(|dial| dial.certificate_expires_at.set(expires_at));
}

/// The version of TLS that the handshake came to.
pub(crate) fn version_agreed(version: &'static str) {
    let _ = DIAL.try_with(|dial| dial.tls_version.set(version));
}

/// The connection was not open in time.
#[derive(Debug)]
pub(crate) struct ConnectTimedOut;

impl fmt::Display for ConnectTimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no connection in time")
    }
}

impl Error for ConnectTimedOut {}

/// The layer around the client's connector.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TimedConnectorLayer;

impl<S> Layer<S> for TimedConnectorLayer {
    type Service = TimedConnector<S>;

    fn layer(&self, connector: S) -> Self::Service {
        TimedConnector(connector)
    }
}

/// A connector whose connections are measured.
#[derive(Debug, Clone)]
pub(crate) struct TimedConnector<S>(S);

type BoxError = Box<dyn Error + Send + Sync>;

impl<S, Target> Service<Target> for TimedConnector<S>
where
    S: Service<Target, Error = BoxError>,
    S::Future: Send + 'static,
    S::Response: 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, target: Target) -> Self::Future {
        let connecting = self.0.call(target);
        match DIAL.try_with(Arc::clone) {
            Ok(dial) => Box::pin(async move {
                note(&dial.began);
                let connecting = timeout_at(dial.until, connecting);
                let connection = DIAL.scope(Arc::clone(&dial), connecting).await.map_err(|_| ConnectTimedOut)??;
                note(&dial.connected);
                Ok(connection)
            }),
            Err(_) => Box::pin(connecting),
        }
    }
}

/// A TLS session store that keeps nothing, so that certificates are checked at every handshake, and notes when a
/// handshake begins.
#[derive(Debug)]
pub(crate) struct NoTlsSessions;

impl ClientSessionStore for NoTlsSessions {
    fn set_kx_hint(&self, _: ServerName<'static>, _: NamedGroup) {}

    fn kx_hint(&self, _: &ServerName<'_>) -> Option<NamedGroup> {
        // Outside of a request there is nothing to measure.
        let _ = DIAL.try_with(|dial| note(&dial.tls_began));
        None
    }

    fn set_tls12_session(&self, _: ServerName<'static>, _: Tls12ClientSessionValue) {}

    fn tls12_session(&self, _: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        None
    }

    fn remove_tls12_session(&self, _: &ServerName<'static>) {}

    fn insert_tls13_ticket(&self, _: ServerName<'static>, _: Tls13ClientSessionValue) {}

    fn take_tls13_ticket(&self, _: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        None
    }
}
