//! Messages that the test answers itself, when it likes.

use std::time::Duration;

use tokio::sync::{Mutex, mpsc, oneshot};

use crate::fixture::Message;

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_mins(2);
/// How long a test waits to see that nothing comes.
const SILENCE: Duration = Duration::from_millis(300);

/// A message that waits for its answer. One that is dropped is answered 200.
pub(crate) struct HeldMessage {
    pub(crate) message: Message,
    answer: oneshot::Sender<(u16, String)>,
}

impl HeldMessage {
    /// Hands a message to the test, and waits for what it answers.
    pub(crate) async fn answered(held: &mpsc::UnboundedSender<Self>, message: Message) -> (u16, String) {
        let (answer, answered) = oneshot::channel();
        // A test that is over answers nothing more.
        let _ = held.send(Self { message, answer });
        answered.await.unwrap_or((200, String::new()))
    }

    /// Answers with a status and a body.
    pub(crate) fn answer(self, status: u16, body: &str) {
        // The sender may have closed the connection.
        let _ = self.answer.send((status, body.to_owned()));
    }

    /// The URL that a verify message asks to call.
    pub(crate) fn callback(&self) -> String {
        self.message.body["payload"]["callback"].as_str().unwrap().to_owned()
    }
}

/// What comes in.
pub(crate) struct HeldMessages(Mutex<mpsc::UnboundedReceiver<HeldMessage>>);

impl HeldMessages {
    pub(crate) fn new(receiver: mpsc::UnboundedReceiver<HeldMessage>) -> Self {
        Self(Mutex::new(receiver))
    }

    /// The next message.
    pub(crate) async fn arrival(&self) -> HeldMessage {
        let mut receiver = self.0.lock().await;
        tokio::time::timeout(PATIENCE, receiver.recv()).await.expect("nothing arrives").unwrap()
    }

    /// Checks that nothing comes.
    pub(crate) async fn is_empty(&self) {
        let mut receiver = self.0.lock().await;
        if let Ok(Some(arrival)) = tokio::time::timeout(SILENCE, receiver.recv()).await {
            panic!("{} at {}", arrival.message.body, arrival.message.uri);
        }
    }
}
