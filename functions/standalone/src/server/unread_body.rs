//! The rest of a request's body when the answer is ready.
//!
//! A request can be refused before its body is read. If the connection were closed at that moment, the client, which is still
//! sending, would see a broken connection and perhaps never the answer. So the rest is read and discarded first, up to a
//! limit.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::{Body, Frame, Incoming, SizeHint};

/// How much is read so that the client sees the answer. The connection of a client that sends more is closed.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// A body that hands over what was not read of it.
pub(crate) struct TrackedBody {
    body: Option<Incoming>,
    left: Arc<Mutex<Option<Incoming>>>,
}

/// The rest of a [`TrackedBody`].
pub(crate) struct UnreadBody(Arc<Mutex<Option<Incoming>>>);

impl TrackedBody {
    /// Tracks a body.
    pub(crate) fn new(body: Incoming) -> (Self, UnreadBody) {
        let left = Arc::new(Mutex::new(None));
        (Self { body: Some(body), left: Arc::clone(&left) }, UnreadBody(left))
    }
}

impl UnreadBody {
    /// Reads the rest and discards it.
    pub(crate) async fn discard(self) {
        let left = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(body) = left {
            // Reading a part of it would not help: the connection has to be closed all the same.
            if body.size_hint().lower() > MAX_BYTES as u64 {
                return;
            }
            let mut body = Limited::new(body, MAX_BYTES);
            while let Some(Ok(_)) = body.frame().await {}
        }
    }
}

impl Body for TrackedBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut self.body {
            Some(body) => Pin::new(body).poll_frame(context),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl Drop for TrackedBody {
    fn drop(&mut self) {
        if let Some(body) = self.body.take().filter(|body| !body.is_end_stream()) {
            *self.left.lock().unwrap_or_else(PoisonError::into_inner) = Some(body);
        }
    }
}
