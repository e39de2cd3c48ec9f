//! Messages of several pieces of work, sent together.
//!
//! The messages of a batch are worked on at the same time, and each of them puts a few others on a queue. A call of SQS
//! costs the same for ten as for one. So whoever has something to send waits until all the others of the batch have
//! something too, or are at their end, though never longer than [`LINGER`]. Then one of them sends it all, and each
//! learns what became of its own.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hookline_core::ports::{Answer, Fault};
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use super::message::OutgoingMessage;

/// The longest wait for others. It makes no invocation longer, since that lasts until all of them are done anyway.
const LINGER: Duration = Duration::from_millis(250);

/// What waits to be sent, and how many may still come.
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

/// The messages of one piece of work, and who wants to know about them.
#[derive(Debug)]
struct PendingSend {
    messages: Vec<OutgoingMessage>,
    told: oneshot::Sender<Vec<Answer<()>>>,
}

/// A piece of work that may have something to send, until this is dropped.
#[derive(Debug)]
pub(crate) struct WorkGuard(Arc<BatchSender>);

impl Drop for WorkGuard {
    fn drop(&mut self) {
        self.0.state().working -= 1;
        self.0.changed.notify_waiters();
    }
}

impl BatchSender {
    /// One more piece of work begins.
    pub(crate) fn begin(self: &Arc<Self>) -> WorkGuard {
        self.state().working += 1;
        WorkGuard(Arc::clone(self))
    }

    fn state(&self) -> MutexGuard<'_, BatchState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends these messages, together with those of others, by `send`, which answers for each in order. `Ok` if all of
    /// them are on the queue.
    pub(crate) async fn put<F>(
        &self,
        messages: Vec<OutgoingMessage>,
        send: impl Fn(Vec<OutgoingMessage>) -> F,
    ) -> Answer<()>
    where
        F: Future<Output = Vec<Answer<()>>>,
    {
        if messages.is_empty() {
            return Ok(());
        }
        let (told, mut answers) = oneshot::channel();
        self.state().waiting.push(PendingSend { messages, told });
        self.changed.notify_waiters();
        let end = Instant::now() + LINGER;
        loop {
            // Before it is looked at, so that no change in between is missed.
            let changed = self.changed.notified();
            if let Some(pending) = self.due(Instant::now() >= end) {
                deliver(pending, &send).await;
            }
            tokio::select! {
                biased;
                answers = &mut answers => {
                    let answers = answers.map_err(|_| Fault::unavailable("queue", "who sent for others was cut off"))?;
                    return answers.into_iter().collect();
                }
                () = changed => {}
                () = tokio::time::sleep_until(end), if Instant::now() < end => {}
            }
        }
    }

    /// All that waits, if nothing more can come or it has waited long enough.
    fn due(&self, at_once: bool) -> Option<Vec<PendingSend>> {
        let mut state = self.state();
        // What ran out of time waits no more.
        state.waiting.retain(|pending| !pending.told.is_closed());
        let is_due = at_once || state.waiting.len() >= state.working;
        (is_due && !state.waiting.is_empty()).then(|| std::mem::take(&mut state.waiting))
    }
}

async fn deliver<F>(pending: Vec<PendingSend>, send: impl Fn(Vec<OutgoingMessage>) -> F)
where
    F: Future<Output = Vec<Answer<()>>>,
{
    let (mut messages, mut told) = (Vec::new(), Vec::with_capacity(pending.len()));
    for PendingSend { messages: its, told: who } in pending {
        told.push((who, its.len()));
        messages.extend(its);
    }
    let mut answers = send(messages).await.into_iter();
    for (who, count) in told {
        // Whoever is gone does not mind.
        let _ = who.send(answers.by_ref().take(count).collect());
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

    /// Sends nothing, but notes what was sent together. A message called `bad` is not taken.
    #[derive(Default)]
    struct Sent(Mutex<Vec<Vec<String>>>);

    impl Sent {
        fn send(&self, messages: Vec<OutgoingMessage>) -> std::future::Ready<Vec<Answer<()>>> {
            let taken = |message: &OutgoingMessage| match message.body.as_str() {
                "bad" => Err(Fault::unavailable("queue", "bad")),
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
    async fn what_a_batch_has_goes_out_together_and_each_learns_of_its_own() {
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
    async fn nobody_waits_long_for_others_nor_at_all_when_alone() {
        let (sender, sent) = (Arc::new(BatchSender::default()), Sent::default());
        let put = |name: &'static str| sender.put(messages(&[name]), |messages| sent.send(messages));
        assert!(put("alone").now_or_never().is_some());
        let (slow, _quick) = (sender.begin(), sender.begin());
        assert!(put("given up").now_or_never().is_none());
        let began = Instant::now();
        put("quick").await.unwrap();
        assert!(began.elapsed() >= LINGER);
        drop(slow);
        assert!(put("again").now_or_never().is_some(), "there is nobody left to wait for");
        assert_eq!(sent.calls(), [["alone"], ["quick"], ["again"]]);
    }

    #[tokio::test]
    async fn who_sends_for_others_and_is_cut_off_leaves_them_a_fault() {
        let sender = Arc::new(BatchSender::default());
        let (_one, _other) = (sender.begin(), sender.begin());
        let never = |_: Vec<OutgoingMessage>| std::future::pending();
        let follower = sender.put(messages(&["b"]), never);
        let leader = tokio::time::timeout(Duration::from_millis(10), sender.put(messages(&["a"]), never));
        let (followed, led) = tokio::join!(follower, leader);
        assert!(led.is_err() && followed.is_err());
    }
}
