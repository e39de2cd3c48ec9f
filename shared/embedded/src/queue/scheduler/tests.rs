use std::sync::Arc;

use hookline_core::account::AccountId;
use hookline_core::event::{EventHead, EventId, EventName, Payload};
use hookline_core::links::Links;
use hookline_core::message::{Attempt, Message};
use hookline_core::webhook::WebhookId;
use jiff::Timestamp;

use super::*;
use crate::queue::item::Work;
use crate::queue::lane::{FRESH, URGENT};

const LIMITS: InFlight = InFlight { total: 8, per_host: 4 };
const CLOSED: Door = Door::Closed { until: 100, probe: true };

fn lane(group: i64, class: u8) -> Lane {
    Lane::Deliveries { group, class }
}

fn item(lane: Lane, number: i64) -> Item {
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
    Item { lane, number, due: 0, work: Work::Attempt(attempt), origin: None, fresh: false, expired: false }
}

/// A board with so many ready messages in each of these lanes. Their numbers tell the lane: 1,000 for the second one.
fn board(lanes: &[(Lane, i64)]) -> Board {
    let board = Board::new(LIMITS);
    for (at, (lane, count)) in (0..).zip(lanes) {
        for number in 0..*count {
            assert!(board.offer(item(*lane, at * 1000 + number)));
        }
    }
    board
}

/// What is started at a time: numbers of messages, and what is loaded.
fn start(board: &Board, now: i64) -> (Vec<i64>, Vec<(Lane, usize, bool)>) {
    let (mut numbers, mut loads) = (Vec::new(), Vec::new());
    for start in board.start(now) {
        match start {
            Start::Item(item) => numbers.push(item.number),
            Start::Load { lane, most, probing } => loads.push((lane, most, probing)),
        }
    }
    (numbers, loads)
}

fn loaded(items: Vec<Item>, next: Option<i64>) -> Loaded {
    Loaded { items, lost: Vec::new(), next }
}

#[test]
fn a_host_gets_what_its_limit_allows_and_others_the_rest() {
    let board = board(&[(lane(1, FRESH), 10), (lane(2, FRESH), 10)]);
    let (numbers, _) = start(&board, 0);
    assert_eq!(numbers, [0, 1000, 1, 1001, 2, 1002, 3, 1003]);
    for _ in 0..2 {
        board.congested(1);
        board.finished(lane(1, FRESH), 0);
    }
    board.finished(lane(2, FRESH), 1000);
    assert_eq!(start(&board, 0).0, [1004], "host 1 has two in flight still, and its limit is two");
    board.succeeded(1);
    board.finished(lane(1, FRESH), 2);
    assert_eq!(start(&board, 0).0, [4, 5], "three now");
}

#[test]
fn a_fresh_message_waits_for_no_more_than_one_late_one() {
    let board = board(&[(lane(1, LATER), 100), (lane(2, LATER), 100), (lane(3, FRESH), 4)]);
    let (numbers, _) = start(&board, 0);
    let first_fresh = numbers.iter().position(|number| *number >= 2000);
    assert!(first_fresh.is_some_and(|place| place <= 1), "{numbers:?}");
    assert_eq!(numbers.iter().filter(|number| **number >= 2000).count(), 4, "{numbers:?}");
}

#[test]
fn late_ones_never_take_all_places() {
    let board = board(&[(lane(1, LATER), 10), (lane(2, LATER), 10)]);
    assert_eq!(start(&board, 0).0.len(), 6, "three quarters of eight");
    assert!(board.offer(item(lane(3, FRESH), 5000)));
    assert_eq!(start(&board, 0).0, [5000]);
    board.finished(lane(1, LATER), 0);
    assert_eq!(start(&board, 0).0.len(), 1);
}

#[test]
fn a_closed_door_keeps_messages_in_the_table_until_it_opens() {
    let board = board(&[(lane(1, FRESH), 3), (lane(2, FRESH), 1)]);
    board.set_door(1, CLOSED, 0);
    assert_eq!(start(&board, 0), (vec![1000], vec![]));
    assert!(!board.offer(item(lane(1, FRESH), 7)), "it waits in the table");
    board.note(lane(1, FRESH), 0);
    assert_eq!(start(&board, 50), (vec![], vec![]), "noted, but not loaded");
    assert_eq!(board.next_due(), Some(100));

    assert_eq!(start(&board, 100), (vec![], vec![(lane(1, FRESH), PROBES, true)]));
    board.loaded(
        lane(1, FRESH),
        Some(loaded((0..3).map(|number| item(lane(1, FRESH), number)).collect(), Some(100))),
        100,
    );
    assert_eq!(start(&board, 100).0, [0], "one at a time");
    // Its probe was won: the door closes for the next wait, before the request.
    board.set_door(1, Door::Closed { until: 300, probe: true }, 100);
    board.finished(lane(1, FRESH), 0);
    assert_eq!(start(&board, 100), (vec![], vec![]));
    assert_eq!(start(&board, 300).1, [(lane(1, FRESH), PROBES, true)]);
}

#[test]
fn an_open_door_begins_with_one_and_doubles() {
    let board = board(&[]);
    board.set_door(1, CLOSED, 0);
    board.note(lane(1, LATER), 0);
    board.set_door(1, Door::Open, 50);
    assert_eq!(start(&board, 50).1, [(lane(1, LATER), BATCH, false)], "looked after at once");
    let items = (0..20).map(|number| item(lane(1, LATER), number)).collect();
    board.loaded(lane(1, LATER), Some(loaded(items, None)), 50);
    for expected in [1, 2, 4, 4] {
        let (numbers, _) = start(&board, 50);
        assert_eq!(numbers.len(), expected);
        for number in numbers {
            board.succeeded(1);
            board.finished(lane(1, LATER), number);
        }
    }
}

#[test]
fn what_is_expired_and_what_is_a_test_needs_no_open_door() {
    let board = board(&[]);
    board.set_door(1, CLOSED, 0);
    assert!(board.offer(item(lane(1, URGENT), 9)));
    assert_eq!(start(&board, 0).0, [9]);

    board.note(lane(1, FRESH), 0);
    assert_eq!(start(&board, 100).1, [(lane(1, FRESH), PROBES, true)]);
    let mut items: Vec<Item> = (0..5).map(|number| item(lane(1, FRESH), number)).collect();
    items[..3].iter_mut().for_each(|item| item.expired = true);
    board.loaded(lane(1, FRESH), Some(loaded(items, None)), 100);
    board.finished(lane(1, URGENT), 9);
    assert_eq!(start(&board, 100).0, [0, 1, 2], "ended all at once; the probe comes after them");
    for number in [0, 1, 2] {
        board.finished(lane(1, FRESH), number);
    }
    assert_eq!(start(&board, 100).0, [3]);
}

#[test]
fn rows_that_were_loaded_for_a_door_that_closed_meanwhile_are_loaded_again() {
    let board = board(&[]);
    board.note(lane(1, FRESH), 0);
    assert_eq!(start(&board, 0).1, [(lane(1, FRESH), BATCH, false)]);
    board.set_door(1, CLOSED, 0);
    board.loaded(lane(1, FRESH), Some(loaded(vec![item(lane(1, FRESH), 1)], None)), 0);
    assert_eq!(start(&board, 99), (vec![], vec![]));
    assert_eq!(start(&board, 100).1, [(lane(1, FRESH), PROBES, true)]);
    board.loaded(lane(1, FRESH), Some(loaded(vec![item(lane(1, FRESH), 1)], None)), 100);
    assert_eq!(start(&board, 100).0, [1]);
}

#[test]
fn nothing_is_kept_of_what_is_over() {
    let board = board(&[(lane(1, FRESH), 6)]);
    while let (numbers, _) = start(&board, 0)
        && !numbers.is_empty()
    {
        for number in numbers {
            board.succeeded(1);
            board.finished(lane(1, FRESH), number);
        }
    }
    let state = board.state();
    assert!(state.paces.is_empty() && state.lanes.is_empty() && state.schedule.is_empty() && state.held == 0);
}
