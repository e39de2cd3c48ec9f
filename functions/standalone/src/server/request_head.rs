//! Reads the heads of requests in front of the HTTP library, for two reasons.
//!
//! People type filters such as `?id=>1` as they are, but the library refuses `<`, `>` and `"` in a request target. This
//! reader percent-encodes them, and every other character that a target may not contain.
//!
//! A head that the library cannot parse is answered by the library itself, without a body and without a request id. So each
//! head is parsed here first. In place of an invalid one, the library gets a small valid request, and the service learns from
//! [`InvalidHeads`] to answer it with an error of our own form.
//!
//! The reader follows the framing of the connection to know where the next head begins. Its memory is bounded by
//! [`MAX_HEAD`], and its work is linear in the bytes received.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use hyper::{Method, StatusCode, Uri};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::framing::{Body, body_of};

/// The largest head, in bytes; also after its target has been percent-encoded.
pub(crate) const MAX_HEAD: usize = 64 * 1024;
/// The largest number of headers.
pub(crate) const MAX_HEADERS: usize = 100;
/// How much is read from the socket at once.
const CHUNK: usize = 8 * 1024;
/// What the library gets in place of a head that is invalid.
const SUBSTITUTE: &[u8] = b"GET / HTTP/1.1\r\nhost: invalid\r\nconnection: close\r\n\r\n";
/// How much of what follows an invalid head is read, and for how long. A connection that is closed with unread bytes is reset,
/// and the client may lose the response.
const MAX_DISCARDED: usize = 1024 * 1024;
const DISCARD_TIMEOUT: Duration = Duration::from_secs(2);

/// Which request of a connection has an invalid head, and the status of its response. It is the last request.
#[derive(Debug, Clone, Default)]
pub(crate) struct InvalidHeads(Arc<Mutex<HeadCounts>>);

#[derive(Debug, Default)]
struct HeadCounts {
    read: u64,
    served: u64,
    invalid: Option<(u64, StatusCode)>,
}

impl InvalidHeads {
    /// Counts a request that the library hands to the service. `Some` if its head is a substitute for an invalid one.
    pub(crate) fn next_request(&self) -> Option<StatusCode> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.served += 1;
        counts.invalid.filter(|(number, _)| *number == counts.served).map(|(_, status)| status)
    }

    fn valid(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).read += 1;
    }

    fn invalid(&self, status: StatusCode) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.read += 1;
        counts.invalid = Some((counts.read, status));
    }
}

/// A connection whose request heads are checked. Writes pass through.
pub(crate) struct CheckedHeads<S> {
    stream: S,
    state: State,
    /// Bytes from the stream that have not been looked at.
    raw: BytesMut,
    /// How far `raw` has been searched for the end of a head.
    searched: usize,
    /// Bytes for the library.
    checked: BytesMut,
    heads: InvalidHeads,
    closing: Option<Closing>,
}

/// What comes next from the stream.
enum State {
    Head,
    Body(Body),
    /// Nothing that the library needs: the head before was invalid.
    Ended,
}

/// The end of a connection whose last head was invalid.
struct Closing {
    timeout: Pin<Box<Sleep>>,
    left: usize,
}

impl<S> CheckedHeads<S> {
    /// Checks the heads of the requests that `stream` brings.
    pub(crate) fn new(stream: S, heads: InvalidHeads) -> Self {
        let (raw, checked) = (BytesMut::new(), BytesMut::new());
        Self { stream, state: State::Head, raw, searched: 0, checked, heads, closing: None }
    }

    /// Moves what can be moved from `raw` to `checked`.
    fn advance(&mut self) {
        while !self.raw.is_empty() {
            match &mut self.state {
                State::Head => match self.take_head() {
                    Ok(None) => return,
                    Ok(Some(body)) => {
                        self.heads.valid();
                        self.state = State::Body(body);
                    }
                    Err(status) => {
                        self.heads.invalid(status);
                        self.checked.extend_from_slice(SUBSTITUTE);
                        self.state = State::Ended;
                    }
                },
                State::Body(body) => {
                    let length = body.advance(&self.raw);
                    self.checked.extend_from_slice(&self.raw[..length]);
                    self.raw.advance(length);
                }
                State::Ended => self.raw.clear(),
            }
            if matches!(&self.state, State::Body(body) if body.is_complete()) {
                self.state = State::Head;
                self.searched = 0;
            }
        }
    }

    /// Takes a head, once it is complete: checks it and passes it on.
    fn take_head(&mut self) -> Result<Option<Body>, StatusCode> {
        // Empty lines before a request are ignored (RFC 9112, section 2.2).
        while self.searched == 0 && matches!(self.raw.first(), Some(b'\r' | b'\n')) {
            self.raw.advance(1);
        }
        let Some(first) = self.raw.first() else { return Ok(None) };
        if !first.is_ascii_alphanumeric() && !b"!#$%&'*+-.^_`|~".contains(first) {
            return Err(StatusCode::BAD_REQUEST);
        }
        let Some(end) = end_of_head(&self.raw, self.searched) else {
            self.searched = self.raw.len();
            if self.raw.len() < MAX_HEAD {
                return Ok(None);
            }
            return Err(too_large(&self.raw));
        };
        if end > MAX_HEAD {
            return Err(too_large(&self.raw));
        }
        let head = self.raw.split_to(end);
        let head = with_valid_target(&head);
        if head.len() > MAX_HEAD {
            return Err(too_large(&head));
        }
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut request = httparse::Request::new(&mut headers);
        match request.parse(&head) {
            Ok(httparse::Status::Complete(length)) if length == head.len() => {}
            Err(httparse::Error::TooManyHeaders) => return Err(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE),
            Ok(_) | Err(_) => return Err(StatusCode::BAD_REQUEST),
        }
        let method = request.method.and_then(|method| Method::from_bytes(method.as_bytes()).ok());
        let target = request.path.and_then(|target| target.parse::<Uri>().ok());
        let body = body_of(request.version == Some(1), request.headers);
        let (Some(_), Some(_), Some(body)) = (method, target, body) else { return Err(StatusCode::BAD_REQUEST) };
        self.checked.extend_from_slice(&head);
        Ok(Some(body))
    }
}

/// The end of the first head in `bytes`: behind an empty line. What is before `searched` has no end of a head.
fn end_of_head(bytes: &[u8], searched: usize) -> Option<usize> {
    let start = searched.saturating_sub(3);
    bytes[start..].iter().enumerate().filter(|(_, byte)| **byte == b'\n').find_map(|(at, _)| {
        let next = start + at + 1;
        match bytes.get(next) {
            Some(b'\n') => Some(next + 1),
            Some(b'\r') if bytes.get(next + 1) == Some(&b'\n') => Some(next + 2),
            _ => None,
        }
    })
}

/// The status for a head that is too large: 414 if its first line alone is.
fn too_large(head: &[u8]) -> StatusCode {
    if head.iter().take(MAX_HEAD).any(|byte| *byte == b'\n') {
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE
    } else {
        StatusCode::URI_TOO_LONG
    }
}

/// The head with a request target in which invalid characters are percent-encoded. Control characters stay, and are refused.
fn with_valid_target(head: &[u8]) -> BytesMut {
    let line = head.iter().position(|byte| *byte == b'\n').unwrap_or(head.len());
    let line = &head[..line];
    let spaces = || line.iter().enumerate().filter(|(_, byte)| **byte == b' ').map(|(at, _)| at);
    let (Some(first), Some(last)) = (spaces().next(), spaces().next_back()) else { return head.into() };
    let mut valid = BytesMut::with_capacity(head.len());
    valid.extend_from_slice(&head[..=first.min(last)]);
    for byte in head.get(first + 1..last).unwrap_or_default() {
        match byte {
            b' ' | b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' | 0x80.. => {
                const HEX: &[u8; 16] = b"0123456789ABCDEF";
                let digit = |value: u8| HEX[usize::from(value)];
                valid.extend_from_slice(&[b'%', digit(byte >> 4), digit(byte & 15)]);
            }
            _ => valid.extend_from_slice(&[*byte]),
        }
    }
    valid.extend_from_slice(&head[last.max(first + 1)..]);
    valid
}

impl<S: AsyncRead + Unpin> AsyncRead for CheckedHeads<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        while this.checked.is_empty() {
            let mut chunk = [0; CHUNK];
            let mut read = ReadBuf::new(&mut chunk);
            ready!(Pin::new(&mut this.stream).poll_read(context, &mut read))?;
            if read.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            this.raw.extend_from_slice(read.filled());
            this.advance();
        }
        let length = this.checked.len().min(buffer.remaining());
        buffer.put_slice(&this.checked.split_to(length));
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for CheckedHeads<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.closing.is_none() {
            ready!(Pin::new(&mut this.stream).poll_shutdown(context))?;
            if !matches!(this.state, State::Ended) {
                return Poll::Ready(Ok(()));
            }
        }
        let closing = this
            .closing
            .get_or_insert_with(|| Closing { timeout: Box::pin(sleep(DISCARD_TIMEOUT)), left: MAX_DISCARDED });
        loop {
            if closing.timeout.as_mut().poll(context).is_ready() || closing.left == 0 {
                return Poll::Ready(Ok(()));
            }
            let mut chunk = [0; CHUNK];
            let mut read = ReadBuf::new(&mut chunk);
            match ready!(Pin::new(&mut this.stream).poll_read(context, &mut read)) {
                Ok(()) if read.filled().is_empty() => return Poll::Ready(Ok(())),
                Ok(()) => closing.left = closing.left.saturating_sub(read.filled().len()),
                Err(_) => return Poll::Ready(Ok(())),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;

    use super::*;

    /// What the library gets of these bytes, which arrive in pieces of `size`, and the statuses of its requests.
    async fn checked(bytes: &[u8], size: usize, requests: usize) -> (Vec<u8>, Vec<Option<StatusCode>>) {
        let heads = InvalidHeads::default();
        let stream = bytes
            .chunks(size)
            .fold(tokio_test_reader(&[]), |reader, piece| Box::new(reader.chain(io::Cursor::new(piece.to_vec()))));
        let mut checked = Vec::new();
        CheckedHeads::new(stream, heads.clone()).read_to_end(&mut checked).await.unwrap();
        (checked, (0..requests).map(|_| heads.next_request()).collect())
    }

    fn tokio_test_reader(bytes: &[u8]) -> Box<dyn AsyncRead + Unpin> {
        Box::new(io::Cursor::new(bytes.to_vec()))
    }

    /// The same however the bytes arrive.
    async fn check(bytes: &[u8], expected: &[u8], statuses: &[Option<u16>]) {
        for size in [1, 2, 3, 7, 64, bytes.len()] {
            let (checked, found) = checked(bytes, size, statuses.len()).await;
            let found: Vec<Option<u16>> =
                found.into_iter().map(|status| status.map(|status| status.as_u16())).collect();
            assert_eq!(String::from_utf8_lossy(&checked), String::from_utf8_lossy(expected), "in pieces of {size}");
            assert_eq!(found, statuses, "in pieces of {size}");
        }
    }

    #[tokio::test]
    async fn characters_that_a_target_may_not_contain_are_encoded() {
        check(
            "GET /v1/webhooks?id=>1&name=\"\u{416}|\\`{}^&created_at=>2026-11-28 00:00:00<2027 HTTP/1.1\r\nHost: <x>\r\n\r\n"
                .as_bytes(),
            b"GET /v1/webhooks?id=%3E1&name=%22%D0%96%7C%5C%60%7B%7D%5E&created_at=%3E2026-11-28%2000:00:00%3C2027 HTTP/1.1\r\n\
              Host: <x>\r\n\r\n",
            &[None],
        )
        .await;
        let plain = b"GET /%3C%zz?a=b&c=!%3E HTTP/1.0\r\n\r\n";
        check(plain, plain, &[None]).await;
        check(b"\r\n\nGET /<> HTTP/1.1\n\n", b"GET /%3C%3E HTTP/1.1\n\n", &[None]).await;
    }

    #[tokio::test]
    async fn bodies_stay_as_they_are_and_the_next_head_is_found_behind_them() {
        let body = "GET /<> HTTP/1.1\r\n\r\n";
        let length = format!("POST /< HTTP/1.1\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        let chunked = format!(
            "POST /> HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n{:X};x=<\r\n{body}\r\n0\r\nTrailer: <\r\n\r\n",
            body.len()
        );
        let bytes = format!("{length}{chunked}GET /\" HTTP/1.1\r\n\r\n{length}");
        let expected = bytes.replace("/< ", "/%3C ").replace("/> ", "/%3E ").replace("/\" ", "/%22 ");
        check(bytes.as_bytes(), expected.as_bytes(), &[None; 4]).await;
        let invalid = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nx\r\nGET /< HTTP/1.1\r\n\r\n";
        check(invalid, invalid, &[None]).await;
    }

    #[tokio::test]
    async fn an_invalid_head_becomes_a_request_that_is_known_to_be_one() {
        for (head, status) in [
            (&b"GET\r\n\r\n"[..], 400),
            (b"GET / HTTP/2.0\r\n\r\n", 400),
            (b"PRI * HTTP/2.0\r\n\r\n", 400),
            (b"GET /\x01 HTTP/1.1\r\n\r\n", 400),
            (b"GET x/<> HTTP/1.1\r\n\r\n", 400),
            (b"G<T / HTTP/1.1\r\n\r\n", 400),
            (b"\x16\x03\x01\x02", 400),
            (b"GET / HTTP/1.1\r\nA b: c\r\n\r\n", 400),
            (b"GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n", 400),
            (b"GET / HTTP/1.1\r\nA: \x00\r\n\r\n", 400),
            (b"POST / HTTP/1.1\r\nContent-Length: 1x\r\n\r\n", 400),
            (b"POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\n", 400),
            (b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
            (b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
            (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked, gzip\r\n\r\n", 400),
            (b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        ] {
            check(head, SUBSTITUTE, &[Some(status)]).await;
            // Those before it are served; what follows is not.
            let before = b"GET /a HTTP/1.1\r\n\r\n";
            let all = [before, head, &b"\r\n\r\nGET /b HTTP/1.1\r\n\r\n"[..]].concat();
            check(&all, &[before, SUBSTITUTE].concat(), &[None, Some(status), None]).await;
        }
    }

    #[tokio::test]
    async fn heads_are_bounded() {
        let headers = |count: usize| format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(count));
        let most = headers(MAX_HEADERS);
        let large = |size: usize| format!("GET / HTTP/1.1\r\nA: {}\r\n\r\n", "x".repeat(size - 23));
        for (head, status) in [
            (most.clone(), None),
            (headers(MAX_HEADERS + 1), Some(431)),
            (large(MAX_HEAD), None),
            (large(MAX_HEAD + 1), Some(431)),
            (large(4 * MAX_HEAD), Some(431)),
            (format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(2 * MAX_HEAD)), Some(414)),
            // It grows beyond the limit when it is encoded.
            (format!("GET /{} HTTP/1.1\r\n\r\n", "<".repeat(MAX_HEAD / 2)), Some(414)),
        ] {
            let (checked, found) = checked(head.as_bytes(), 5000, 1).await;
            assert_eq!(found[0].map(|status| status.as_u16()), status, "{} bytes", head.len());
            assert_eq!(checked == head.as_bytes(), status.is_none());
        }
    }
}
