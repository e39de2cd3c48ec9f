//! The way to name servers. A UDP socket that is not connected never hears that its peer refuses, and then a name server
//! that is not there looks like one that is slow. So these sockets connect before they send.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use hickory_resolver::net::runtime::{DnsUdpSocket, RuntimeProvider, TokioRuntimeProvider, TokioTime};
use tokio::io::Interest;
use tokio::net::UdpSocket;

/// What the resolver runs on.
#[derive(Clone, Default)]
pub(crate) struct Way(TokioRuntimeProvider);

impl RuntimeProvider for Way {
    type Handle = <TokioRuntimeProvider as RuntimeProvider>::Handle;
    type Timer = TokioTime;
    type Udp = Socket;
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
        Box::pin(async move { UdpSocket::bind(local).await.map(Socket) })
    }
}

/// A socket for queries to one name server.
pub(crate) struct Socket(UdpSocket);

#[async_trait]
impl DnsUdpSocket for Socket {
    type Time = TokioTime;

    fn poll_recv_from(&self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<(usize, SocketAddr)>> {
        DnsUdpSocket::poll_recv_from(&self.0, cx, buffer)
    }

    fn poll_send_to(&self, cx: &mut Context<'_>, bytes: &[u8], server: SocketAddr) -> Poll<io::Result<usize>> {
        DnsUdpSocket::poll_send_to(&self.0, cx, bytes, server)
    }

    async fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        // Whoever waits only for something to read is not woken by an error.
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
