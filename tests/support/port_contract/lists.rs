//! Lists of webhooks: order, filters and places.

use std::collections::BTreeSet;

use hookline_core::ids::AccountId;
use hookline_core::model::{AuditAction, Webhook};
use hookline_core::ports::UpdateOutcome;
use hookline_core::service::Service;
use hookline_core::values::{Condition, Cursor, FieldValue, Filter, ListQuery, Page, Position, Sort};

use super::{MINUTE, create, draft, entry, fresh_account, stored};

fn query(field: &'static str, descending: bool, position: Position, per_page: u32) -> ListQuery {
    ListQuery { filters: Vec::new(), sort: vec![Sort { field, descending }], position, per_page }
}

async fn page(service: &Service, account: &AccountId, query: &ListQuery) -> Page<Webhook> {
    service.webhooks.list_webhooks(account, query).await.expect("the store works")
}

async fn delete(service: &Service, webhook: &Webhook) {
    let audit = entry(webhook, AuditAction::Destroy);
    let deleted = service.webhooks.delete_webhook(&webhook.account, webhook.id, webhook.version, &audit).await;
    assert_eq!(deleted.expect("the store works"), UpdateOutcome::Done);
}

/// The cursor of a record in a list sorted by its id.
fn cursor(webhook: &Webhook, offset: u64) -> Cursor {
    let id = webhook.id.0;
    Cursor { offset, values: vec![Some(FieldValue::Int(id.cast_signed()))], id }
}

/// Text by its UTF-8 bytes, whatever a locale or UTF-16 says.
pub async fn texts_sort_by_their_bytes_and_null_comes_first(service: &Service) {
    let account = fresh_account(service).await;
    let texts = [
        None,
        Some(""),
        Some(" "),
        Some("A"),
        Some("Z"),
        Some("a"),
        Some("aa"),
        Some("b"),
        Some("Ä"),
        Some("Ж"),
        Some("日"),
        Some("\u{fffd}"),
        Some("🚀"),
    ];
    let mut ids = Vec::new();
    for text in texts.iter().rev() {
        let source_id = text.map(str::to_owned);
        let webhook = Webhook { source_id, ..draft(service, &account.id, "*").await };
        create(service, &webhook).await;
        ids.push(webhook.id);
    }
    ids.reverse();
    for descending in [false, true] {
        let listed = page(service, &account.id, &query("sourceID", descending, Position::Page(1), 100)).await;
        let listed: Vec<_> = listed.items.iter().map(|webhook| webhook.id).collect();
        assert_eq!(listed, ids, "descending: {descending}");
        // The same through cursors, one by one.
        let mut walked = Vec::new();
        let mut position = Position::Page(1);
        loop {
            let part = page(service, &account.id, &query("sourceID", descending, position, 1)).await;
            let Some(last) = part.items.last() else { break };
            walked.push(last.id);
            let values = vec![last.source_id.clone().map(FieldValue::Text)];
            position = Position::After(Cursor { offset: part.offset + 1, values, id: last.id.0 });
        }
        assert_eq!(walked, ids);
        ids.reverse();
    }
}

/// Equal, not equal, empty, present, between; of texts, numbers, booleans and times.
pub async fn every_test_of_a_filter(service: &Service) {
    let account = fresh_account(service).await;
    let mut webhooks = Vec::new();
    for (number, source) in [Some("a"), Some(""), None, Some("A"), Some("x,y")].into_iter().enumerate() {
        let mut webhook = draft(service, &account.id, if number == 0 { "*" } else { "risk.create" }).await;
        webhook.source = source.map(str::to_owned);
        webhook.disabled = number == 3;
        webhook.created_at += MINUTE * u32::try_from(number).expect("small");
        create(service, &webhook).await;
        webhooks.push(webhook);
    }
    let text = |text: &str| FieldValue::Text(text.to_owned());
    let id = |at: usize| FieldValue::Int(webhooks[at].id.0.cast_signed());
    let time = |at: usize| FieldValue::Time(webhooks[at].created_at);
    let cases: Vec<(&'static str, Condition, &[usize])> = vec![
        ("source", Condition::OneOf(vec![text("a")]), &[0]),
        ("source", Condition::OneOf(vec![text("a"), text("x,y"), text("none")]), &[0, 4]),
        ("source", Condition::OneOf(vec![]), &[]),
        ("source", Condition::NoneOf(vec![text("a")]), &[1, 2, 3, 4]),
        ("source", Condition::Empty, &[1, 2]),
        ("source", Condition::Present, &[0, 3, 4]),
        ("event", Condition::OneOf(vec![text("*")]), &[0]),
        ("disabled", Condition::OneOf(vec![FieldValue::Bool(true)]), &[3]),
        ("disabled", Condition::NoneOf(vec![FieldValue::Bool(true)]), &[0, 1, 2, 4]),
        ("id", Condition::OneOf(vec![id(1), id(3)]), &[1, 3]),
        ("id", Condition::Between { lower: Some((id(1), true)), upper: Some((id(3), false)) }, &[1, 2]),
        ("id", Condition::Between { lower: Some((id(3), false)), upper: None }, &[4]),
        ("created_at", Condition::Between { lower: Some((time(2), true)), upper: None }, &[2, 3, 4]),
        ("created_at", Condition::Between { lower: None, upper: Some((time(2), false)) }, &[0, 1]),
        ("name", Condition::OneOf(vec![text("RISK.CREATE")]), &[]),
    ];
    for (field, test, expected) in cases {
        let filters = vec![Filter { field, test: test.clone(), ignore_case: false }];
        let asked = ListQuery { filters, ..query("id", false, Position::Page(1), 100) };
        let listed = page(service, &account.id, &asked).await;
        let expected: Vec<_> = expected.iter().map(|at| webhooks[*at].id).collect();
        let found: Vec<_> = listed.items.iter().map(|webhook| webhook.id).collect();
        assert_eq!((found, listed.total), (expected.clone(), expected.len() as u64), "{field} {test:?}");
    }
    let filters = vec![
        Filter { field: "event", test: Condition::OneOf(vec![text("risk.create")]), ignore_case: false },
        Filter { field: "source", test: Condition::Present, ignore_case: false },
    ];
    let both = page(service, &account.id, &ListQuery { filters, ..query("id", true, Position::Page(1), 1) }).await;
    assert_eq!((both.items[0].id, both.total), (webhooks[4].id, 2));
}

/// One of its events is enough, and each counts against a filter that excludes it. Lists are sorted by the first.
pub async fn a_filter_by_event_looks_at_all_events_of_a_webhook(service: &Service) {
    let account = fresh_account(service).await;
    let mut ids = Vec::new();
    for events in ["risk.create problem.*", "problem.create", "problem.create risk.create", "*", "problem.create-x"] {
        ids.push(stored(service, &account.id, events).await.id);
    }
    let text = |text: &str| FieldValue::Text(text.to_owned());
    let asked = |test: Condition, sort| {
        let filters = vec![Filter { field: "event", test, ignore_case: false }];
        ListQuery { filters, ..query(sort, false, Position::Page(1), 100) }
    };
    let cases: [(Condition, &[usize]); 6] = [
        (Condition::OneOf(vec![text("risk.create")]), &[0, 2]),
        (Condition::OneOf(vec![text("problem.*"), text("problem.create")]), &[0, 1, 2]),
        (Condition::NoneOf(vec![text("risk.create")]), &[1, 3, 4]),
        (Condition::NoneOf(vec![text("risk.create"), text("*"), text("problem.create")]), &[4]),
        (Condition::Present, &[0, 1, 2, 3, 4]),
        (Condition::Empty, &[]),
    ];
    for (test, expected) in cases {
        let listed = page(service, &account.id, &asked(test.clone(), "id")).await;
        let found: Vec<_> = listed.items.iter().map(|webhook| webhook.id).collect();
        let expected: Vec<_> = expected.iter().map(|at| ids[*at]).collect();
        assert_eq!((found, listed.total), (expected.clone(), expected.len() as u64), "{test:?}");
    }
    let sorted = page(service, &account.id, &query("event", false, Position::Page(1), 100)).await;
    let found: Vec<_> = sorted.items.iter().map(|webhook| webhook.id).collect();
    assert_eq!(found, [3, 1, 2, 4, 0].map(|at: usize| ids[at]));
    let values = vec![Some(text("problem.create"))];
    let position = Position::After(Cursor { offset: 2, values, id: ids[1].0 });
    let rest = page(service, &account.id, &query("event", false, position, 2)).await;
    assert_eq!(rest.items.iter().map(|webhook| webhook.id).collect::<Vec<_>>(), [ids[2], ids[4]]);
}

/// While others create and delete, a walk visits every record that lasts exactly once, in both directions.
pub async fn a_walk_sees_what_lasts_whatever_others_do(service: &Service) {
    let account = fresh_account(service).await;
    for (back, descending) in [(false, false), (false, true), (true, false), (true, true)] {
        let (mut passing, mut lasting) = (Vec::new(), BTreeSet::new());
        for number in 0..12 {
            let webhook = stored(service, &account.id, "*").await;
            if number % 3 == 0 {
                passing.push(webhook);
            } else {
                lasting.insert(webhook.id);
            }
        }
        let mut seen = Vec::new();
        let mut position = if back { Position::Page(4) } else { Position::Page(1) };
        loop {
            let part = page(service, &account.id, &query("id", descending, position, 3)).await;
            let ends = if back { part.offset == 0 } else { part.offset + part.items.len() as u64 >= part.total };
            seen.extend(part.items.iter().map(|webhook| webhook.id));
            if ends {
                break;
            }
            position = if back {
                Position::Before(cursor(part.items.first().expect("a record"), part.offset))
            } else {
                Position::After(cursor(part.items.last().expect("a record"), part.offset + part.items.len() as u64))
            };
            stored(service, &account.id, "*").await;
            if let Some(gone) = passing.pop() {
                delete(service, &gone).await;
            }
        }
        let visited: Vec<_> = seen.iter().filter(|id| lasting.contains(id)).collect();
        assert_eq!(visited.len(), lasting.len(), "back: {back}, descending: {descending}");
        assert_eq!(visited.into_iter().collect::<BTreeSet<_>>().len(), lasting.len());
        for webhook in page(service, &account.id, &query("id", false, Position::Page(1), 100)).await.items {
            delete(service, &webhook).await;
        }
    }
}

/// However stale the cursor: the offset is 0 exactly on the first page, and reaches the total exactly on the last.
pub async fn a_page_says_exactly_whether_it_is_the_first_or_the_last(service: &Service) {
    let account = fresh_account(service).await;
    let mut webhooks = Vec::new();
    for _ in 0..6 {
        webhooks.push(stored(service, &account.id, "*").await);
    }
    let nothing = page(service, &account.id, &query("id", false, Position::Page(9), 2)).await;
    assert_eq!((nothing.items.len(), nothing.total), (0, 6));
    // Those before the cursor go: what follows it is the first page now, and not the last.
    let after = Position::After(cursor(&webhooks[1], 2));
    delete(service, &webhooks[0]).await;
    delete(service, &webhooks[1]).await;
    let part = page(service, &account.id, &query("id", false, after.clone(), 2)).await;
    assert_eq!((part.items[0].id, part.offset, part.total), (webhooks[2].id, 0, 4));
    let rest = page(service, &account.id, &query("id", false, after, 4)).await;
    assert_eq!((rest.items.len(), rest.offset), (4, 0));
    // New ones come before the cursor: there is a page before it all the same.
    let before = Position::Before(cursor(&webhooks[5], 0));
    let part = page(service, &account.id, &query("id", false, before, 2)).await;
    assert_eq!((part.items[0].id, part.items[1].id), (webhooks[3].id, webhooks[4].id));
    assert!(part.offset > 0 && part.offset + 2 < 4);
    // A cursor that overestimates: the last page is known as the last.
    let far = Position::After(cursor(&webhooks[3], 1000));
    let part = page(service, &account.id, &query("id", false, far, 5)).await;
    assert_eq!((part.items.len() as u64, part.offset + 2, part.total), (2, 4, 4));
    let front = Position::Before(cursor(&webhooks[4], 1000));
    let part = page(service, &account.id, &query("id", false, front, 5)).await;
    assert_eq!((part.items.len(), part.offset), (2, 0));
}
