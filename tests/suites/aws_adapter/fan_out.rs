//! One event for very many webhooks, by the function's own code.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_sqs::types::QueueAttributeName;
use hookline_aws::Deployment;
use hookline_core::model::event::encode_event;
use hookline_core::model::{Attempt, Event, EventHead, Payload};
use hookline_core::ports::EventClaim;
use hookline_core::service::Service;
use hookline_core::values::{Clock, System};
use hookline_process::proc_stats::peak_memory_kib;
use hookline_tests::lambda::environment::{Configuration, Environment, Outcome};
use hookline_tests::lambda::function::bootstrap;
use hookline_tests::local_aws::clients;
use hookline_tests::local_aws::resources::Resources;
use hookline_tests::target::Variation;
use hookline_tests::target::aws::settings;
use hookline_tests::target::functions;
use jiff::Timestamp;
use serde_json::json;

use crate::fixture::{StoreFixture, event, id};

/// The function's timeout in the template.
const TIMEOUT: Duration = Duration::from_mins(1);

/// The function's memory in the template, in MiB.
const MEMORY: u32 = 256;

/// A payload that messages still carry themselves, with the head of its event.
const INLINE: usize = 47 * 1024;

/// What a function keeps of its time to report.
const REPORT: Duration = Duration::from_secs(2);

/// The time, but so much later.
struct Later(Duration);

impl Clock for Later {
    fn now(&self) -> Timestamp {
        System.now() + self.0
    }
}

struct World {
    deployment: Deployment,
    table: String,
    resources: Resources,
}

impl World {
    /// A deployment with an account whose webhooks all wait for the same event.
    async fn new(webhooks: usize) -> Self {
        let (clients, fixture) = (clients(), StoreFixture::new().await);
        let resources = Resources::new(&clients).await;
        let deployment = Deployment::new(settings(&Variation::default(), fixture.name(), &resources), clients.clone());
        let hook = fixture.hook("a", "request.create").await;
        let found = clients.dynamodb().query().table_name(fixture.name());
        let found = found.key_condition_expression("pk = :pk");
        let found = found.expression_attribute_values(":pk", AttributeValue::S("a on request.create".to_owned()));
        let one = found.send().await.unwrap().items.unwrap().pop().unwrap();
        let copies = (1..webhooks).map(|number| {
            let (mut copy, number) = (one.clone(), hook.id.0 + number as u64);
            copy.insert("sk".to_owned(), AttributeValue::S(format!("{number:010}")));
            copy.insert("id".to_owned(), AttributeValue::N(number.to_string()));
            copy
        });
        fixture.put_items(copies).await;
        Self { deployment, table: fixture.name().to_owned(), resources }
    }

    fn service(&self, later: Duration) -> Service {
        let queues = Arc::new(self.deployment.queues());
        Service { clock: Arc::new(Later(later)), queues, ..self.deployment.service() }
    }

    /// Hands the event to the function, which has so long for it; true if it is done.
    async fn take(&self, service: Service, body: &str, time: Duration) -> bool {
        let function = self.deployment.event_fanout(service).unwrap();
        let batch =
            json!({"Records": [{"messageId": "m", "receiptHandle": "r", "body": body, "eventSource": "aws:sqs"}]});
        let batch = serde_json::from_value(batch).unwrap();
        function.take(batch, System.now() + time).await.batch_item_failures.is_empty()
    }

    /// How many messages are on the deliveries queue.
    async fn count(&self) -> usize {
        let name = QueueAttributeName::ApproximateNumberOfMessages;
        let request = clients().sqs().get_queue_attributes().queue_url(&self.resources.deliveries);
        let attributes = request.attribute_names(name.clone()).send().await.unwrap().attributes.unwrap();
        attributes[&name].parse().unwrap()
    }

    /// The webhook of every message on the deliveries queue.
    async fn messages(&self) -> Vec<u64> {
        let clients = clients();
        let mut webhooks = Vec::new();
        loop {
            let request = clients.sqs().receive_message().queue_url(&self.resources.deliveries);
            let request = request.max_number_of_messages(10).visibility_timeout(600);
            let messages = request.send().await.unwrap().messages.unwrap_or_default();
            if messages.is_empty() {
                return webhooks;
            }
            let webhook = |body: &str| Attempt::decode(body).unwrap().message.webhook.0;
            webhooks.extend(messages.iter().map(|message| webhook(message.body.as_deref().unwrap())));
        }
    }
}

/// An event for all of them.
fn accepted_now() -> Event {
    let Event { head, payload } = event("a", "wide", 0);
    Event { head: Arc::new(EventHead { accepted_at: System.now(), ..(*head).clone() }), payload }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_for_ten_thousand_webhooks_is_done_in_one_call_of_the_function() {
    let mut times = Vec::new();
    for webhooks in [1000, 10_000] {
        let world = World::new(webhooks).await;
        let (event, began) = (accepted_now(), Instant::now());
        // On a slow machine too.
        assert!(world.take(world.service(Duration::ZERO), &encode_event(&event), 10 * TIMEOUT).await);
        times.push(began.elapsed());
        let messages = world.messages().await;
        assert_eq!(messages.len(), webhooks);
        assert_eq!(messages.into_iter().collect::<HashSet<_>>().len(), webhooks);
    }
    assert!(times[1] < 40 * times[0], "ten times as many webhooks take ten times as long: {times:?}");
}

/// The peak memory of the executable, in MiB, after one batch of the largest that it gets by default: ten events whose
/// payload travels in each message.
async fn peak_after_a_full_batch(webhooks: usize) -> u64 {
    const EVENTS: usize = 10;
    let world = World::new(webhooks).await;
    let variables = functions::variables(&Variation::default(), &world.table, &world.resources);
    let configuration = Configuration {
        name: "hookline-event-fanout".to_owned(),
        timeout: 10 * TIMEOUT,
        memory: MEMORY,
        variables: variables.into_iter().map(|(name, value)| (name, value.into())).collect(),
    };
    let mut environment = Environment::start(&bootstrap("event-fanout"), &configuration).await;
    let payload = Payload::from_valid_json(format!(r#"{{"text":"{}"}}"#, "x".repeat(INLINE)).into());
    let records = (0..EVENTS).map(|number| {
        let Event { head, .. } = event("a", &format!("large-{number}"), 0);
        let head = Arc::new(EventHead { accepted_at: System.now(), ..(*head).clone() });
        let body = encode_event(&Event { head, payload: payload.clone() });
        json!({"messageId": number.to_string(), "receiptHandle": "r", "body": body, "eventSource": "aws:sqs"})
    });
    let batch = json!({"Records": records.collect::<Vec<_>>()});
    let outcome = environment.invoke(batch.to_string().into()).await;
    assert_eq!(outcome, Outcome::Answered(r#"{"batchItemFailures":[]}"#.into()));
    let sent = world.count().await;
    assert_eq!(sent, EVENTS * webhooks);
    peak_memory_kib(environment.pid().expect("the process is kept warm")) / 1024
}

/// Messages of 23 MiB, and of 94 MiB.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_memory_of_a_fan_out_does_not_grow_with_its_width() {
    let (few, many) = (peak_after_a_full_batch(50).await, peak_after_a_full_batch(200).await);
    eprintln!("peak memory of event-fanout: {few} MiB for 500 messages of 48 KiB, {many} MiB for 2,000");
    assert!(many < few + 24 && many < u64::from(MEMORY), "{few} MiB for 500 messages, {many} MiB for 2,000");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fan_out_that_was_cut_off_goes_on_where_it_stopped() {
    const WEBHOOKS: usize = 4000;
    let world = World::new(WEBHOOKS).await;
    let event = accepted_now();
    let body = encode_event(&event);
    // Little time for the first call, and twice as long for each that follows.
    let (mut rounds, mut time) = (0, Duration::from_millis(20));
    loop {
        // The lease of the one before is over.
        let service = world.service(Duration::from_mins(2) * rounds);
        rounds += 1;
        if world.take(service, &body, REPORT + time).await {
            break;
        }
        assert!(REPORT + time < TIMEOUT, "it never comes to its end");
        time *= 2;
    }
    assert!(rounds > 1, "it was not cut off");
    let messages = world.messages().await;
    let repeated = messages.len() - WEBHOOKS;
    assert_eq!(messages.into_iter().collect::<HashSet<_>>().len(), WEBHOOKS);
    // What was sent since the last mark is sent again, and no more.
    assert!(repeated <= 500 * rounds as usize, "{repeated} in {rounds} rounds");
    let service = world.service(Duration::from_hours(10));
    let now = service.clock.now();
    assert_eq!(service.events.claim_event(&event, now, now).await.unwrap(), EventClaim::Done);
    let stored = service.events.event(&id("a"), &event.head.id, now).await.unwrap().unwrap();
    assert_eq!(stored.matched.map(|matched| matched.len()), Some(WEBHOOKS));
    eprintln!("a fan-out that was cut off: {rounds} rounds, {repeated} messages twice");
}
