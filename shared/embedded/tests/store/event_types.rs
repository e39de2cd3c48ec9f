//! The accounts' own event types.

use hookline_core::ids::EventTypeId;
use hookline_core::model::{EventName, EventType, EventTypeDocuments, SchemaMode};
use hookline_core::ports::{Accounts as _, CreateEventTypeOutcome, EventTypes as _};

use crate::fixture::{StoreFixture, at, id, newest};

fn name(text: &str) -> EventName {
    EventName::own_type(text).unwrap()
}

fn new(text: &str) -> EventType {
    EventType {
        id: EventTypeId(0),
        name: name(text),
        description: None,
        schema_mode: SchemaMode::Off,
        created_at: at(1),
        updated_at: at(1),
        version: 1,
    }
}

async fn own_names(fixture: &StoreFixture) -> Vec<EventName> {
    fixture.view.own_event_types(&id("a")).await.unwrap().into_iter().map(|one| one.name).collect()
}

#[tokio::test]
async fn names_are_unique_in_their_account_and_limited() {
    let fixture = StoreFixture::new().await;
    let create = async |account: &str, text: &str| {
        fixture.view.create_event_type(&id(account), &new(text), &EventTypeDocuments::default(), 2).await.unwrap()
    };
    let CreateEventTypeOutcome::Done(first) = create("a", "order.paid").await else { panic!("not created") };
    assert_eq!((first.name.as_str(), first.created_at), ("order.paid", at(1)));
    assert_eq!(create("a", "order.paid").await, CreateEventTypeOutcome::Exists);
    assert!(matches!(create("b", "order.paid").await, CreateEventTypeOutcome::Done(_)));
    assert!(matches!(create("a", "build").await, CreateEventTypeOutcome::Done(_)));
    assert_eq!(create("a", "one.more").await, CreateEventTypeOutcome::TooMany);
    assert_eq!(create("gone", "order.paid").await, CreateEventTypeOutcome::TooMany);
    assert_eq!(own_names(&fixture).await, [name("build"), name("order.paid")]);

    let page = fixture.view.list_event_types(&id("a"), &newest(1)).await.unwrap();
    assert_eq!((page.items[0].name.as_str(), page.total), ("build", 2));
    assert!(!fixture.view.delete_event_type(&id("b"), first.id).await.unwrap());
    assert!(fixture.view.delete_event_type(&id("a"), first.id).await.unwrap());
    assert!(!fixture.view.delete_event_type(&id("a"), first.id).await.unwrap());
    let CreateEventTypeOutcome::Done(again) = create("a", "order.paid").await else { panic!("not created") };
    assert!(again.id > first.id, "an id is never given twice");
}

#[tokio::test]
async fn they_go_with_their_account() {
    let fixture = StoreFixture::new().await;
    fixture.view.create_event_type(&id("a"), &new("order.paid"), &EventTypeDocuments::default(), 2).await.unwrap();
    fixture.view.delete_account(&id("a")).await.unwrap();
    assert_eq!(own_names(&fixture).await, []);
    assert_eq!(fixture.view.list_event_types(&id("a"), &newest(1)).await.unwrap().total, 0);
}
