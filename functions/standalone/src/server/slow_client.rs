//! The minimum rate at which a client must read its answer. Without it, a client that reads one byte now and then could keep
//! a connection as long as it likes.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// How slow a client may be. Every byte that it reads earns it time, so a large file can go over a slow link. Unused time is
/// kept only up to `patience`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MinimumRate {
    /// How long it may read nothing at all.
    pub(crate) patience: Duration,
    /// The bytes per second that it must read in the long run.
    pub(crate) slowest: u32,
}

/// A stream whose writes fail with [`io::ErrorKind::TimedOut`] when the other side falls behind.
pub(crate) struct SlowClientGuard<S> {
    stream: S,
    rate: MinimumRate,
    /// How long writes may wait from now on.
    left: Duration,
    /// Ends when no time is left, while a write waits.
    waiting: Option<Pin<Box<Sleep>>>,
}

impl<S> SlowClientGuard<S> {
    /// Watches the reader at the other end of a stream.
    pub(crate) fn new(stream: S, rate: MinimumRate) -> Self {
        Self { stream, rate, left: rate.patience, waiting: None }
    }

    /// The result of a write, or a timeout.
    fn judge(&mut self, written: Poll<io::Result<usize>>, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let Poll::Ready(written) = written else {
            let waiting = self.waiting.get_or_insert_with(|| Box::pin(sleep(self.left)));
            ready!(waiting.as_mut().poll(context));
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        };
        if let Some(waiting) = self.waiting.take() {
            self.left = waiting.deadline().saturating_duration_since(Instant::now());
        }
        if let Ok(bytes) = written {
            let earned = Duration::from_secs(u64::try_from(bytes).unwrap_or(u64::MAX)) / self.rate.slowest;
            self.left = self.left.saturating_add(earned).min(self.rate.patience);
        }
        Poll::Ready(written)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for SlowClientGuard<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for SlowClientGuard<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.judge(written, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, pieces);
        self.judge(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    /// Sends 64 KiB to a client that reads 256 bytes every 10 ms.
    async fn sent(rate: MinimumRate) -> io::Result<()> {
        let (ours, mut client) = tokio::io::duplex(256);
        let reader = tokio::spawn(async move {
            let mut bytes = [0; 256];
            while client.read_exact(&mut bytes).await.is_ok() {
                sleep(Duration::from_millis(10)).await;
            }
        });
        let sent = SlowClientGuard::new(ours, rate).write_all(&vec![0; 64 * 1024]).await;
        reader.await.unwrap();
        sent
    }

    #[tokio::test]
    async fn a_client_that_reads_a_little_now_and_then_is_too_slow() {
        let (began, patience) = (Instant::now(), Duration::from_millis(500));
        let error = sent(MinimumRate { patience, slowest: 1024 * 1024 }).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(began.elapsed() >= patience);
    }

    #[tokio::test]
    async fn a_client_that_keeps_the_rate_may_take_longer_than_its_patience() {
        let (began, patience) = (Instant::now(), Duration::from_secs(2));
        sent(MinimumRate { patience, slowest: 1024 }).await.unwrap();
        assert!(began.elapsed() > patience, "else this shows nothing");
    }
}
