//! Reads that the messages of a batch share. All of them were received before the batch began, so a read that begins with
//! the batch is as new for each message as one of its own: what changed before the message came is in it. Without this
//! the items of one account and one webhook, which are read for each event and attempt, would be the first limit of the
//! table.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hookline_core::errors::PortResult;
use tokio::sync::OnceCell;
use tokio::time::Instant;

use super::key::Item;

/// Work that begins later in a long batch reads for itself.
const SHARED_FOR: Duration = Duration::from_secs(1);

type SharedRead = Arc<OnceCell<Arc<Vec<Item>>>>;

/// The reads of the batch that a process works on, by what they read.
#[derive(Debug, Default)]
pub(in crate::store) struct BatchReads {
    batch: Mutex<Option<(Instant, HashMap<String, SharedRead>)>>,
}

impl BatchReads {
    /// A batch begins.
    pub(in crate::store) fn begin(&self, now: Instant) {
        *self.batch.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, HashMap::new()));
    }

    /// It ended: nothing is shared until the next one.
    pub(in crate::store) fn end(&self) {
        *self.batch.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The items of a read, which may be that of another message of the batch. `of` names what is read.
    pub(in crate::store) async fn read(
        &self,
        of: String,
        now: Instant,
        read: impl Future<Output = PortResult<Vec<Item>>>,
    ) -> PortResult<Arc<Vec<Item>>> {
        let Some(shared) = self.shared(of, now) else { return read.await.map(Arc::new) };
        // After a failure the next message reads.
        shared.get_or_try_init(async || read.await.map(Arc::new)).await.cloned()
    }

    fn shared(&self, of: String, now: Instant) -> Option<SharedRead> {
        let mut batch = self.batch.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, reads) = batch.as_mut().filter(|(began, _)| now.duration_since(*began) < SHARED_FOR)?;
        Some(reads.entry(of).or_default().clone())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use futures_util::future::join_all;
    use hookline_core::errors::PortError;

    use super::*;

    /// Ten messages read the same; how many reads that were, and how many got something.
    async fn ten(reads: &BatchReads, now: Instant, fails: u32) -> (u32, usize) {
        let count = AtomicU32::new(0);
        let answers = join_all((0..10).map(|_| {
            reads.read("one".to_owned(), now, async {
                tokio::task::yield_now().await;
                let number = count.fetch_add(1, Ordering::Relaxed);
                if number < fails { Err(PortError::unavailable("store", "down")) } else { Ok(Vec::new()) }
            })
        }))
        .await;
        (count.load(Ordering::Relaxed), answers.iter().filter(|answer| answer.is_ok()).count())
    }

    #[tokio::test]
    async fn messages_of_a_batch_share_a_read_for_a_second() {
        let (reads, now) = (BatchReads::default(), Instant::now());
        assert_eq!(ten(&reads, now, 0).await, (10, 10), "no batch: each reads for itself");
        reads.begin(now);
        assert_eq!(ten(&reads, now, 0).await, (1, 10));
        assert_eq!(ten(&reads, now, 0).await, (0, 10), "the batch has it");
        let other = reads.read("two".to_owned(), now, async { Err(PortError::unavailable("store", "down")) }).await;
        assert!(other.is_err(), "another read");
        assert_eq!(ten(&reads, now + SHARED_FOR, 0).await, (10, 10), "too late in the batch");
        reads.begin(now);
        assert_eq!(ten(&reads, now, 2).await, (3, 8), "a failure is not shared");
        reads.end();
        assert_eq!(ten(&reads, now, 0).await, (10, 10));
    }
}
