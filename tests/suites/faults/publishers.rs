//! Publishers that do what the contract asks of them: give every event an id, and repeat a call until it is answered
//! with 202, wherever the service is by then.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hookline_tests::connection::Connection;
use hookline_tests::hookline::Hookline;
use hookline_tests::wait_until::until;
use http::Method;
use serde_json::json;
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;

/// The event that all of them publish.
pub(crate) const EVENT: &str = "request.create";

/// A crew that publishes a number of events over several connections.
#[derive(Debug)]
pub(crate) struct Publishers {
    crew: JoinSet<()>,
    address: watch::Sender<SocketAddr>,
    accepted: Arc<Mutex<Vec<String>>>,
    count: watch::Sender<usize>,
}

impl Publishers {
    /// Starts publishing `events` events, whose ids begin with `prefix`.
    pub(crate) fn start(hookline: &Hookline, prefix: &str, events: usize, connections: usize) -> Self {
        let (address, _) = watch::channel(hookline.address());
        let (count, _) = watch::channel(0);
        let accepted = Arc::new(Mutex::new(Vec::with_capacity(events)));
        let next = Arc::new(AtomicUsize::new(0));
        let mut crew = JoinSet::new();
        for _ in 0..connections {
            let (next, accepted, count) = (Arc::clone(&next), Arc::clone(&accepted), count.clone());
            let (mut address, token, prefix) = (address.subscribe(), hookline.admin_token(), prefix.to_owned());
            crew.spawn(async move {
                let mut connection = Connection::new(*address.borrow_and_update(), Some(&token));
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= events {
                        return;
                    }
                    let id = format!("{prefix}-{number}");
                    let body = event(&id, number);
                    loop {
                        match connection.call(Method::POST, "/v1/events", Some(body.clone().into())).await {
                            Ok(answer) if answer.status == 202 => break,
                            Ok(answer) if answer.status.is_server_error() => tokio::task::yield_now().await,
                            Ok(answer) => panic!("{id}: {answer:?}"),
                            Err(_) => {
                                // It is gone and comes back, mostly elsewhere; or only the connection is.
                                let moved = tokio::time::timeout(Duration::from_secs(1), address.changed());
                                if matches!(moved.await, Ok(Err(_))) {
                                    return;
                                }
                                connection = Connection::new(*address.borrow_and_update(), Some(&token));
                            }
                        }
                    }
                    accepted.lock().await.push(id);
                    count.send_modify(|count| *count += 1);
                }
            });
        }
        Self { crew, address, accepted, count }
    }

    /// Waits until that many events have been accepted.
    pub(crate) async fn accepted(&self, number: usize) {
        let mut count = self.count.subscribe();
        let reached = tokio::time::timeout(Duration::from_mins(2), count.wait_for(|count| *count >= number)).await;
        reached.unwrap_or_else(|_| panic!("{number} events are accepted within 120 s")).expect("the crew is there");
    }

    /// Tells the crew where the service is now.
    pub(crate) fn moved_to(&self, hookline: &Hookline) {
        self.address.send_replace(hookline.address());
    }

    /// Waits for the end of the work; gives the ids of the accepted events.
    pub(crate) async fn finish(mut self) -> Vec<String> {
        while let Some(member) = self.crew.join_next().await {
            member.expect("a publisher does not fail");
        }
        self.accepted.lock().await.clone()
    }

    /// Lets the crew go where the service is gone for good; gives the ids of the events accepted until then.
    pub(crate) async fn dismiss(self) -> Vec<String> {
        let Self { mut crew, address, accepted, .. } = self;
        drop(address);
        while let Some(member) = crew.join_next().await {
            member.expect("a publisher does not fail");
        }
        let accepted = accepted.lock().await;
        accepted.clone()
    }
}

/// An event of about 1 KiB that names itself in its payload.
pub(crate) fn event(id: &str, number: usize) -> String {
    json!({"id": id, "event": EVENT, "object_id": number, "payload": {"id": id, "fill": "x".repeat(900)}}).to_string()
}

/// Asks the service about every event until it says that nothing of it waits. A token may ask 3,600 times an hour, so
/// several are made.
pub(crate) async fn nothing_waits(hookline: &Hookline, events: &[String], webhooks: u64) {
    for chunk in events.chunks(3_000) {
        let token = hookline.create_token("main", "administrator");
        let mut connection = Connection::new(hookline.address(), Some(&token));
        for id in chunk {
            let path = format!("/v1/events/{id}");
            let mut answer = connection.get(&path).await;
            assert_eq!(answer.status, 200, "{path}: an accepted event is known");
            let settled = |answer: &serde_json::Value| {
                answer["matched"] == webhooks && answer["waiting"] == 0 && answer["succeeded"] == webhooks
            };
            if !settled(&answer.json()) {
                let what = format!("{path} is settled: {:?}", answer.body);
                let asking = Mutex::new(&mut connection);
                answer = until(&what, Duration::from_mins(2), || async {
                    // Far apart, for the sake of the token's limit.
                    tokio::time::sleep(Duration::from_millis(200)).await;
                    Some(asking.lock().await.get(&path).await).filter(|answer| settled(&answer.json()))
                })
                .await;
            }
            assert_eq!(answer.json()["dropped"], 0);
        }
    }
}
