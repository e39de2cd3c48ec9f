//! A service on a store in a temporary folder. A test processes the queue itself, or starts workers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use hookline_core::errors::PortResult;
use hookline_core::ids::{AccountId, EventId, WebhookId};
use hookline_core::model::{
    Account, Attempt, Delivery, ErrorClass, Event, EventHead, EventName, Failure, Links, Mail, MailStep, Message,
    Outcome, Payload, Person, RecoveryStep, ResponseRecord, Timings, Webhook,
};
use hookline_core::ports::{
    Accounts as _, ConnectionUse, DeliveryQuery, DeliveryScope, Disposition, EventIntake, Exchange, Mailer, NoMetrics,
    NoTraces, OutgoingRequest, Queues, Transport,
};
use hookline_core::service::Service;
use hookline_core::settings::CoreSettings;
use hookline_core::use_cases::webhooks::draft::WebhookInput;
use hookline_core::use_cases::webhooks::register;
use hookline_core::use_cases::{deliver, fan_out, mail_batch};
use hookline_core::values::{Clock, Condition, EndpointUri, FieldValue, MailAddress, Patch, System, TimeZone};
use hookline_embedded::{ConcurrencyLimits, Kept, KeyFileVault, ServiceParts, Store, StorePorts, Workers};
use jiff::Timestamp;

/// What an endpoint does.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Does {
    /// It answers with this status.
    Answers(u16),
    /// With this status and `Retry-After`.
    AsksToWait(u16, &'static str),
    /// It accepts the message after a while.
    Takes(Duration),
    /// It fails every other time, beginning with the first.
    Flaps,
    /// It never answers.
    StaysSilent,
}

pub(crate) struct ServiceFixture {
    pub(crate) service: Service,
    pub(crate) clock: Arc<StillClock>,
    pub(crate) endpoints: Arc<Endpoints>,
    pub(crate) mails: Arc<Mailbox>,
    queue: Arc<Recorder>,
    around: ServiceParts,
    store: Store,
    pub(crate) folder: tempfile::TempDir,
}

impl ServiceFixture {
    pub(crate) async fn new() -> Self {
        Self::with(CoreSettings::default()).await
    }

    pub(crate) async fn with(settings: CoreSettings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&folder.path().join("hookline.db"), Kept::of(&settings)).unwrap();
        let vault = KeyFileVault::open(&store, &folder.path().join("key"), Arc::new(System)).await.unwrap();
        let (clock, endpoints) = (Arc::<StillClock>::default(), Arc::<Endpoints>::default());
        let mails = Arc::<Mailbox>::default();
        let queue = Arc::new(Recorder::new(&store));
        for id in ["wdc", "other"] {
            assert!(store.api().create_account(&account(id)).await.unwrap());
        }
        let around = ServiceParts {
            settings: Arc::new(settings),
            vault: Arc::new(vault),
            mailer: mails.clone(),
            transport: endpoints.clone(),
            metrics: Arc::new(NoMetrics),
            traces: Arc::new(NoTraces),
            clock: clock.clone(),
            entropy: Arc::new(System),
        };
        let service = Service { queues: queue.clone(), ..store.api().service(&around) };
        Self { service, clock, endpoints, mails, queue, around, store, folder }
    }

    /// Lets the clock run and starts workers.
    pub(crate) fn work(&self, limits: ConcurrencyLimits) -> Workers {
        *self.clock.0.lock().unwrap() = None;
        Workers::start(self.store.worker().service(&self.around), self.store.clone(), limits).unwrap()
    }

    /// Stops the service and starts it again on the same file.
    pub(crate) async fn restart(self, limits: ConcurrencyLimits) -> (Self, Workers) {
        self.store.close().await;
        let path = self.folder.path().join("hookline.db");
        let store = Store::open(&path, Kept::of(&self.service.settings)).unwrap();
        let queue = Arc::new(Recorder::new(&store));
        let service = Service { queues: queue.clone(), ..store.api().service(&self.around) };
        let fixture = Self { service, queue, store, ..self };
        let workers = fixture.work(limits);
        (fixture, workers)
    }

    /// Publishes events of account `wdc`: every webhook of it gets them.
    pub(crate) async fn publish(&self, count: usize) {
        self.publish_of("wdc", count).await;
    }

    /// Publishes events of an account.
    pub(crate) async fn publish_of(&self, account: &str, count: usize) {
        let events: Vec<Event> = (0..count).map(|_| event(account, self.clock.now())).collect();
        self.store.api().put_events(&events).await.into_iter().for_each(|put| assert!(put.is_ok()));
    }

    /// How many records of a webhook of account `wdc` have this outcome.
    pub(crate) async fn count(&self, webhook: WebhookId, outcome: Outcome) -> usize {
        let mut query = DeliveryQuery {
            scope: DeliveryScope::Webhook(webhook),
            event: Vec::new(),
            outcome: vec![Condition::OneOf(vec![FieldValue::Text(outcome.as_str().to_owned())])],
            created_at: Vec::new(),
            older_than: None,
            newer_than: None,
            per_page: 100,
        };
        let mut count = 0;
        loop {
            let page = self.service.deliveries.list_deliveries(&wdc(), &query, self.clock.now()).await.unwrap();
            count += page.items.len();
            query.older_than = page.older;
            if page.older.is_none() {
                return count;
            }
        }
    }

    /// A second process on the same file, with nothing in memory.
    pub(crate) fn other_process(&self) -> StorePorts {
        Store::open(&self.folder.path().join("hookline.db"), Kept::of(&self.service.settings)).unwrap().api()
    }

    /// A webhook at this URI.
    pub(crate) async fn webhook(&self, account_id: &str, uri: &str) -> WebhookId {
        self.create(account_id, uri, WebhookInput::default()).await
    }

    /// A webhook at this URI that an administrator disabled.
    pub(crate) async fn disabled_webhook(&self, account_id: &str, uri: &str) -> WebhookId {
        let input = WebhookInput { disabled: Patch::Value(true), ..WebhookInput::default() };
        self.create(account_id, uri, input).await
    }

    async fn create(&self, account_id: &str, uri: &str, input: WebhookInput) -> WebhookId {
        let input = WebhookInput {
            event: Patch::Value("request.create".to_owned()),
            uri: Patch::Value(uri.to_owned()),
            ..input
        };
        register::create(&self.service, &account(account_id), &ada(), &input, "tests").await.unwrap().id
    }

    /// Changes a webhook as an administrator.
    pub(crate) async fn patch(&self, id: WebhookId, input: WebhookInput) -> Webhook {
        register::update(&self.service, &wdc(), &ada(), id, &input, |_| true).await.unwrap()
    }

    /// The webhook of account `wdc` as it is stored.
    pub(crate) async fn stored(&self, id: WebhookId) -> Webhook {
        self.service.webhooks.webhook(&wdc(), id).await.unwrap().unwrap()
    }

    /// The first attempt of a new message of account `wdc` for a webhook.
    pub(crate) async fn message(&self, webhook: WebhookId) -> Attempt {
        self.message_of("wdc", webhook).await
    }

    /// The first attempt of a new message of an account.
    pub(crate) async fn message_of(&self, account_id: &str, webhook: WebhookId) -> Attempt {
        let event = event(account_id, self.clock.now());
        self.service
            .queues
            .put_events(std::slice::from_ref(&event))
            .await
            .into_iter()
            .for_each(|put| assert!(put.is_ok()));
        let message = Message::new(&event.head, webhook, "name".to_owned(), None);
        Attempt::first(message, &event.payload, self.clock.now())
    }

    /// Processes an attempt. To take the next one, call [`ServiceFixture::next`].
    pub(crate) async fn deliver(&self, attempt: &Attempt) -> Disposition {
        deliver::handle(&self.service, attempt.clone()).await.unwrap()
    }

    /// Processes a new message of a webhook of account `wdc`.
    pub(crate) async fn send(&self, webhook: WebhookId) -> Disposition {
        self.deliver(&self.message(webhook).await).await
    }

    /// Takes the newest attempt off the queue.
    pub(crate) fn next(&self) -> Attempt {
        self.queue.put.lock().unwrap().last().cloned().expect("an attempt on the queue")
    }

    /// Takes the tries of disabled webhooks off the queue.
    pub(crate) fn tries(&self) -> Vec<RecoveryStep> {
        std::mem::take(&mut *self.queue.tries.lock().unwrap())
    }

    /// Takes the mails that wait off the queue, whether they are due or not.
    pub(crate) fn waiting_mails(&self) -> Vec<MailStep> {
        std::mem::take(&mut *self.queue.mails.lock().unwrap())
    }

    /// Lets time pass, and sends the mails that wait.
    pub(crate) async fn send_waiting_mails(&self, seconds: u64) {
        self.clock.forward(seconds);
        for step in self.waiting_mails() {
            match mail_batch::run_step(&self.service, step.clone()).await.unwrap() {
                Disposition::Done | Disposition::Conflict => {}
                Disposition::HandBack { .. } => self.queue.mails.lock().unwrap().push(step),
            }
        }
    }

    /// Fans out a new event of account `wdc`.
    pub(crate) async fn fan_out(&self) -> Event {
        let event = event("wdc", self.clock.now());
        self.service
            .queues
            .put_events(std::slice::from_ref(&event))
            .await
            .into_iter()
            .for_each(|put| assert!(put.is_ok()));
        fan_out::handle(&self.service, event.clone()).await.unwrap();
        event
    }

    /// The records of an event, newest first.
    pub(crate) async fn records(&self, event: &Event) -> Vec<Delivery> {
        self.records_in(DeliveryScope::Event(event.head.id.clone())).await
    }

    /// The records of an attempt's message, newest first.
    pub(crate) async fn records_of(&self, attempt: &Attempt) -> Vec<Delivery> {
        self.records_in(DeliveryScope::Message(attempt.message.id.clone())).await
    }

    async fn records_in(&self, scope: DeliveryScope) -> Vec<Delivery> {
        let query = DeliveryQuery {
            scope,
            event: Vec::new(),
            outcome: Vec::new(),
            created_at: Vec::new(),
            older_than: None,
            newer_than: None,
            per_page: 100,
        };
        self.service.deliveries.list_deliveries(&wdc(), &query, self.clock.now()).await.unwrap().items
    }

    /// The record of an attempt.
    pub(crate) async fn record(&self, attempt: &Attempt) -> Option<Delivery> {
        let account = attempt.message.account();
        self.service.deliveries.delivery(account, attempt.delivery_id(), self.clock.now()).await.unwrap()
    }
}

pub(crate) fn wdc() -> AccountId {
    AccountId::parse("wdc").unwrap()
}

fn ada() -> Person {
    Person { id: 6, name: "Ada".to_owned() }
}

fn account(id: &str) -> Account {
    Account {
        id: AccountId::parse(id).unwrap(),
        name: id.to_uppercase(),
        admin_mails: vec![MailAddress::parse(&format!("admin@{id}.example")).unwrap()],
        time_zone: TimeZone::default(),
        custom_url: None,
        disabled: false,
        created_at: Timestamp::UNIX_EPOCH,
    }
}

fn event(account: &str, now: Timestamp) -> Event {
    let name = EventName::builtin("request.create").unwrap();
    let head = EventHead {
        id: EventId::parse(&uuid::Uuid::now_v7().to_string()).unwrap(),
        account: AccountId::parse(account).unwrap(),
        object_id: 1,
        object_type: EventHead::default_object_type(&name),
        event: name,
        person_id: None,
        person_name: None,
        links: Links::default(),
        webhook: None,
        trace: None,
        accepted_at: now,
    };
    Event { head: Arc::new(head), payload: Payload::empty() }
}

/// A clock that a test moves until it is released.
pub(crate) struct StillClock(Mutex<Option<Timestamp>>);

impl Default for StillClock {
    fn default() -> Self {
        Self(Mutex::new(Some(Timestamp::from_second(1_800_000_000).unwrap())))
    }
}

impl StillClock {
    pub(crate) fn forward(&self, seconds: u64) {
        let mut now = self.0.lock().unwrap();
        *now.as_mut().expect("a clock that stands still") += Duration::from_secs(seconds);
    }
}

impl Clock for StillClock {
    fn now(&self) -> Timestamp {
        self.0.lock().unwrap().unwrap_or_else(|| System.now())
    }
}

/// All endpoints of the fixture, by host name. By default an endpoint answers 200.
#[derive(Default)]
pub(crate) struct Endpoints {
    does: Mutex<HashMap<String, Does>>,
    posts: Mutex<Vec<String>>,
    /// By host: the requests in flight now, and the number in flight when each one started, itself included.
    in_flight: Mutex<HashMap<String, (usize, Vec<usize>)>>,
}

impl Endpoints {
    pub(crate) fn tell(&self, host: &str, does: Does) {
        self.does.lock().unwrap().insert(host.to_owned(), does);
    }

    /// The number of requests in flight to a host when each one started, since the last call.
    pub(crate) fn paces(&self, host: &str) -> Vec<usize> {
        self.in_flight.lock().unwrap().get_mut(host).map(|(_, paces)| std::mem::take(paces)).unwrap_or_default()
    }

    /// The most requests that it had in flight.
    pub(crate) fn most_in_flight(&self, host: &str) -> usize {
        self.paces(host).into_iter().max().unwrap_or_default()
    }

    fn enter(&self, host: &str) {
        let mut in_flight = self.in_flight.lock().unwrap();
        let (now, paces) = in_flight.entry(host.to_owned()).or_default();
        *now += 1;
        paces.push(*now);
    }

    fn leave(&self, host: &str) {
        self.in_flight.lock().unwrap().get_mut(host).unwrap().0 -= 1;
    }

    /// How many requests a host got.
    pub(crate) fn posts(&self, host: &str) -> usize {
        self.posts.lock().unwrap().iter().filter(|posted| *posted == host).count()
    }
}

#[async_trait]
impl Transport for Endpoints {
    fn permits(&self, _: &EndpointUri) -> bool {
        true
    }

    async fn post(&self, request: OutgoingRequest<'_>) -> PortResult<Exchange> {
        let host = request.uri.url().host_str().unwrap().to_owned();
        let does = self.does.lock().unwrap().get(&host).copied().unwrap_or(Does::Answers(200));
        self.posts.lock().unwrap().push(host.clone());
        self.enter(&host);
        // All concurrent requests get here before the first one is answered.
        match does {
            Does::Takes(duration) => tokio::time::sleep(duration).await,
            Does::Answers(_) | Does::AsksToWait(..) | Does::Flaps | Does::StaysSilent => tokio::task::yield_now().await,
        }
        self.leave(&host);
        let answer = |status, headers| Ok(ResponseRecord { status, headers, body: String::new() });
        let result = match does {
            Does::Takes(_) => answer(200, Vec::new()),
            Does::Answers(status) => answer(status, Vec::new()),
            Does::Flaps => answer(if self.posts(&host) % 2 == 1 { 503 } else { 200 }, Vec::new()),
            Does::AsksToWait(status, wait) => answer(status, vec![("retry-after".to_owned(), wait.to_owned())]),
            Does::StaysSilent => Err(Failure::new(ErrorClass::Timeout, "Timeout")),
        };
        Ok(Exchange { result, timings: Timings::default(), address: None, connection: ConnectionUse::New })
    }
}

/// Keeps all mails.
#[derive(Default)]
pub(crate) struct Mailbox(Mutex<Vec<Mail>>);

impl Mailbox {
    /// Takes all mails out: subjects without the webhook's name.
    pub(crate) fn subjects(&self) -> Vec<String> {
        let subject = |mail: Mail| mail.subject.split(" – ").next().unwrap_or_default().to_owned();
        self.take().into_iter().map(subject).collect()
    }

    /// True if a mail with such a subject is there.
    pub(crate) fn has(&self, subject: &str) -> bool {
        self.0.lock().unwrap().iter().any(|mail| mail.subject.contains(subject))
    }

    /// Takes all mails out.
    pub(crate) fn take(&self) -> Vec<Mail> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

#[async_trait]
impl Mailer for Mailbox {
    async fn send(&self, mail: &Mail) -> PortResult<()> {
        self.0.lock().unwrap().push(mail.clone());
        Ok(())
    }
}

/// The queue of the store, with access for tests.
struct Recorder {
    inner: StorePorts,
    put: Mutex<Vec<Attempt>>,
    tries: Mutex<Vec<RecoveryStep>>,
    mails: Mutex<Vec<MailStep>>,
}

impl Recorder {
    fn new(store: &Store) -> Self {
        Self { inner: store.api(), put: Mutex::default(), tries: Mutex::default(), mails: Mutex::default() }
    }
}

#[async_trait]
impl Queues for Recorder {
    async fn put_events(&self, events: &[Event]) -> Vec<PortResult<EventIntake>> {
        self.inner.put_events(events).await
    }

    async fn put_attempts(&self, attempts: &[(u64, Attempt)]) -> PortResult<()> {
        self.put.lock().unwrap().extend(attempts.iter().map(|(_, attempt)| attempt.clone()));
        self.inner.put_attempts(attempts).await
    }

    async fn put_redelivery(&self, step: &hookline_core::model::RedeliveryStep) -> PortResult<()> {
        self.inner.put_redelivery(step).await
    }

    async fn put_recovery(&self, step: &RecoveryStep) -> PortResult<()> {
        self.tries.lock().unwrap().push(step.clone());
        self.inner.put_recovery(step).await
    }

    async fn put_mail(&self, step: &MailStep) -> PortResult<()> {
        self.mails.lock().unwrap().push(step.clone());
        self.inner.put_mail(step).await
    }
}

/// Waits until a condition holds.
pub(crate) async fn until(what: &str, holds: impl AsyncFn() -> bool) {
    let limit = Duration::from_mins(2);
    let waiting = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(limit, waiting).await.unwrap_or_else(|_| panic!("not within {limit:?}: {what}"));
}
