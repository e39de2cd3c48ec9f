//! A deployment for tests: the router over a store in a temporary folder, endpoints and mails that only remember, and a
//! clock that can be moved.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Body;
use hookline_core::errors::PortResult;
use hookline_core::ids::AccountId;
use hookline_core::model::token::new_token;
use hookline_core::model::{
    Account, ErrorClass, Failure, Mail, Person, ResponseRecord, Role, Timings, Token, TokenHash, TokenScope,
};
use hookline_core::ports::{
    Accounts as _, ConnectionUse, CreateTokenOutcome, Exchange, Mailer, NoMetrics, NoTraces, OutgoingRequest, Transport,
};
use hookline_core::settings::CoreSettings;
use hookline_core::values::{Clock, EndpointUri, System, TimeZone};
use hookline_embedded::{ConcurrencyLimits, Kept, KeyFileVault, ServiceParts, Store, StorePorts, Workers};
use hookline_http::{Api, ClientAddress, MemoryRateLimit, Readiness, router};
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::mpsc;
use tower::ServiceExt as _;
use uuid::Uuid;

use crate::held_messages::{HeldMessage, HeldMessages};

/// The router and everything behind it. Account `wdc` has one token of each role, account `other` an administrator's.
pub(crate) struct ApiFixture {
    pub(crate) endpoint: Arc<Endpoint>,
    pub(crate) clock: Arc<MovableClock>,
    pub(crate) mails: Arc<Mails>,
    pub(crate) administrator: String,
    pub(crate) auditor: String,
    pub(crate) publisher: String,
    pub(crate) stranger: String,
    router: axum::Router,
    view: StorePorts,
    _workers: Workers,
    _folder: tempfile::TempDir,
}

impl ApiFixture {
    pub(crate) async fn start() -> Self {
        Self::with(CoreSettings::default()).await
    }

    pub(crate) async fn with(settings: CoreSettings) -> Self {
        Self::limited(settings, 100_000).await
    }

    /// One that takes so few calls without a token from one address.
    pub(crate) async fn limited(settings: CoreSettings, per_address: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("hookline.db"), Kept::of(&settings)).unwrap();
        let vault = KeyFileVault::open(&store, &folder.path().join("key"), Arc::new(System)).await.unwrap();
        let (endpoint, clock) = (Arc::new(Endpoint::default()), Arc::<MovableClock>::default());
        let mails = Arc::<Mails>::default();
        let around = ServiceParts {
            settings: Arc::new(settings),
            vault: Arc::new(vault),
            mailer: mails.clone(),
            transport: endpoint.clone(),
            metrics: Arc::new(NoMetrics),
            traces: Arc::new(NoTraces),
            clock: clock.clone(),
            entropy: Arc::new(System),
        };
        let workers =
            Workers::start(store.worker().service(&around), store.clone(), ConcurrencyLimits::default()).unwrap();
        let router = router(Api {
            service: store.api().service(&around),
            readiness: Arc::new(Ready),
            rate_limit: Arc::new(MemoryRateLimit::new(100_000, per_address)),
        });
        let view = store.api();
        let mut tokens = Vec::new();
        for (account, person, role) in [
            ("wdc", "Ada", Role::Administrator),
            ("wdc", "Bo", Role::Auditor),
            ("wdc", "Cy", Role::Publisher),
            ("other", "Di", Role::Administrator),
        ] {
            tokens.push(token(&view, account, person, role).await);
        }
        let [administrator, auditor, publisher, stranger] = tokens.try_into().unwrap();
        Self {
            endpoint,
            clock,
            mails,
            administrator,
            auditor,
            publisher,
            stranger,
            _folder: folder,
            router,
            view,
            _workers: workers,
        }
    }

    /// A call by the administrator of `wdc`.
    pub(crate) async fn call(&self, method: &str, path: &str, body: Option<Value>) -> Reply {
        self.call_as(&self.administrator, method, path, body).await
    }

    /// A call with a token.
    pub(crate) async fn call_as(&self, token: &str, method: &str, path: &str, body: Option<Value>) -> Reply {
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let request = Request::builder().method(method).uri(path).header("authorization", format!("Bearer {token}"));
        self.send(request.body(body.into()).unwrap()).await
    }

    /// A call without a token.
    pub(crate) async fn visit(&self, method: &str, url: &str) -> Reply {
        self.send(Request::builder().method(method).uri(url).body(Body::empty()).unwrap()).await
    }

    /// Any request, from one address.
    pub(crate) async fn send(&self, mut request: Request<Body>) -> Reply {
        request.extensions_mut().insert(ClientAddress([192, 0, 2, 1].into()));
        let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Reply { status: parts.status, headers: parts.headers, body: body.to_vec() }
    }

    /// The id of a token.
    pub(crate) async fn id_of(&self, token: &str) -> String {
        let caller = self.view.caller(&TokenHash::of(token), self.clock.now()).await.unwrap().unwrap();
        caller.token.id.to_string()
    }

    /// Revokes a token.
    pub(crate) async fn revoke(&self, id: &str) {
        assert!(self.view.revoke_token(id.parse().unwrap()).await.unwrap());
    }

    /// Creates a webhook for `*`; its id.
    pub(crate) async fn webhook(&self) -> u64 {
        let input = serde_json::json!({"event": "*", "uri": "https://hooks.example.com/in"});
        self.call("POST", "/v1/webhooks", Some(input)).await.json(200)["id"].as_u64().unwrap()
    }
}

/// An account, made if need be, and a token for it. The person's id is the length of the name.
async fn token(view: &StorePorts, account: &str, person: &str, role: Role) -> String {
    let id = AccountId::parse(account).unwrap();
    let account = Account {
        id: id.clone(),
        name: account.to_owned(),
        admin_mails: Vec::new(),
        time_zone: TimeZone::default(),
        custom_url: None,
        disabled: false,
        created_at: System.now(),
    };
    view.create_account(&account).await.unwrap();
    let secret = new_token(&System);
    let hash = TokenHash::of(secret.expose());
    let person = Person { id: person.len() as u64, name: person.to_owned() };
    let token = Token {
        id: Uuid::now_v7(),
        hash,
        person,
        role,
        created_at: System.now(),
        expires_at: None,
        parent: None,
        scope: TokenScope::Account,
    };
    assert_eq!(view.create_token(&id, &token, 1000).await.unwrap(), CreateTokenOutcome::Done);
    secret.expose().clone()
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    /// The body, after a look at the status.
    pub(crate) fn json(&self, status: u16) -> Value {
        let text = String::from_utf8_lossy(&self.body);
        assert_eq!(self.status, status, "{text}");
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// A header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The sentences of a 422.
    pub(crate) fn problems(&self) -> Vec<String> {
        let errors = self.json(422)["errors"].clone();
        errors.as_array().unwrap().iter().map(|pair| pair[1].as_str().unwrap().to_owned()).collect()
    }
}

/// The system's clock, moved.
#[derive(Default)]
pub(crate) struct MovableClock(AtomicI64);

impl MovableClock {
    pub(crate) fn forward(&self, by: Duration) {
        self.0.fetch_add(i64::try_from(by.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for MovableClock {
    fn now(&self) -> Timestamp {
        System.now() + jiff::SignedDuration::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// Every endpoint of the world: remembers what it got, and answers with one status, unless the test answers itself.
pub(crate) struct Endpoint {
    status: AtomicU16,
    got: Mutex<Vec<Message>>,
    held: Mutex<Option<mpsc::UnboundedSender<HeldMessage>>>,
    closes_idle: AtomicBool,
    directive: Mutex<Option<String>>,
}

/// A message as it was sent.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) uri: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Value,
}

impl Message {
    pub(crate) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map_or("", |(_, value)| value)
    }
}

impl Default for Endpoint {
    fn default() -> Self {
        Self {
            status: AtomicU16::new(200),
            got: Mutex::default(),
            held: Mutex::default(),
            closes_idle: AtomicBool::new(false),
            directive: Mutex::default(),
        }
    }
}

impl Endpoint {
    /// Answers like this from now on.
    pub(crate) fn answer(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }

    /// From now on every answer has this `webhook-delivery` header.
    pub(crate) fn direct(&self, directive: &str) {
        *self.directive.lock().unwrap() = Some(directive.to_owned());
    }

    /// From now on every request over an idle connection finds it closed.
    pub(crate) fn close_idle_connections(&self) {
        self.closes_idle.store(true, Ordering::SeqCst);
    }

    /// From now on the test answers every message.
    pub(crate) fn held(&self) -> HeldMessages {
        let (sender, receiver) = mpsc::unbounded_channel();
        *self.held.lock().unwrap() = Some(sender);
        HeldMessages::new(receiver)
    }

    /// What came so far.
    pub(crate) fn got(&self) -> Vec<Message> {
        self.got.lock().unwrap().clone()
    }

    /// Waits until so many messages came, and answers all that did.
    pub(crate) async fn wait_for(&self, count: usize) -> Vec<Message> {
        eventually("messages at the endpoint", || async { (self.got().len() >= count).then(|| self.got()) }).await
    }
}

/// Waits until something is there.
pub(crate) async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, look: impl Fn() -> F) -> T {
    let limit = Duration::from_mins(2);
    let waiting = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(limit, waiting).await.unwrap_or_else(|_| panic!("not within {limit:?}: {what}"))
}

#[async_trait]
impl Transport for Endpoint {
    fn permits(&self, _: &EndpointUri) -> bool {
        true
    }

    async fn post(&self, request: OutgoingRequest<'_>) -> PortResult<Exchange> {
        let headers = request.headers.iter().map(|(name, value)| (name.clone(), value.expose().clone())).collect();
        let body = serde_json::from_slice(&request.body).unwrap();
        let message = Message { uri: request.uri.masked().to_owned(), headers, body };
        self.got.lock().unwrap().push(message.clone());
        if self.closes_idle.load(Ordering::SeqCst) && !request.fresh_connection {
            return Ok(Exchange {
                result: Err(Failure::new(ErrorClass::Protocol, "Connection closed before an answer")),
                timings: Timings::default(),
                address: None,
                connection: ConnectionUse::Stale,
            });
        }
        let held = self.held.lock().unwrap().clone();
        let (status, body) = match held {
            Some(held) => HeldMessage::answered(&held, message).await,
            None => (self.status.load(Ordering::SeqCst), String::new()),
        };
        let mut headers = vec![("Echo".to_owned(), body.clone())];
        headers.extend(self.directive.lock().unwrap().clone().map(|value| ("Webhook-Delivery".to_owned(), value)));
        let response = ResponseRecord { status, headers, body };
        Ok(Exchange {
            result: Ok(response),
            timings: Timings::default(),
            address: None,
            connection: ConnectionUse::New,
        })
    }
}

/// Remembers every mail.
#[derive(Default)]
pub(crate) struct Mails(Mutex<Vec<Mail>>);

impl Mails {
    /// What was sent so far.
    pub(crate) fn sent(&self) -> Vec<Mail> {
        self.0.lock().unwrap().clone()
    }
}

#[async_trait]
impl Mailer for Mails {
    async fn send(&self, mail: &Mail) -> PortResult<()> {
        self.0.lock().unwrap().push(mail.clone());
        Ok(())
    }
}

struct Ready;

#[async_trait]
impl Readiness for Ready {
    async fn ready(&self) -> Result<(), String> {
        Ok(())
    }
}
