//! Sends the messages of concurrent work together.
//!
//! A function handles the messages of a batch concurrently, and each of them sends a few messages. SQS charges one call
//! for up to ten messages. So a sender waits until all other work of the batch either waits as well or has ended, but
//! no longer than [`LINGER`]. One of the waiting senders then sends everything, and each receives the result for its
//! own messages.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hookline_core::errors::{PortError, PortResult};
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use super::message::OutgoingMessage;

/// The longest wait for other senders. It does not prolong the invocation, which lasts until all of them are done.
const LINGER: Duration = Duration::from_millis(250);

/// The messages that wait to be sent, and how much work may still add some.
#[derive(Debug, Default)]
pub(crate) struct BatchSender {
    state: Mutex<BatchState>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct BatchState {
    working: usize,
    waiting: Vec<PendingSend>,
}

/// The messages of one sender, and the channel for their results.
#[derive(Debug)]
struct PendingSend {
    messages: Vec<OutgoingMessage>,
    results: oneshot::Sender<Vec<PortResult<()>>>,
}

/// Marks work that may still send messages, until it is dropped.
#[derive(Debug)]
pub(crate) struct WorkGuard(Arc<BatchSender>);

impl Drop for WorkGuard {
    fn drop(&mut self) {
        self.0.state().working -= 1;
        self.0.changed.notify_waiters();
    }
}

impl BatchSender {
    /// Marks the start of work that may send messages.
    pub(crate) fn begin(self: &Arc<Self>) -> WorkGuard {
        self.state().working += 1;
        WorkGuard(Arc::clone(self))
    }

    fn state(&self) -> MutexGuard<'_, BatchState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends messages together with those of other work. `send` answers for each message, in order. `Ok` if all of them
    /// are on the queue.
    pub(crate) async fn put<F>(
        &self,
        messages: Vec<OutgoingMessage>,
        send: impl Fn(Vec<OutgoingMessage>) -> F,
    ) -> PortResult<()>
    where
        F: Future<Output = Vec<PortResult<()>>>,
    {
        if messages.is_empty() {
            return Ok(());
        }
        let (results, mut answers) = oneshot::channel();
        self.state().waiting.push(PendingSend { messages, results });
        self.changed.notify_waiters();
        let end = Instant::now() + LINGER;
        loop {
            // Registered before the state is read, so that no change in between is missed.
            let changed = self.changed.notified();
            if let Some(pending) = self.due(Instant::now() >= end) {
                deliver(pending, &send).await;
            }
            tokio::select! {
                biased;
                answers = &mut answers => {
                    let answers = answers.map_err(|_| PortError::unavailable("queue", "sending a batch was interrupted"))?;
                    return answers.into_iter().collect();
                }
                () = changed => {}
                () = tokio::time::sleep_until(end), if Instant::now() < end => {}
            }
        }
    }

    /// Takes all waiting messages, if no others can follow or the wait has been long enough.
    fn due(&self, at_once: bool) -> Option<Vec<PendingSend>> {
        let mut state = self.state();
        // A sender that ran out of time no longer waits.
        state.waiting.retain(|pending| !pending.results.is_closed());
        let is_due = at_once || state.waiting.len() >= state.working;
        (is_due && !state.waiting.is_empty()).then(|| std::mem::take(&mut state.waiting))
    }
}

async fn deliver<F>(pending: Vec<PendingSend>, send: impl Fn(Vec<OutgoingMessage>) -> F)
where
    F: Future<Output = Vec<PortResult<()>>>,
{
    let (mut messages, mut results) = (Vec::new(), Vec::with_capacity(pending.len()));
    for PendingSend { messages: its, results: channel } in pending {
        results.push((channel, its.len()));
        messages.extend(its);
    }
    let mut answers = send(messages).await.into_iter();
    for (channel, count) in results {
        // The receiver may have run out of time.
        let _ = channel.send(answers.by_ref().take(count).collect());
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use futures_util::future::join_all;

    use super::*;

    fn messages(names: &[&str]) -> Vec<OutgoingMessage> {
        names.iter().map(|name| OutgoingMessage::new((*name).to_owned(), "group".to_owned())).collect()
    }

    /// Records which messages were sent together. A message called `bad` is rejected.
    #[derive(Default)]
    struct Sent(Mutex<Vec<Vec<String>>>);

    impl Sent {
        fn send(&self, messages: Vec<OutgoingMessage>) -> std::future::Ready<Vec<PortResult<()>>> {
            let taken = |message: &OutgoingMessage| match message.body.as_str() {
                "bad" => Err(PortError::unavailable("queue", "bad")),
                _ => Ok(()),
            };
            let answers = messages.iter().map(taken).collect();
            self.0.lock().unwrap().push(messages.into_iter().map(|message| message.body).collect());
            std::future::ready(answers)
        }

        fn calls(&self) -> Vec<Vec<String>> {
            self.0.lock().unwrap().clone()
        }
    }

    #[tokio::test]
    async fn messages_of_a_batch_are_sent_together_with_separate_results() {
        let (sender, sent) = (Arc::new(BatchSender::default()), Sent::default());
        let work = |names: &'static [&'static str], steps: usize| {
            let at_work = sender.begin();
            let (sender, sent) = (&sender, &sent);
            async move {
                let _at_work = at_work;
                for _ in 0..steps {
                    tokio::task::yield_now().await;
                }
                sender.put(messages(names), |messages| sent.send(messages)).await.is_ok()
            }
        };
        let done = join_all([work(&["a"], 1), work(&["b", "bad"], 2), work(&[], 3), work(&["c"], 0)]).await;
        assert_eq!(done, [true, false, true, true]);
        assert_eq!(sent.calls(), [["c", "a", "b", "bad"]]);
    }

    #[tokio::test]
    async fn the_wait_is_short_and_there_is_none_without_other_work() {
        let (sender, sent) = (Arc::new(BatchSender::default()), Sent::default());
        let put = |name: &'static str| sender.put(messages(&[name]), |messages| sent.send(messages));
        assert!(put("alone").now_or_never().is_some());
        let (slow, _quick) = (sender.begin(), sender.begin());
        assert!(put("given up").now_or_never().is_none());
        let began = Instant::now();
        put("quick").await.unwrap();
        assert!(began.elapsed() >= LINGER);
        drop(slow);
        assert!(put("again").now_or_never().is_some(), "no other work is left to wait for");
        assert_eq!(sent.calls(), [["alone"], ["quick"], ["again"]]);
    }

    #[tokio::test]
    async fn an_interrupted_send_fails_for_every_sender() {
        let sender = Arc::new(BatchSender::default());
        let (_one, _other) = (sender.begin(), sender.begin());
        let never = |_: Vec<OutgoingMessage>| std::future::pending();
        let follower = sender.put(messages(&["b"]), never);
        let leader = tokio::time::timeout(Duration::from_millis(10), sender.put(messages(&["a"]), never));
        let (followed, led) = tokio::join!(follower, leader);
        assert!(led.is_err() && followed.is_err());
    }
}
