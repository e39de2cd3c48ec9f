//! The body of an upload on its way to the form parser, which buffers all that it can get.
//!
//! The stream hands out small pieces, one per poll, so that the parser never holds much more than one of them. Before the
//! upload is authorised it hands out only so much as the fields in front of the file may take.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use axum::body::{Body, BodyDataStream};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};

/// How much of an upload is read before it is authorised, in bytes: the fields in front of the file, with their headers.
pub(super) const MAX_FIELDS: u64 = 64 * 1024;
/// The largest piece, in bytes: before the upload is authorised, when the parser asks for more than it needs, and after.
const PIECES: (usize, usize) = (1024, 16 * 1024);

/// The bytes of an upload.
pub(super) struct UploadStream {
    body: BodyDataStream,
    /// What came from the body and was not handed out yet.
    rest: Bytes,
    budget: UploadBudget,
    /// The next poll hands out nothing.
    pauses: bool,
}

/// How many bytes of an upload may still be read.
#[derive(Debug, Clone)]
pub(super) struct UploadBudget(Arc<BytesLeft>);

#[derive(Debug)]
struct BytesLeft {
    left: AtomicU64,
    extended: AtomicBool,
}

impl UploadBudget {
    /// Allows so many bytes more.
    pub(super) fn extend(&self, bytes: u64) {
        self.0.left.fetch_add(bytes, Ordering::Relaxed);
        self.0.extended.store(true, Ordering::Relaxed);
    }

    /// Takes bytes; false if there are not as many.
    fn take(&self, bytes: u64) -> bool {
        self.0.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes)).is_ok()
    }
}

impl UploadStream {
    /// The bytes of a body, of which [`MAX_FIELDS`] may be read at first.
    pub(super) fn new(body: Body) -> (Self, UploadBudget) {
        let left = BytesLeft { left: AtomicU64::new(MAX_FIELDS), extended: AtomicBool::new(false) };
        let budget = UploadBudget(Arc::new(left));
        let body = body.into_data_stream();
        (Self { body, rest: Bytes::new(), budget: budget.clone(), pauses: false }, budget)
    }
}

impl Stream for UploadStream {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        if std::mem::take(&mut self.pauses) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        while self.rest.is_empty() {
            match ready!(self.body.poll_next_unpin(context)) {
                Some(Ok(bytes)) => self.rest = bytes,
                Some(Err(error)) => return Poll::Ready(Some(Err(io::Error::other(error)))),
                None => return Poll::Ready(None),
            }
        }
        let most = if self.budget.0.extended.load(Ordering::Relaxed) { PIECES.1 } else { PIECES.0 };
        let length = self.rest.len().min(most);
        let piece = self.rest.split_to(length);
        if !self.budget.take(length as u64) {
            return Poll::Ready(Some(Err(io::ErrorKind::FileTooLarge.into())));
        }
        self.pauses = true;
        Poll::Ready(Some(Ok(piece)))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn pieces_are_small_come_one_by_one_and_end_at_the_budget() {
        let (mut stream, budget) = UploadStream::new(Body::from(vec![0; 1024 * 1024]));
        let mut polls = 0;
        let mut next = |stream: &mut UploadStream| loop {
            polls += 1;
            assert!(polls < 1000);
            if let Some(piece) = stream.next().now_or_never() {
                return piece.expect("there is more").map(|piece| piece.len());
            }
        };
        let mut read = 0;
        while let Ok(length) = next(&mut stream) {
            assert!(length <= PIECES.0);
            read += length as u64;
        }
        assert_eq!(read, MAX_FIELDS);
        budget.extend(PIECES.1 as u64);
        assert_eq!(next(&mut stream).unwrap(), PIECES.1);
        assert!(next(&mut stream).is_err());
        assert!(polls > 2 * usize::try_from(MAX_FIELDS).unwrap() / PIECES.0 - 1, "it pauses after each piece");
    }
}
