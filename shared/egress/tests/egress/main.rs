//! The way out against endpoints of every kind: well-behaved, unusual, hostile, and forbidden. All on loopback.

#![expect(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod addresses;
mod early;
mod examine;
mod hostile;
mod lookups;
mod memory;
mod proxies;
mod reuse;
mod secure;
mod server;
mod wire;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use hookline_core::model::{ErrorClass, Failure};
use hookline_core::ports::{Exchange, Inspection, OutgoingRequest, Transport};
use hookline_core::values::EndpointUri;
use hookline_core::values::Secret;
use hookline_egress::resolver::{Resolve, ResolveError, Resolved};
use hookline_egress::{Egress, EgressSettings};

/// The deadline where a test waits for it to pass.
const DEADLINE: Duration = Duration::from_millis(700);
/// The deadline of all others, which only a hang meets.
const PATIENCE: Duration = Duration::from_mins(2);
/// The body of every request.
const BODY: &str = "{\"name\":\"Ж\"}";

/// Settings that allow loopback.
fn settings() -> EgressSettings {
    EgressSettings {
        allow: ["127.0.0.0/8", "::1/128"].iter().map(|range| range.parse().unwrap()).collect(),
        deadline: PATIENCE,
        dns_deadline: Duration::from_millis(300),
        ..EgressSettings::default()
    }
}

/// A way out whose resolver finds every name at 127.0.0.1.
fn egress() -> Egress {
    Egress::with_resolver(settings(), Arc::new(Names::default())).unwrap()
}

/// The same, with the short deadline.
fn hasty() -> Egress {
    let settings = EgressSettings { deadline: DEADLINE, ..settings() };
    Egress::with_resolver(settings, Arc::new(Names::default())).unwrap()
}

fn uri(text: &str) -> EndpointUri {
    EndpointUri::parse(text).unwrap_or_else(|error| panic!("{text} {error}")).uri
}

/// POSTs [`BODY`] with the headers that every message has.
async fn post(egress: &Egress, to: &str) -> Exchange {
    send(egress, to, headers(), BODY, false).await
}

/// POSTs once with everything given.
async fn send(
    egress: &Egress,
    to: &str,
    headers: Vec<(String, Secret<String>)>,
    body: &str,
    fresh_connection: bool,
) -> Exchange {
    let request = OutgoingRequest { uri: &uri(to), headers, body: body.to_owned().into(), fresh_connection };
    egress.post(request).await.unwrap()
}

async fn examine(egress: &Egress, to: &str) -> Inspection {
    let request = OutgoingRequest { uri: &uri(to), headers: headers(), body: BODY.into(), fresh_connection: true };
    egress.examine(request).await.unwrap()
}

fn headers() -> Vec<(String, Secret<String>)> {
    let headers = [
        ("Content-Type", "application/json; charset=utf-8"),
        ("Accept", "*/*"),
        ("Accept-Encoding", "identity"),
        ("User-Agent", "hookline/test"),
        ("X-4me-Delivery", "2f6cbe1e-0000-8000-8000-000000000000"),
        ("Webhook-Id", "msg_1"),
    ];
    headers.map(|(name, value)| (name.to_owned(), Secret::new(value.to_owned()))).into()
}

fn failure(class: ErrorClass, text: &str) -> Failure {
    Failure::new(class, text)
}

/// A scripted resolver: each name has answers that follow one another, the last one for ever. Names that are not in
/// the script are at 127.0.0.1 for a minute.
#[derive(Default)]
struct Names {
    script: Mutex<HashMap<String, Vec<Answer>>>,
    queries: AtomicUsize,
}

/// What the name servers say.
#[derive(Clone)]
enum Answer {
    Addresses(Vec<IpAddr>, u64),
    Unresolved,
    Silence,
}

impl Names {
    fn script(name: &str, answers: &[Answer]) -> Arc<Self> {
        let script = Mutex::new(HashMap::from([(name.to_owned(), answers.to_vec())]));
        Arc::new(Self { script, queries: AtomicUsize::new(0) })
    }

    fn queries(&self) -> usize {
        self.queries.load(Ordering::SeqCst)
    }

    fn next(&self, name: &str) -> Answer {
        let mut script = self.script.lock().unwrap();
        match script.get_mut(name) {
            Some(answers) if answers.len() > 1 => answers.remove(0),
            Some(answers) => answers[0].clone(),
            None => addresses(&["127.0.0.1"], 60),
        }
    }
}

/// An answer of these addresses, with this TTL in seconds.
fn addresses(addresses: &[&str], ttl: u64) -> Answer {
    Answer::Addresses(addresses.iter().map(|address| address.parse().unwrap()).collect(), ttl)
}

#[async_trait]
impl Resolve for Names {
    async fn resolve(&self, name: &str) -> Result<Resolved, ResolveError> {
        self.queries.fetch_add(1, Ordering::SeqCst);
        match self.next(name) {
            Answer::Addresses(addresses, ttl) => Ok(Resolved { addresses, ttl: Duration::from_secs(ttl) }),
            Answer::Unresolved => Err(ResolveError::NotFound),
            Answer::Silence => std::future::pending().await,
        }
    }
}
