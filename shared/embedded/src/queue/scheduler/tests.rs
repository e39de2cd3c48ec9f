use std::sync::Arc;

use hookline_core::ids::{AccountId, EventId, WebhookId};
use hookline_core::model::{Attempt, EventHead, EventName, Links, Message, Payload};
use jiff::Timestamp;

use super::*;
use crate::queue::item::WorkItem;
use crate::queue::lane::{FRESH, URGENT};

const LIMITS: ConcurrencyLimits = ConcurrencyLimits { total: 8, per_host: 4 };
const OPEN: HostCircuit = HostCircuit::Open { until: 100, half_open_after: true };

fn lane(group: i64, class: u8) -> Lane {
    Lane::Deliveries { group, class }
}

fn item(lane: Lane, number: i64) -> QueueItem {
    let name = EventName::builtin("request.create").unwrap();
    let head = EventHead {
        id: EventId::parse("e").unwrap(),
        account: AccountId::parse("wdc").unwrap(),
        object_id: 1,
        object_type: EventHead::default_object_type(&name),
        event: name,
        person_id: None,
        person_name: None,
        links: Links::default(),
        webhook: None,
        accepted_at: Timestamp::UNIX_EPOCH,
    };
    let message = Message::new(&Arc::new(head), WebhookId(1), "n".to_owned(), None);
    let attempt = Attempt::first(message, &Payload::empty(), Timestamp::UNIX_EPOCH);
    QueueItem { lane, number, due: 0, work: WorkItem::Attempt(attempt), origin: None, fresh: false, expired: false }
}

/// A scheduler with this many ready messages in each lane. The numbers tell the lanes apart: those of the second lane
/// start at 1,000.
fn scheduler(lanes: &[(Lane, i64)]) -> Scheduler {
    let scheduler = Scheduler::new(LIMITS);
    for (at, (lane, count)) in (0..).zip(lanes) {
        for number in 0..*count {
            assert!(scheduler.offer(item(*lane, at * 1000 + number)));
        }
    }
    scheduler
}

/// What starts at a time: the numbers of messages, and the loads.
fn start(scheduler: &Scheduler, now: i64) -> (Vec<i64>, Vec<(Lane, usize, bool)>) {
    let (mut numbers, mut loads) = (Vec::new(), Vec::new());
    for start in scheduler.start(now) {
        match start {
            StartAction::QueueItem(item) => numbers.push(item.number),
            StartAction::Load { lane, most, half_open } => loads.push((lane, most, half_open)),
        }
    }
    (numbers, loads)
}

fn loaded(items: Vec<QueueItem>, next: Option<i64>) -> LoadedRows {
    LoadedRows { items, lost: Vec::new(), next }
}

#[test]
fn a_host_gets_no_more_than_its_limit_and_others_the_rest() {
    let scheduler = scheduler(&[(lane(1, FRESH), 10), (lane(2, FRESH), 10)]);
    let (numbers, _) = start(&scheduler, 0);
    assert_eq!(numbers, [0, 1000, 1, 1001, 2, 1002, 3, 1003]);
    for _ in 0..2 {
        scheduler.congested(1);
        scheduler.finished(lane(1, FRESH), 0);
    }
    scheduler.finished(lane(2, FRESH), 1000);
    assert_eq!(start(&scheduler, 0).0, [1004], "host 1 has two in flight still, and its limit is two");
    scheduler.succeeded(1);
    scheduler.finished(lane(1, FRESH), 2);
    assert_eq!(start(&scheduler, 0).0, [4, 5], "three now");
}

#[test]
fn a_first_attempt_waits_for_at_most_one_retry() {
    let scheduler = scheduler(&[(lane(1, LATER), 100), (lane(2, LATER), 100), (lane(3, FRESH), 4)]);
    let (numbers, _) = start(&scheduler, 0);
    let first_fresh = numbers.iter().position(|number| *number >= 2000);
    assert!(first_fresh.is_some_and(|place| place <= 1), "{numbers:?}");
    assert_eq!(numbers.iter().filter(|number| **number >= 2000).count(), 4, "{numbers:?}");
}

#[test]
fn retries_never_fill_all_places() {
    let scheduler = scheduler(&[(lane(1, LATER), 10), (lane(2, LATER), 10)]);
    assert_eq!(start(&scheduler, 0).0.len(), 6, "three quarters of eight");
    assert!(scheduler.offer(item(lane(3, FRESH), 5000)));
    assert_eq!(start(&scheduler, 0).0, [5000]);
    scheduler.finished(lane(1, LATER), 0);
    assert_eq!(start(&scheduler, 0).0.len(), 1);
}

#[test]
fn an_open_circuit_keeps_messages_in_the_table_until_its_wait_ends() {
    let scheduler = scheduler(&[(lane(1, FRESH), 3), (lane(2, FRESH), 1)]);
    scheduler.set_circuit(1, OPEN, 0);
    assert_eq!(start(&scheduler, 0), (vec![1000], vec![]));
    assert!(!scheduler.offer(item(lane(1, FRESH), 7)), "it waits in the table");
    scheduler.note(lane(1, FRESH), 0);
    assert_eq!(start(&scheduler, 50), (vec![], vec![]), "noted, but not loaded");
    assert_eq!(scheduler.next_due(), Some(100));

    assert_eq!(start(&scheduler, 100), (vec![], vec![(lane(1, FRESH), PROBES, true)]));
    scheduler.loaded(
        lane(1, FRESH),
        Some(loaded((0..3).map(|number| item(lane(1, FRESH), number)).collect(), Some(100))),
        100,
    );
    assert_eq!(start(&scheduler, 100).0, [0], "one at a time");
    // The probe was claimed: the circuit opens for the next wait before the request is sent.
    scheduler.set_circuit(1, HostCircuit::Open { until: 300, half_open_after: true }, 100);
    scheduler.finished(lane(1, FRESH), 0);
    assert_eq!(start(&scheduler, 100), (vec![], vec![]));
    assert_eq!(start(&scheduler, 300).1, [(lane(1, FRESH), PROBES, true)]);
}

#[test]
fn a_circuit_that_closes_starts_with_one_request_and_doubles() {
    let scheduler = scheduler(&[]);
    scheduler.set_circuit(1, OPEN, 0);
    scheduler.note(lane(1, LATER), 0);
    scheduler.set_circuit(1, HostCircuit::Closed, 50);
    assert_eq!(start(&scheduler, 50).1, [(lane(1, LATER), BATCH, false)], "looked after at once");
    let items = (0..20).map(|number| item(lane(1, LATER), number)).collect();
    scheduler.loaded(lane(1, LATER), Some(loaded(items, None)), 50);
    for expected in [1, 2, 4, 4] {
        let (numbers, _) = start(&scheduler, 50);
        assert_eq!(numbers.len(), expected);
        for number in numbers {
            scheduler.succeeded(1);
            scheduler.finished(lane(1, LATER), number);
        }
    }
}

#[test]
fn expired_messages_and_tests_pass_an_open_circuit() {
    let scheduler = scheduler(&[]);
    scheduler.set_circuit(1, OPEN, 0);
    assert!(scheduler.offer(item(lane(1, URGENT), 9)));
    assert_eq!(start(&scheduler, 0).0, [9]);

    scheduler.note(lane(1, FRESH), 0);
    assert_eq!(start(&scheduler, 100).1, [(lane(1, FRESH), PROBES, true)]);
    let mut items: Vec<QueueItem> = (0..5).map(|number| item(lane(1, FRESH), number)).collect();
    items[..3].iter_mut().for_each(|item| item.expired = true);
    scheduler.loaded(lane(1, FRESH), Some(loaded(items, None)), 100);
    scheduler.finished(lane(1, URGENT), 9);
    assert_eq!(start(&scheduler, 100).0, [0, 1, 2], "ended all at once; the probe comes after them");
    for number in [0, 1, 2] {
        scheduler.finished(lane(1, FRESH), number);
    }
    assert_eq!(start(&scheduler, 100).0, [3]);
}

#[test]
fn rows_loaded_while_the_circuit_opened_are_loaded_again() {
    let scheduler = scheduler(&[]);
    scheduler.note(lane(1, FRESH), 0);
    assert_eq!(start(&scheduler, 0).1, [(lane(1, FRESH), BATCH, false)]);
    scheduler.set_circuit(1, OPEN, 0);
    scheduler.loaded(lane(1, FRESH), Some(loaded(vec![item(lane(1, FRESH), 1)], None)), 0);
    assert_eq!(start(&scheduler, 99), (vec![], vec![]));
    assert_eq!(start(&scheduler, 100).1, [(lane(1, FRESH), PROBES, true)]);
    scheduler.loaded(lane(1, FRESH), Some(loaded(vec![item(lane(1, FRESH), 1)], None)), 100);
    assert_eq!(start(&scheduler, 100).0, [1]);
}

#[test]
fn no_state_stays_after_the_last_message() {
    let scheduler = scheduler(&[(lane(1, FRESH), 6)]);
    while let (numbers, _) = start(&scheduler, 0)
        && !numbers.is_empty()
    {
        for number in numbers {
            scheduler.succeeded(1);
            scheduler.finished(lane(1, FRESH), number);
        }
    }
    let state = scheduler.state();
    assert!(state.limiters.is_empty() && state.lanes.is_empty() && state.schedule.is_empty() && state.held == 0);
}
