//! Opens connections: races the addresses of a host, then does the TLS handshake.
//!
//! A second address is tried 250 ms after the first, or as soon as the first fails, and so on (RFC 8305). The first that
//! connects is used and the other attempts are dropped, so that nothing is sent to two addresses.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use hookline_core::model::Failure;
use hookline_core::ports::TlsInfo;
use hookline_core::values::EndpointUri;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_rustls::TlsConnector;
use url::Host;

use super::connection::{Connection, Stream};
use super::exhaustion;
use super::failure::{self, RequestError};
use super::guard::VettedAddress;
use super::tls::TlsSettings;

/// How long an address has the race to itself.
const HEAD_START: Duration = Duration::from_millis(250);

/// How a connection came about, or how far it came.
#[derive(Debug, Default)]
pub(crate) struct ConnectTrace {
    /// The address that connected, or was tried last.
    pub(crate) address: Option<SocketAddr>,
    pub(crate) connect_time: Option<Duration>,
    pub(crate) tls_time: Option<Duration>,
    /// `None` if no handshake began.
    pub(crate) tls: Option<TlsInfo>,
}

/// Opens a connection to one of these addresses, at least one, until the deadline.
pub(crate) async fn connect(
    uri: &EndpointUri,
    addresses: &[VettedAddress],
    tls: &TlsSettings,
    deadline: Instant,
    trace: &mut ConnectTrace,
) -> Result<Connection, RequestError> {
    let began = Instant::now();
    let (tcp, address) = match timeout_at(deadline, race(addresses, &mut trace.address)).await {
        Ok(connected) => connected?,
        Err(_) => return Err(failure::connect_timed_out()),
    };
    trace.connect_time = Some(began.elapsed());
    // Requests are sent whole, so waiting for more bytes gains nothing. Without the option they are only slower.
    let _ = tcp.set_nodelay(true);
    let stream = match uri.url().scheme() {
        "https" => Stream::Secure(Box::new(handshake(uri, tcp, tls, deadline, trace).await?)),
        _ => Stream::Plain(tcp),
    };
    Ok(Connection { stream, address })
}

type Connecting = Pin<Box<dyn Future<Output = (io::Result<TcpStream>, VettedAddress)> + Send>>;

/// The first address that connects. Without one, the failure of the first address.
async fn race(
    addresses: &[VettedAddress],
    tried: &mut Option<SocketAddr>,
) -> Result<(TcpStream, VettedAddress), RequestError> {
    let mut waiting = addresses.iter();
    let mut connecting: Vec<Connecting> = Vec::with_capacity(addresses.len());
    let mut first_failure: Option<(Failure, SocketAddr)> = None;
    loop {
        if let Some(address) = waiting.next() {
            *tried = Some(address.address());
            connecting.push(Box::pin(open(*address)));
        } else if connecting.is_empty() {
            let Some((failure, address)) = first_failure else { return Err(failure::address_not_allowed()) };
            *tried = Some(address);
            return Err(RequestError::Failed(failure));
        }
        let head_start = async {
            match waiting.len() {
                0 => std::future::pending().await,
                _ => sleep(HEAD_START).await,
            }
        };
        tokio::select! {
            biased;
            (result, address) = first_of(&mut connecting) => match result {
                Ok(tcp) => {
                    *tried = Some(address.address());
                    return Ok((tcp, address));
                }
                Err(error) => {
                    let to = address.address();
                    if let Some(resource) = exhaustion::while_connecting(to, &error) {
                        return Err(failure::ours(resource));
                    }
                    first_failure.get_or_insert_with(|| (failure::unconnected(&error), to));
                }
            },
            () = head_start => {}
        }
    }
}

async fn open(address: VettedAddress) -> (io::Result<TcpStream>, VettedAddress) {
    (TcpStream::connect(address.address()).await, address)
}

/// The first of these attempts that ends, and takes it out.
async fn first_of(connecting: &mut Vec<Connecting>) -> (io::Result<TcpStream>, VettedAddress) {
    std::future::poll_fn(|context| {
        for index in 0..connecting.len() {
            if let std::task::Poll::Ready(ended) = connecting[index].as_mut().poll(context) {
                drop(connecting.swap_remove(index));
                return std::task::Poll::Ready(ended);
            }
        }
        std::task::Poll::Pending
    })
    .await
}

async fn handshake(
    uri: &EndpointUri,
    tcp: TcpStream,
    tls: &TlsSettings,
    deadline: Instant,
    trace: &mut ConnectTrace,
) -> Result<tokio_rustls::client::TlsStream<TcpStream>, RequestError> {
    let name = server_name(uri).ok_or_else(failure::no_server_name)?;
    let (config, observed) = tls.session();
    let began = Instant::now();
    let shaken = timeout_at(deadline, TlsConnector::from(config).connect(name, tcp)).await;
    let certificate_expires_at = observed.certificate_expires_at();
    trace.tls = Some(TlsInfo { version: None, certificate_expires_at });
    let stream = match shaken {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return Err(failure::handshake_failed(&error, &observed)),
        Err(_) => return Err(failure::timed_out()),
    };
    trace.tls_time = Some(began.elapsed());
    let version = match stream.get_ref().1.protocol_version() {
        Some(rustls::ProtocolVersion::TLSv1_2) => Some("TLSv1.2"),
        Some(rustls::ProtocolVersion::TLSv1_3) => Some("TLSv1.3"),
        Some(_) | None => None,
    };
    trace.tls = Some(TlsInfo { version, certificate_expires_at });
    Ok(stream)
}

/// The name that the certificate must be valid for. A trailing dot is no part of names in certificates.
fn server_name(uri: &EndpointUri) -> Option<ServerName<'static>> {
    match uri.url().host()? {
        Host::Domain(name) => ServerName::try_from(name.strip_suffix('.').unwrap_or(name).to_owned()).ok(),
        Host::Ipv4(address) => Some(ServerName::IpAddress(std::net::IpAddr::V4(address).into())),
        Host::Ipv6(address) => Some(ServerName::IpAddress(std::net::IpAddr::V6(address).into())),
    }
}
