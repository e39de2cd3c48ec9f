//! What arrived, by webhook and event, with the `Webhook-Id` that came first.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hookline_tests::receiver::{Arrival, Receiver, Reply};
use hookline_tests::wait_until::until;

/// The book of a receiver.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ledger(Arc<Mutex<Book>>);

#[derive(Debug, Default)]
struct Book {
    first: HashMap<(u64, String), String>,
    answered: HashSet<(u64, String)>,
    repeats: usize,
    changed_ids: Vec<String>,
}

impl Ledger {
    /// A receiver that writes this book. It refuses the first attempt of one message in `refuse_one_in`, so that
    /// retries are part of the traffic (0: none).
    pub(crate) async fn receiver(&self, refuse_one_in: u64) -> Receiver {
        let ledger = self.clone();
        Receiver::start(move |arrival| ledger.note(arrival, refuse_one_in)).await
    }

    fn note(&self, arrival: &Arrival, refuse_one_in: u64) -> Reply {
        let message = arrival.json();
        let webhook = message["webhook_id"].as_u64().expect("a message names its webhook");
        let event = message["payload"]["id"].as_str().expect("our payloads name their event").to_owned();
        let number = message["object_id"].as_u64().expect("our events are about a numbered object");
        let id = arrival.required("Webhook-Id").to_owned();
        let mut book = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (webhook, event);
        let is_first = match book.first.get(&key).cloned() {
            None => {
                book.first.insert(key.clone(), id);
                true
            }
            Some(first) => {
                book.repeats += 1;
                if first != id {
                    book.changed_ids.push(format!("{key:?}: {first}, then {id}"));
                }
                false
            }
        };
        if is_first && refuse_one_in > 0 && number.is_multiple_of(refuse_one_in) {
            return Reply::status(500);
        }
        book.answered.insert(key);
        Reply::status(204)
    }

    /// Waits until every event was taken by every webhook, and checks that repeats kept their ids.
    pub(crate) async fn has_all(&self, webhooks: &[u64], events: &[String], limit: Duration) {
        let missing = || {
            let book = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let expected = webhooks.iter().flat_map(|webhook| events.iter().map(|event| (*webhook, event.clone())));
            expected.filter(|key| !book.answered.contains(key)).count()
        };
        let mut last = missing();
        // The limit is for standing still: a slow machine that makes progress is no failure.
        while last > 0 {
            let what = format!("{last} accepted messages have not arrived, and no more do");
            last = until(&what, limit, || std::future::ready(Some(missing()).filter(|now| *now < last))).await;
        }
        let book = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(book.changed_ids.is_empty(), "repeats with another Webhook-Id: {:?}", book.changed_ids);
    }

    /// How many requests were repeats of one that had come before.
    pub(crate) fn repeats(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).repeats
    }
}
