//! What a webhook misses is recorded.

use hookline_core::delivery::Outcome;
use hookline_core::given::Given;
use hookline_core::ports::{DeliveryQuery, DeliveryScope, Disposition};
use hookline_core::redeliver::redeliver;
use hookline_core::register::WebhookInput;
use hookline_core::settings::{Settings, Verification};
use hookline_core::webhook::{DisabledBy, WebhookId};

use crate::fixture::{Does, ServiceFixture, wdc};

fn disabled(on: bool) -> WebhookInput {
    WebhookInput { disabled: Given::Value(on), ..WebhookInput::default() }
}

/// Webhook, reason and attempt of what was skipped of a fresh event; and what was put on the queue.
async fn missed(world: &ServiceFixture) -> Vec<(WebhookId, String)> {
    let event = world.fan_out().await;
    let mut missed = Vec::new();
    for record in world.records(&event).await {
        assert_eq!((record.outcome, record.attempt, record.run), (Outcome::Skipped, 0, 0));
        assert!(record.request.is_none() && record.response.is_none() && record.timings.is_none());
        missed.push((record.webhook, record.failure.unwrap().text));
    }
    missed
}

#[tokio::test]
async fn events_that_meet_a_disabled_webhook_leave_a_record_for_a_while() {
    let world = ServiceFixture::new().await;
    let id = world.webhook("wdc", "https://a.example/").await;
    assert_eq!(missed(&world).await, [], "an enabled webhook gets a message");
    world.patch(id, disabled(true)).await;
    world.clock.forward(7 * 86_400 - 1);
    assert_eq!(missed(&world).await, [(id, "Webhook disabled".to_owned())]);
    world.clock.forward(1);
    assert_eq!(missed(&world).await, [], "nobody expects anything any more");

    let gone = world.webhook("wdc", "https://gone.example/").await;
    world.endpoints.tell("gone.example", Does::Answers(410));
    world.send(gone).await;
    world.clock.forward(100 * 86_400);
    assert_eq!(world.stored(gone).await.disabling.unwrap().by, DisabledBy::Gone);
    assert_eq!(missed(&world).await, [(gone, "Webhook disabled by the service".to_owned())]);
}

#[tokio::test]
async fn events_that_meet_an_unverified_webhook_leave_a_record() {
    let world = ServiceFixture::with(Settings { verification: Verification::Required, ..Settings::default() }).await;
    let id = world.webhook("wdc", "https://a.example/").await;
    assert_eq!(missed(&world).await, [(id, "Webhook not verified".to_owned())]);
}

#[tokio::test]
async fn what_was_skipped_can_be_caught_up() {
    let world = ServiceFixture::new().await;
    let id = world.webhook("wdc", "https://a.example/").await;
    world.patch(id, disabled(true)).await;
    let event = world.fan_out().await;
    let skipped = world.records(&event).await.remove(0);
    world.patch(id, disabled(false)).await;
    redeliver(&world.service, &wdc(), skipped.id).await.unwrap();
    let attempt = world.next();
    assert_eq!(world.deliver(&attempt).await, Disposition::Done);
    assert_eq!(attempt.message.id, skipped.message);
    let outcomes: Vec<Outcome> = world.records(&event).await.iter().map(|record| record.outcome).collect();
    assert!(outcomes.len() == 2 && outcomes.contains(&Outcome::Succeeded), "{outcomes:?}");
}

#[tokio::test]
async fn a_repeated_fan_out_records_it_once_and_a_message_after_it_has_a_record_of_its_own() {
    let world = ServiceFixture::new().await;
    let id = world.webhook("wdc", "https://a.example/").await;
    world.patch(id, disabled(true)).await;
    let event = world.fan_out().await;
    // The process died before the fan-out was done; meanwhile the webhook was enabled.
    world.patch(id, disabled(false)).await;
    let message = hookline_core::message::Message::new(&event.head, id, "n".to_owned(), None);
    let first = hookline_core::message::Attempt::first(message, &event.payload, event.head.accepted_at);
    world.deliver(&first).await;
    assert_eq!(world.record(&first).await.unwrap().outcome, Outcome::Succeeded);
    assert_eq!(world.records(&event).await.len(), 2);
    let query = DeliveryQuery {
        scope: DeliveryScope::Unsuccessful,
        event: Vec::new(),
        outcome: Vec::new(),
        created_at: Vec::new(),
        older_than: None,
        newer_than: None,
        per_page: 10,
    };
    let listed = world.service.deliveries.list_deliveries(&wdc(), &query, event.head.accepted_at).await.unwrap();
    assert_eq!(listed.items.len(), 1, "the account's list shows what was skipped");
}
