//! One attempt from end to end: find the address, connect, send, read.

use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hookline_core::errors::PortResult;
use hookline_core::model::{ResponseRecord, Timings};
use hookline_core::ports::{Exchange, Inspection, OutgoingRequest, TlsInfo, Transport};
use hookline_core::values::{EndpointUri, Secret};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use tokio::time::{Instant, Sleep, sleep_until};
use url::Host;

use super::connect_timer::ConnectTimer;
use super::failure::{self, RequestError};
use super::guard::{AddressGuard, VettedAddress};
use super::lookups::{LookupLimits, Lookups};
use super::resolver::{Resolve, SystemResolver};
use super::response;
use super::routes::{AddressClient, HostRoute, HostRoutes, HttpClients};
use super::settings::EgressSettings;
use super::tls::{self, EgressError};

/// The way out to endpoints.
pub struct Egress {
    guard: AddressGuard,
    lookups: Lookups,
    routes: HostRoutes,
    clients: HttpClients,
    deadline: Duration,
}

impl Egress {
    /// A way out that asks the system's resolver. Fails only on a bundle of roots that is none.
    pub fn new(settings: EgressSettings) -> Result<Self, EgressError> {
        Self::with_resolver(settings, Arc::new(SystemResolver::from_system()))
    }

    /// A way out with a resolver of its own.
    pub fn with_resolver(settings: EgressSettings, resolver: Arc<dyn Resolve>) -> Result<Self, EgressError> {
        let EgressSettings { allow, extra_roots_pem, deadline, dns_deadline, lookup_max_age, idle_timeout, max_hosts } =
            settings;
        let limits = LookupLimits { deadline: dns_deadline, max_age: lookup_max_age, max_names: max_hosts };
        Ok(Self {
            guard: AddressGuard::new(allow),
            lookups: Lookups::new(resolver, limits),
            routes: HostRoutes::new(max_hosts),
            clients: HttpClients { tls: tls::client_config(extra_roots_pem.as_deref())?, idle_timeout },
            deadline,
        })
    }

    /// The ways to a host, from a valid lookup.
    async fn route(&self, uri: &EndpointUri, timings: &mut Timings) -> Result<Arc<HostRoute>, RequestError> {
        if let Some(route) = self.routes.get(uri.host(), Instant::now()) {
            return Ok(route);
        }
        let (vetted, valid_until) = self.vetted(uri, timings).await?;
        Ok(self.routes.renew(uri.host(), &vetted, valid_until, Instant::now()))
    }

    /// The addresses of a host that the guard lets pass, at least one, and until when the lookup is valid.
    async fn vetted(
        &self,
        uri: &EndpointUri,
        timings: &mut Timings,
    ) -> Result<(Vec<VettedAddress>, Option<Instant>), RequestError> {
        let url = uri.url();
        let port = url.port_or_known_default().ok_or_else(failure::address_not_allowed)?;
        let (vetted, valid_until) = match url.host() {
            Some(Host::Domain(name)) => {
                let began = Instant::now();
                let lookup = self.lookups.find(name).await;
                timings.dns = Some(began.elapsed());
                let lookup = lookup.map_err(failure::no_address)?;
                let vetted: Vec<_> =
                    lookup.addresses.iter().filter_map(|address| self.guard.vet(*address, port)).collect();
                (vetted, Some(lookup.valid_until))
            }
            Some(Host::Ipv4(address)) => (self.guard.vet(address.into(), port).into_iter().collect(), None),
            Some(Host::Ipv6(address)) => (self.guard.vet(address.into(), port).into_iter().collect(), None),
            None => (Vec::new(), None),
        };
        if vetted.is_empty() { Err(failure::address_not_allowed()) } else { Ok((vetted, valid_until)) }
    }

    /// Sends the request to the first address of a route that can be connected to.
    async fn send(
        &self,
        route: &HostRoute,
        request: &OutgoingRequest<'_>,
        trace: &mut AttemptTrace,
    ) -> Result<ResponseRecord, RequestError> {
        let end = Instant::now() + self.deadline;
        let mut deadline = pin!(sleep_until(end));
        let hops = route.hops();
        let mut left = u32::try_from(hops.len()).unwrap_or(u32::MAX);
        let mut last = failure::address_not_allowed();
        for (index, hop) in hops {
            trace.address = Some(hop.address());
            // Those that follow must have their share of the time.
            let dial = ConnectTimer::new(Instant::now() + end.saturating_duration_since(Instant::now()) / left.max(1));
            let began = Instant::now();
            let answer = self.send_to(hop, request, &dial, deadline.as_mut()).await;
            trace.timings.connect = dial.connect_time();
            trace.timings.tls = dial.tls_time();
            trace.tls = dial.tls_seen();
            match answer {
                Ok(answer) => {
                    trace.timings.first_byte = Some(dial.connected().unwrap_or(began).elapsed());
                    route.prefer(index);
                    return response::read(answer, deadline).await.map_err(RequestError::Failed);
                }
                Err(unconnected @ RequestError::Unconnected(_)) => last = unconnected,
                Err(ended @ (RequestError::Failed(_) | RequestError::Ours(_))) => return Err(ended),
            }
            left -= 1;
        }
        Err(last)
    }

    /// Sends the request to one address, and waits for the head of the answer.
    async fn send_to(
        &self,
        hop: &AddressClient,
        request: &OutgoingRequest<'_>,
        dial: &Arc<ConnectTimer>,
        deadline: Pin<&mut Sleep>,
    ) -> Result<reqwest::Response, RequestError> {
        let client = hop.client(&self.clients).map_err(failure::ours)?;
        let mut outgoing = reqwest::Request::new(Method::POST, request.uri.url().clone());
        *outgoing.headers_mut() = header_map(&request.headers)?;
        *outgoing.body_mut() = Some(request.body.clone().into());
        tokio::select! {
            biased;
            answer = dial.measure(client.execute(outgoing)) => {
                answer.map_err(|error| failure::no_answer(&error, dial, hop.address()))
            }
            () = deadline => Err(failure::timed_out(dial)),
        }
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
            Err(none) => Err(none),
        };
        trace.over(began, result)
    }

    async fn examine(&self, request: OutgoingRequest<'_>) -> PortResult<Inspection> {
        let (began, mut trace, mut addresses) = (Instant::now(), AttemptTrace::default(), Vec::new());
        let result = match self.vetted(request.uri, &mut trace.timings).await {
            Ok((vetted, _)) => {
                addresses = vetted.iter().map(|vetted| vetted.address().ip()).collect();
                self.send(&HostRoute::single(&vetted), &request, &mut trace).await
            }
            Err(none) => Err(none),
        };
        let tls = trace.tls;
        Ok(Inspection { exchange: trace.over(began, result)?, addresses, tls })
    }
}

/// What was seen on the way.
#[derive(Default)]
struct AttemptTrace {
    timings: Timings,
    address: Option<SocketAddr>,
    tls: Option<TlsInfo>,
}

impl AttemptTrace {
    fn over(mut self, began: Instant, result: Result<ResponseRecord, RequestError>) -> PortResult<Exchange> {
        self.timings.total = began.elapsed();
        let result = match result {
            Ok(response) => Ok(response),
            Err(RequestError::Failed(failure) | RequestError::Unconnected(failure)) => Err(failure),
            Err(RequestError::Ours(fault)) => return Err(fault),
        };
        Ok(Exchange { result, timings: self.timings, address: self.address })
    }
}

/// The headers as the client takes them. What a webhook or a publisher gave was checked or escaped by then, so one that
/// cannot be sent comes from our own settings.
fn header_map(headers: &[(String, Secret<String>)]) -> Result<HeaderMap, RequestError> {
    let mut map = HeaderMap::with_capacity(headers.len() + 2);
    for (name, value) in headers {
        let unfit = || failure::ours(format_args!("the header {name} has a value that cannot be sent"));
        let wire_name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| unfit())?;
        let mut value = HeaderValue::from_str(value.expose()).map_err(|_| unfit())?;
        value.set_sensitive(true);
        map.try_append(wire_name, value).map_err(|_| unfit())?;
    }
    Ok(map)
}

#[cfg(test)]
mod tests {
    use hookline_core::rules::extra_headers::{MAX_VALUE, is_allowed_name, is_allowed_value};

    use super::*;

    #[test]
    fn every_header_that_a_webhook_may_have_can_be_sent() {
        let names: String = (0..=127).map(char::from).filter(|byte| is_allowed_name(&byte.to_string())).collect();
        let inside = |byte: &char| is_allowed_value(&format!("x{byte}x"));
        let values: String = (0..=255).map(char::from).filter(inside).collect();
        let value = format!("x{values}{}", "x".repeat(MAX_VALUE - values.len() - 1));
        assert!(is_allowed_name(&names) && is_allowed_value(&value) && values.len() == 96, "{names} {values}");
        let longest = "n".repeat(256);
        let headers = [&names, &longest].map(|name| (name.clone(), Secret::new(value.clone())));
        assert_eq!(header_map(&headers).map_err(|_| "unfit").map(|map| map.len()), Ok(2));
        assert_eq!(header_map(&[]).map_err(|_| "unfit").map(|map| map.len()), Ok(0));
    }
}
