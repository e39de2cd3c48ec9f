//! The load: events of 1 KiB that carry the time at which they were published, sent as fast as answers come, or at a
//! steady rate whatever the answers do.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use hookline_process::connection::Connection;
use http::Method;
use tokio::sync::mpsc;
use tokio::task::LocalSet;

use crate::clock::now_ns;

/// Bytes of a payload.
pub(crate) const PAYLOAD: usize = 1024;
/// Where in the payload the time begins.
pub(crate) const TIME_AT: usize = r#"{"at":""#.len();
/// How many digits it has.
pub(crate) const TIME_DIGITS: usize = 20;
/// How many kept connections the publishers use.
const CONNECTIONS: usize = 64;

/// Where the load goes.
#[derive(Debug, Clone)]
pub(crate) struct Goal {
    /// The server.
    pub(crate) address: SocketAddr,
    /// The path of the POST.
    pub(crate) path: &'static str,
    /// The token, if the server requires one.
    pub(crate) token: Option<String>,
    /// The status that every answer must have.
    pub(crate) status: u16,
    /// The events, one after the other.
    pub(crate) events: &'static [&'static str],
}

impl Goal {
    fn connection(&self) -> Connection {
        Connection::new(self.address, self.token.as_deref())
    }

    async fn publish(&self, connection: &mut Connection, number: usize, at: u64) {
        let name = self.events[number % self.events.len()];
        let answer = connection.call(Method::POST, self.path, Some(event(name, at))).await;
        let answer = answer.unwrap_or_else(|error| panic!("publishing: {error}"));
        assert_eq!(answer.status, self.status, "{:?}", answer.body);
    }
}

/// An event about which the endpoint can say how long it took.
fn event(name: &str, at: u64) -> Bytes {
    let mut event = format!(r#"{{"event":"{name}","object_id":1,"payload":"#).into_bytes();
    let payload_begins = event.len();
    event.extend_from_slice(format!(r#"{{"at":"{at:0TIME_DIGITS$}","fill":""#).as_bytes());
    event.resize(payload_begins + PAYLOAD - 2, b'x');
    event.extend_from_slice(br#""}}"#);
    event.into()
}

/// Publishes this many events; each connection sends the next one when its last was answered. Returns the start on the
/// shared clock.
pub(crate) async fn full_speed(goal: &Goal, events: usize) -> u64 {
    let begin = now_ns();
    let left = Rc::new(Cell::new(events));
    let local = LocalSet::new();
    for _ in 0..CONNECTIONS {
        let (goal, left) = (goal.clone(), Rc::clone(&left));
        local.spawn_local(async move {
            let mut connection = goal.connection();
            while let Some(next) = left.get().checked_sub(1) {
                left.set(next);
                goal.publish(&mut connection, next, now_ns()).await;
            }
        });
    }
    local.await;
    begin
}

/// Publishes at a steady rate. An event's time is the one at which it was due, so that a service that makes publishers
/// wait cannot hide it.
pub(crate) async fn steady(goal: &Goal, per_second: u32, events: usize) {
    let (due, mut dues) = mpsc::unbounded_channel();
    // A thread of its own keeps the beat: the timers of the runtime are a millisecond coarse.
    let beat = std::thread::spawn(move || {
        let begin = Instant::now();
        for number in 0..events {
            let at = Duration::from_secs(1) / per_second * u32::try_from(number).expect("a bounded run");
            std::thread::sleep(at.saturating_sub(begin.elapsed()));
            let lateness = begin.elapsed().saturating_sub(at);
            let at_ns = now_ns() - u64::try_from(lateness.as_nanos()).unwrap_or_default();
            if due.send(at_ns).is_err() {
                return;
            }
        }
    });
    let local = LocalSet::new();
    let idle: Rc<std::cell::RefCell<Vec<Connection>>> = Rc::default();
    let goal = Rc::new(goal.clone());
    local
        .run_until(async {
            let mut running = tokio::task::JoinSet::new();
            let mut number = 0;
            while let Some(at) = dues.recv().await {
                number += 1;
                let (idle, goal) = (Rc::clone(&idle), Rc::clone(&goal));
                running.spawn_local(async move {
                    let kept = idle.borrow_mut().pop();
                    let mut connection = kept.unwrap_or_else(|| goal.connection());
                    goal.publish(&mut connection, number, at).await;
                    idle.borrow_mut().push(connection);
                });
                while let Some(done) = running.try_join_next() {
                    done.expect("an event is published");
                }
            }
            while let Some(done) = running.join_next().await {
                done.expect("an event is published");
            }
        })
        .await;
    beat.join().expect("the beat is kept");
}
