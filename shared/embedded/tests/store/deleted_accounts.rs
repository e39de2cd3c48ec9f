//! What a deleted account leaves behind, and for how long.

use std::sync::Arc;
use std::time::Duration;

use hookline_core::ids::EventId;
use hookline_core::model::{Event, EventHead, EventName, Links, Payload};
use hookline_core::ports::{Accounts as _, Queues as _};

use crate::fixture::{StoreFixture, at, id};

fn event(account: &str) -> Event {
    let name = EventName::builtin("request.create").unwrap();
    let head = EventHead {
        id: EventId::parse("e").unwrap(),
        account: id(account),
        object_id: 1,
        object_type: EventHead::default_object_type(&name),
        event: name,
        person_id: None,
        person_name: None,
        links: Links::default(),
        webhook: None,
        trace: None,
        accepted_at: at(0),
    };
    Event { head: Arc::new(head), payload: Payload::empty() }
}

impl StoreFixture {
    fn number(&self, sql: &str) -> i64 {
        let file = rusqlite::Connection::open(self.folder.path().join("hookline.db")).unwrap();
        file.query_row(sql, [], |row| row.get(0)).unwrap()
    }
}

/// Attempts that wait for days refer to their event by number and must not find the event of another account.
#[tokio::test]
async fn event_numbers_are_never_reused() {
    let fixture = StoreFixture::new().await;
    fixture.view.put_events(&[event("a")]).await.remove(0).unwrap();
    let first = fixture.number("SELECT num FROM events");
    assert!(fixture.view.delete_account(&id("a")).await.unwrap());
    while fixture.store.sweep(at(1)).await.unwrap() {}
    assert_eq!(fixture.number("SELECT count(*) FROM events"), 0);
    fixture.view.put_events(&[event("b")]).await.remove(0).unwrap();
    assert!(fixture.number("SELECT num FROM events") > first);
}

/// Work in progress may write a row of a deleted account after all others were removed.
#[tokio::test]
async fn a_late_row_is_removed_as_well() {
    let fixture = StoreFixture::new().await;
    fixture.view.put_events(&[event("a")]).await.remove(0).unwrap();
    assert!(fixture.view.delete_account(&id("a")).await.unwrap());
    let sweep = async |seconds| while fixture.store.sweep(at(seconds)).await.unwrap() {};
    sweep(1).await;
    let file = rusqlite::Connection::open(fixture.folder.path().join("hookline.db")).unwrap();
    let late =
        "INSERT INTO audit (account, subject, record, action, created_at, changes) VALUES (1, 0, 1, 'read', 0, '{}')";
    file.execute(late, []).unwrap();
    let a_while = i64::try_from(Duration::from_mins(15).as_secs()).unwrap();
    for (seconds, known) in [(2, 1), (1 + a_while, 1), (2 + a_while, 0)] {
        sweep(seconds).await;
        let left = (fixture.number("SELECT count(*) FROM audit"), fixture.number("SELECT count(*) FROM gone_accounts"));
        assert_eq!(left, (0, known), "after {seconds} s");
    }
}
