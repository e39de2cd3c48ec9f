//! UDP sockets for DNS queries. The kernel reports a refused datagram only on a connected socket; without the report, a
//! name server that does not run looks like a slow one. So these sockets connect before they send.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use hickory_resolver::net::runtime::{DnsUdpSocket, RuntimeProvider, TokioRuntimeProvider, TokioTime};
use tokio::io::Interest;
use tokio::net::UdpSocket;

/// Tokio's runtime for the resolver, with connected UDP sockets.
#[derive(Clone, Default)]
pub(crate) struct NameServerRuntime(TokioRuntimeProvider);

impl RuntimeProvider for NameServerRuntime {
    type Handle = <TokioRuntimeProvider as RuntimeProvider>::Handle;
    type Timer = TokioTime;
    type Udp = NameServerSocket;
    type Tcp = <TokioRuntimeProvider as RuntimeProvider>::Tcp;

    fn create_handle(&self) -> Self::Handle {
        self.0.create_handle()
    }

    fn connect_tcp(
        &self,
        server: SocketAddr,
        from: Option<SocketAddr>,
        timeout: Option<Duration>,
    ) -> Pin<Box<dyn Future<Output = io::Result<Self::Tcp>> + Send>> {
        self.0.connect_tcp(server, from, timeout)
    }

    fn bind_udp(
        &self,
        local: SocketAddr,
        _server: SocketAddr,
    ) -> Pin<Box<dyn Future<Output = io::Result<Self::Udp>> + Send>> {
        Box::pin(async move { UdpSocket::bind(local).await.map(NameServerSocket) })
    }
}

/// A UDP socket for queries to one name server.
pub(crate) struct NameServerSocket(UdpSocket);

#[async_trait]
impl DnsUdpSocket for NameServerSocket {
    type Time = TokioTime;

    fn poll_recv_from(&self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<(usize, SocketAddr)>> {
        DnsUdpSocket::poll_recv_from(&self.0, cx, buffer)
    }

    fn poll_send_to(&self, cx: &mut Context<'_>, bytes: &[u8], server: SocketAddr) -> Poll<io::Result<usize>> {
        DnsUdpSocket::poll_send_to(&self.0, cx, bytes, server)
    }

    async fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        // Waiting for readability alone would not wake the task on an error.
        let take = || match self.0.take_error()? {
            Some(error) => Err(error),
            None => self.0.try_recv_from(buffer),
        };
        self.0.async_io(Interest::READABLE | Interest::ERROR, take).await
    }

    async fn send_to(&self, bytes: &[u8], server: SocketAddr) -> io::Result<usize> {
        self.0.connect(server).await?;
        self.0.send(bytes).await
    }
}
