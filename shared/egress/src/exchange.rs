//! One request and its answer over an open connection.
//!
//! Writing and reading go on at the same time: an endpoint may answer, and close, before it has read the whole request.
//! So an error in writing ends nothing. What was received before counts, and if nothing was, the read fails too.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, timeout_at};

use super::response_body::{BodyReader, BodyState};
use super::response_head::{Framing, HeadError, HeadReader, KeepAlive, ResponseHead};

/// How many bytes of a body are read.
const MAX_BODY: usize = 64 * 1024;
/// How many bytes of a failure's body are kept.
const BODY_KEPT: usize = 1024;
/// How many bytes are read at once.
const READ_SIZE: usize = 8 * 1024;

/// An answer.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) head: ResponseHead,
    /// When its status line came.
    pub(crate) answered_at: Instant,
    /// The first KiB of the body, unless the status is 2xx.
    pub(crate) body: Vec<u8>,
    /// Whether the connection may be used again.
    pub(crate) keep_alive: KeepAlive,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum NoResponse {
    /// Not in time.
    TimedOut,
    /// The bytes are not an answer.
    Invalid(HeadError),
    /// The connection ended before a status line. `untouched` if not a byte had come.
    Closed { error: Option<io::Error>, untouched: bool },
}

/// Sends a request, and reads the answer until the deadline.
pub(crate) async fn exchange<S>(stream: &mut S, request: &[u8], deadline: Instant) -> Result<Received, NoResponse>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut transfer = Transfer { stream, unsent: request, is_flushed: false, write_error: None };
    let mut buffer = Box::new([0; READ_SIZE]);
    let mut reader = HeadReader::default();
    let mut answered_at = None;
    let (head, rest) = loop {
        let read = timeout_at(deadline, transfer.read(&mut *buffer)).await;
        let ended = match read {
            Ok(Ok(count @ 1..)) => {
                let complete = reader.push(&buffer[..count]).map_err(NoResponse::Invalid)?;
                if reader.has_status() || complete.is_some() {
                    answered_at.get_or_insert_with(Instant::now);
                }
                match complete {
                    Some(complete) => break complete,
                    None => continue,
                }
            }
            Ok(Ok(_)) => NoResponse::Closed { error: transfer.write_error.take(), untouched: reader.is_empty() },
            Ok(Err(error)) => NoResponse::Closed { error: Some(error), untouched: reader.is_empty() },
            Err(_) => NoResponse::TimedOut,
        };
        // The status line counts, whatever became of the rest of the head.
        break (reader.cut_off().ok_or(ended)?, Vec::new());
    };
    let answered_at = answered_at.unwrap_or_else(Instant::now);
    let keeps_body = !(200..300).contains(&head.status);
    let (body, is_clean) = read_body(&mut transfer, &head.framing, rest, keeps_body, buffer, deadline).await;
    let keep_alive = if is_clean && transfer.is_sent() { head.framing.keep_alive } else { KeepAlive::Closed };
    Ok(Received { head, answered_at, body, keep_alive })
}

/// Reads a body until 64 KiB, its end or the deadline. Gives its first bytes, and true if the connection is ready for the
/// next request.
async fn read_body<S: AsyncRead + AsyncWrite + Unpin>(
    transfer: &mut Transfer<'_, S>,
    framing: &Framing,
    first: Vec<u8>,
    keeps_body: bool,
    mut buffer: Box<[u8; READ_SIZE]>,
    deadline: Instant,
) -> (Vec<u8>, bool) {
    let mut reader = BodyReader::new(framing.body);
    let mut kept = Vec::new();
    let mut keep = |content: &[u8]| {
        let room = if keeps_body { BODY_KEPT - kept.len() } else { 0 };
        kept.extend_from_slice(&content[..content.len().min(room)]);
    };
    let mut state = reader.push(&first, &mut keep);
    let mut read = first.len();
    while state == BodyState::Open && read < MAX_BODY {
        match timeout_at(deadline, transfer.read(&mut *buffer)).await {
            Ok(Ok(count @ 1..)) => {
                state = reader.push(&buffer[..count], &mut keep);
                read += count;
            }
            Ok(Ok(_) | Err(_)) | Err(_) => break,
        }
    }
    // An endpoint that succeeded early still gets the rest of its request. One that refused does not want it.
    if state == (BodyState::Ended { surplus: 0 }) && !keeps_body {
        let _ = timeout_at(deadline, transfer.send_rest()).await;
    }
    (kept, state == BodyState::Ended { surplus: 0 })
}

/// A request on its way, and what comes back.
struct Transfer<'a, S> {
    stream: &'a mut S,
    unsent: &'a [u8],
    is_flushed: bool,
    write_error: Option<io::Error>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Transfer<'_, S> {
    /// True if the endpoint was sent the whole request.
    fn is_sent(&self) -> bool {
        self.is_flushed && self.write_error.is_none()
    }

    /// Reads some bytes, and writes meanwhile. `Ok(0)` at the end.
    async fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        std::future::poll_fn(|context| {
            let _ = self.poll_send(context);
            let mut buffer = ReadBuf::new(buffer);
            let read = Pin::new(&mut *self.stream).poll_read(context, &mut buffer);
            read.map_ok(|()| buffer.filled().len())
        })
        .await
    }

    async fn send_rest(&mut self) {
        std::future::poll_fn(|context| self.poll_send(context)).await;
    }

    /// Writes as much as the connection takes. Ready when all is sent, or nothing more can be.
    fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<()> {
        while !self.is_flushed && self.write_error.is_none() {
            let written = if self.unsent.is_empty() {
                let flushed = std::task::ready!(Pin::new(&mut *self.stream).poll_flush(context));
                self.is_flushed = flushed.is_ok();
                flushed.map(|()| 0)
            } else {
                match std::task::ready!(Pin::new(&mut *self.stream).poll_write(context, self.unsent)) {
                    Ok(0) => Err(io::ErrorKind::WriteZero.into()),
                    written => written,
                }
            };
            match written {
                Ok(count) => self.unsent = &self.unsent[count..],
                Err(error) => self.write_error = Some(error),
            }
        }
        Poll::Ready(())
    }
}
