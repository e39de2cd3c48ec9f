//! One attempt from end to end: find the addresses, connect, send, read.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hookline_core::errors::PortResult;
use hookline_core::model::{ResponseRecord, Timings};
use hookline_core::ports::{ConnectionUse, Exchange, Inspection, OutgoingRequest, TlsInfo, Transport};
use hookline_core::values::EndpointUri;
use tokio::time::Instant;
use url::Host;

use super::connect::{self, ConnectTrace};
use super::exchange::exchange;
use super::failure::{self, RequestError};
use super::guard::{AddressGuard, VettedAddress};
use super::lookups::{LookupLimits, Lookups};
use super::request_bytes;
use super::resolver::{Resolve, SystemResolver};
use super::response;
use super::response_head::KeepAlive;
use super::routes::{HostRoute, HostRoutes};
use super::settings::EgressSettings;
use super::tls::{EgressError, TlsSettings};

/// Sends requests to endpoints.
pub struct Egress {
    guard: AddressGuard,
    lookups: Lookups,
    routes: HostRoutes,
    tls: TlsSettings,
    deadline: Duration,
    /// How long an IP literal stays checked: the addresses of this machine change.
    literal_max_age: Duration,
}

impl Egress {
    /// An egress with the system's resolver. Fails only if the bundle of root certificates is not valid.
    pub fn new(settings: EgressSettings) -> Result<Self, EgressError> {
        Self::with_resolver(settings, Arc::new(SystemResolver::from_system()))
    }

    /// An egress with another resolver.
    pub fn with_resolver(settings: EgressSettings, resolver: Arc<dyn Resolve>) -> Result<Self, EgressError> {
        let EgressSettings {
            allow,
            ports,
            extra_roots_pem,
            deadline,
            dns_deadline,
            lookup_max_age,
            idle_timeout,
            max_hosts,
        } = settings;
        let limits = LookupLimits { deadline: dns_deadline, max_age: lookup_max_age, max_names: max_hosts };
        Ok(Self {
            guard: AddressGuard::new(allow, ports),
            lookups: Lookups::new(resolver, limits),
            routes: HostRoutes::new(max_hosts, idle_timeout),
            tls: TlsSettings::new(extra_roots_pem.as_deref())?,
            deadline,
            literal_max_age: lookup_max_age,
        })
    }

    /// The route to a host, from a valid lookup.
    async fn route(&self, uri: &EndpointUri, timings: &mut Timings) -> Result<Arc<HostRoute>, RequestError> {
        if let Some(route) = self.routes.get(uri.host(), Instant::now()) {
            return Ok(route);
        }
        let (vetted, valid_until) = self.vetted(uri, timings).await?;
        Ok(self.routes.renew(uri.host(), &vetted, valid_until, Instant::now()))
    }

    /// The addresses of a host that the guard allows, at least one, and until when they may be used.
    async fn vetted(
        &self,
        uri: &EndpointUri,
        timings: &mut Timings,
    ) -> Result<(Vec<VettedAddress>, Instant), RequestError> {
        let url = uri.url();
        let port = url.port_or_known_default().ok_or_else(failure::address_not_allowed)?;
        let literal_until = Instant::now() + self.literal_max_age;
        let (vetted, valid_until): (Vec<_>, _) = match url.host() {
            Some(Host::Domain(name)) => {
                let began = Instant::now();
                let lookup = self.lookups.find(name).await;
                timings.dns = Some(began.elapsed());
                let lookup = lookup.map_err(failure::no_address)?;
                let vetted = lookup.addresses.iter().filter_map(|address| self.guard.vet(*address, port)).collect();
                (vetted, lookup.valid_until)
            }
            Some(Host::Ipv4(address)) => (self.guard.vet(address.into(), port).into_iter().collect(), literal_until),
            Some(Host::Ipv6(address)) => (self.guard.vet(address.into(), port).into_iter().collect(), literal_until),
            None => (Vec::new(), literal_until),
        };
        if vetted.is_empty() { Err(failure::address_not_allowed()) } else { Ok((vetted, valid_until)) }
    }

    /// Sends a request along a route: over an idle connection, or else a new one.
    async fn send(
        &self,
        route: &HostRoute,
        request: &OutgoingRequest<'_>,
        trace: &mut AttemptTrace,
    ) -> Result<ResponseRecord, RequestError> {
        let bytes = request_bytes::encode(request)
            .map_err(|name| failure::ours(format_args!("the header {name} has a value that cannot be sent")))?;
        let deadline = Instant::now() + self.deadline;
        let addresses = route.addresses();
        let idle = if request.fresh_connection { None } else { route.idle().take(&addresses) };
        let is_reused = idle.is_some();
        let mut connection = match idle {
            Some(connection) => connection,
            None => self.connect(request.uri, &addresses, route, deadline, trace).await?,
        };
        trace.address = Some(connection.address.address());
        trace.connection = if is_reused { ConnectionUse::Reused } else { ConnectionUse::New };
        let began = Instant::now();
        let received = exchange(&mut connection.stream, &bytes, deadline).await;
        let received = received.map_err(|error| failure::no_response(error, is_reused))?;
        trace.timings.first_byte = Some(received.answered_at.duration_since(began));
        if let KeepAlive::Open { timeout } = received.keep_alive {
            route.idle().put(connection, timeout);
        }
        Ok(response::kept(received))
    }

    async fn connect(
        &self,
        uri: &EndpointUri,
        addresses: &[VettedAddress],
        route: &HostRoute,
        deadline: Instant,
        trace: &mut AttemptTrace,
    ) -> Result<super::connection::Connection, RequestError> {
        let mut connecting = ConnectTrace::default();
        let connected = connect::connect(uri, addresses, &self.tls, deadline, &mut connecting).await;
        let ConnectTrace { address, connect_time, tls_time, tls } = connecting;
        trace.address = address;
        trace.timings.connect = connect_time;
        trace.timings.tls = tls_time;
        trace.tls = tls;
        connected.inspect(|connection| route.prefer(connection.address))
    }
}

#[async_trait]
impl Transport for Egress {
    fn permits(&self, uri: &EndpointUri) -> bool {
        self.guard.permits_uri(uri)
    }

    async fn post(&self, request: OutgoingRequest<'_>) -> PortResult<Exchange> {
        let (began, mut trace) = (Instant::now(), AttemptTrace::default());
        let result = match self.route(request.uri, &mut trace.timings).await {
            Ok(route) => self.send(&route, &request, &mut trace).await,
            Err(error) => Err(error),
        };
        trace.finish(began, result)
    }

    async fn examine(&self, request: OutgoingRequest<'_>) -> PortResult<Inspection> {
        let (began, mut trace, mut addresses) = (Instant::now(), AttemptTrace::default(), Vec::new());
        let result = match self.vetted(request.uri, &mut trace.timings).await {
            Ok((vetted, _)) => {
                addresses = vetted.iter().map(|vetted| vetted.address().ip()).collect();
                self.send(&HostRoute::single(&vetted), &request, &mut trace).await
            }
            Err(error) => Err(error),
        };
        let tls = trace.tls;
        Ok(Inspection { exchange: trace.finish(began, result)?, addresses, tls })
    }
}

/// What was seen in an attempt.
#[derive(Default)]
struct AttemptTrace {
    timings: Timings,
    address: Option<SocketAddr>,
    tls: Option<TlsInfo>,
    connection: ConnectionUse,
}

impl AttemptTrace {
    fn finish(mut self, began: Instant, result: Result<ResponseRecord, RequestError>) -> PortResult<Exchange> {
        self.timings.total = began.elapsed();
        let (result, connection) = match result {
            Ok(response) => (Ok(response), self.connection),
            Err(RequestError::Failed(failure)) => (Err(failure), self.connection),
            Err(RequestError::Stale(failure)) => (Err(failure), ConnectionUse::Stale),
            Err(RequestError::Ours(fault)) => return Err(fault),
        };
        Ok(Exchange { result, timings: self.timings, address: self.address, connection })
    }
}

#[cfg(test)]
mod tests {
    use hookline_core::rules::extra_headers::{MAX_VALUE, check_name, check_value};
    use hookline_core::values::Secret;

    use super::*;

    #[test]
    fn every_header_that_a_webhook_may_have_can_be_sent() {
        let names: String = (0..=127).map(char::from).filter(|byte| check_name(&byte.to_string()).is_ok()).collect();
        let inside = |byte: &char| check_value("X", &format!("x{byte}x")).is_ok();
        let values: String = (0..=255).map(char::from).filter(inside).collect();
        let value = format!("x{values}{}", "x".repeat(MAX_VALUE - values.len() - 1));
        assert!(
            check_name(&names).is_ok() && check_value("X", &value).is_ok() && values.len() == 96,
            "{names} {values}"
        );
        let uri = EndpointUri::parse("http://hook.example/").unwrap().uri;
        let headers = [&names, &"n".repeat(256)].map(|name| (name.clone(), Secret::new(value.clone())));
        let request = OutgoingRequest { uri: &uri, headers: headers.into(), body: "".into(), fresh_connection: false };
        assert!(request_bytes::encode(&request).is_ok());
    }
}
