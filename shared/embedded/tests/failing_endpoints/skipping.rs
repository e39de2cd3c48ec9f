//! Events that a webhook misses leave a record.

use hookline_core::ids::WebhookId;
use hookline_core::model::{DisabledBy, Outcome};
use hookline_core::ports::{DeliveryQuery, DeliveryScope, Disposition};
use hookline_core::settings::{CoreSettings, VerificationMode};
use hookline_core::use_cases::redeliver::redeliver;
use hookline_core::use_cases::webhooks::draft::WebhookInput;
use hookline_core::values::Patch;

use crate::fixture::{Does, ServiceFixture, wdc};

fn disabled(on: bool) -> WebhookInput {
    WebhookInput { disabled: Patch::Value(on), ..WebhookInput::default() }
}

/// Fans out a new event: webhook, reason and attempt of each skipped message, and the messages on the queue.
async fn missed(fixture: &ServiceFixture) -> Vec<(WebhookId, String)> {
    let event = fixture.fan_out().await;
    let mut missed = Vec::new();
    for record in fixture.records(&event).await {
        assert_eq!((record.outcome, record.attempt, record.run), (Outcome::Skipped, 0, 0));
        assert!(record.request.is_none() && record.response.is_none() && record.timings.is_none());
        missed.push((record.webhook, record.failure.unwrap().text));
    }
    missed
}

#[tokio::test]
async fn events_that_meet_a_disabled_webhook_leave_a_record_for_a_while() {
    let fixture = ServiceFixture::new().await;
    let id = fixture.webhook("wdc", "https://a.example/").await;
    assert_eq!(missed(&fixture).await, [], "an enabled webhook gets a message");
    fixture.patch(id, disabled(true)).await;
    fixture.clock.forward(7 * 86_400 - 1);
    assert_eq!(missed(&fixture).await, [(id, "Webhook disabled".to_owned())]);
    fixture.clock.forward(1);
    assert_eq!(missed(&fixture).await, [], "a week after it was disabled it gets no more records");

    let gone = fixture.webhook("wdc", "https://gone.example/").await;
    fixture.endpoints.tell("gone.example", Does::Answers(410));
    fixture.send(gone).await;
    fixture.clock.forward(100 * 86_400);
    assert_eq!(fixture.stored(gone).await.disabling.unwrap().by, DisabledBy::Gone);
    assert_eq!(missed(&fixture).await, [(gone, "Webhook disabled by the service".to_owned())]);
}

#[tokio::test]
async fn events_that_meet_an_unverified_webhook_leave_a_record() {
    let fixture =
        ServiceFixture::with(CoreSettings { verification: VerificationMode::Required, ..CoreSettings::default() })
            .await;
    let id = fixture.webhook("wdc", "https://a.example/").await;
    assert_eq!(missed(&fixture).await, [(id, "Webhook not verified".to_owned())]);
}

#[tokio::test]
async fn skipped_messages_can_be_redelivered() {
    let fixture = ServiceFixture::new().await;
    let id = fixture.webhook("wdc", "https://a.example/").await;
    fixture.patch(id, disabled(true)).await;
    let event = fixture.fan_out().await;
    let skipped = fixture.records(&event).await.remove(0);
    fixture.patch(id, disabled(false)).await;
    redeliver(&fixture.service, &wdc(), skipped.id).await.unwrap();
    let attempt = fixture.next();
    assert_eq!(fixture.deliver(&attempt).await, Disposition::Done);
    assert_eq!(attempt.message.id, skipped.message);
    let outcomes: Vec<Outcome> = fixture.records(&event).await.iter().map(|record| record.outcome).collect();
    assert!(outcomes.len() == 2 && outcomes.contains(&Outcome::Succeeded), "{outcomes:?}");
}

#[tokio::test]
async fn a_repeated_fan_out_records_it_once_and_a_message_after_it_has_a_record_of_its_own() {
    let fixture = ServiceFixture::new().await;
    let id = fixture.webhook("wdc", "https://a.example/").await;
    fixture.patch(id, disabled(true)).await;
    let event = fixture.fan_out().await;
    // The process died during the fan-out, and the webhook was enabled before the next one.
    fixture.patch(id, disabled(false)).await;
    let message = hookline_core::model::Message::new(&event.head, id, "n".to_owned(), None);
    let first = hookline_core::model::Attempt::first(message, &event.payload, event.head.accepted_at);
    fixture.deliver(&first).await;
    assert_eq!(fixture.record(&first).await.unwrap().outcome, Outcome::Succeeded);
    assert_eq!(fixture.records(&event).await.len(), 2);
    let query = DeliveryQuery {
        scope: DeliveryScope::Unsuccessful,
        event: Vec::new(),
        outcome: Vec::new(),
        created_at: Vec::new(),
        older_than: None,
        newer_than: None,
        per_page: 10,
    };
    let listed = fixture.service.deliveries.list_deliveries(&wdc(), &query, event.head.accepted_at).await.unwrap();
    assert_eq!(listed.items.len(), 1, "the account's list shows what was skipped");
}
