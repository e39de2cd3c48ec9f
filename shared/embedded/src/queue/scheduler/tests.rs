use std::sync::Arc;

use hookline_core::ids::{AccountId, EventId, WebhookId};
use hookline_core::model::{Attempt, EventHead, EventName, Links, Message, Payload};
use jiff::Timestamp;

use super::loading::{BATCH, PROBES};
use super::*;
use crate::queue::item::WorkItem;
use crate::queue::lane::{DUE, URGENT};

const LIMITS: ConcurrencyLimits = ConcurrencyLimits { total: 8, per_host: 4 };
const OPEN: HostCircuit = HostCircuit::Open { until: 100, half_open_after: true };

/// Host `host` of account 1, webhook `host`.
fn lane(host: i64) -> Lane {
    lane_of(1, host, host)
}

fn lane_of(account: i64, host: i64, webhook: i64) -> Lane {
    Lane::Deliveries { host: AccountHost { account, host }, webhook, class: DUE }
}

fn urgent(host: i64) -> Lane {
    Lane::Deliveries { host: host_of(host), webhook: host, class: URGENT }
}

fn host_of(host: i64) -> AccountHost {
    AccountHost { account: 1, host }
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
        trace: None,
        accepted_at: Timestamp::UNIX_EPOCH,
    };
    let message = Message::new(&Arc::new(head), WebhookId(1), "n".to_owned(), None);
    let attempt = Attempt::first(message, &Payload::empty(), Timestamp::UNIX_EPOCH);
    QueueItem { lane, number, due: 0, work: WorkItem::Attempt(attempt), origin: None, fresh: false, expired: false }
}

/// A scheduler with so many ready messages in each of these lanes. Their numbers tell the lane: 1,000 for the second one.
fn scheduler(lanes: &[(Lane, i64)]) -> Scheduler {
    let scheduler = Scheduler::new(LIMITS);
    for (at, (lane, count)) in (0..).zip(lanes) {
        for number in 0..*count {
            assert!(scheduler.offer(item(*lane, at * 1000 + number)));
        }
    }
    scheduler
}

/// What is started at a time: numbers of messages, and what is loaded.
fn start(scheduler: &Scheduler, now: i64) -> (Vec<i64>, Vec<(Lane, usize, bool)>) {
    let (mut numbers, mut loads) = (Vec::new(), Vec::new());
    for action in scheduler.start(now) {
        match action {
            StartAction::Item(item) => numbers.push(item.number),
            StartAction::Load { lane, max, half_open } => loads.push((lane, max, half_open)),
        }
    }
    (numbers, loads)
}

fn rows(items: Vec<QueueItem>, next: Option<i64>) -> LoadedRows {
    LoadedRows { items, lost: Vec::new(), next }
}

#[test]
fn hosts_take_turns_and_one_account_gets_three_quarters_of_the_slots() {
    let scheduler = scheduler(&[(lane(1), 10), (lane(2), 10)]);
    assert_eq!(start(&scheduler, 0).0, [0, 1000, 1, 1001, 2, 1002], "six of eight");
    assert!(scheduler.offer(item(lane_of(2, 1, 9), 5000)), "another account, at the same host");
    assert_eq!(start(&scheduler, 0).0, [5000]);
    scheduler.finished(lane(2), 1000);
    assert_eq!(start(&scheduler, 0).0, [3]);
}

#[test]
fn the_next_free_slot_goes_to_the_account_that_holds_fewest() {
    let scheduler =
        scheduler(&[(lane_of(1, 1, 1), 9), (lane_of(1, 2, 2), 9), (lane_of(2, 3, 3), 2), (lane_of(3, 4, 4), 9)]);
    let (numbers, _) = start(&scheduler, 0);
    let of = |from: i64, to: i64| numbers.iter().filter(|number| (from..to).contains(*number)).count();
    assert_eq!((of(0, 2000), of(2000, 3000), of(3000, 4000)), (3, 2, 3), "{numbers:?}");
    let first: Vec<i64> = numbers[..3].iter().map(|number| number / 1000).collect();
    assert!(first.contains(&2) && first.contains(&3), "one start for each account first: {numbers:?}");
}

#[test]
fn a_quiet_account_waits_for_no_more_than_one_start_of_each_other_account() {
    let busy: Vec<(Lane, i64)> = (1..=800).map(|host| (lane_of(1, host, host), 5)).collect();
    let scheduler = scheduler(&busy);
    assert_eq!(start(&scheduler, 0).0.len(), 6);
    assert!(scheduler.offer(item(lane_of(2, 1, 1), 900_000)));
    assert_eq!(start(&scheduler, 0).0, [900_000]);
}

#[test]
fn webhooks_of_a_host_take_turns() {
    let scheduler = scheduler(&[(lane_of(1, 1, 1), 100), (lane_of(1, 1, 2), 1)]);
    assert_eq!(start(&scheduler, 0).0, [0, 1000, 1, 2]);
}

#[test]
fn hosts_that_do_not_keep_up_never_take_the_whole_share_of_an_account() {
    let lanes: Vec<(Lane, i64)> = (1..=8).map(|host| (lane(host), 10)).collect();
    let scheduler = scheduler(&lanes);
    for host in 1..=8 {
        scheduler.congested(host_of(host));
    }
    let (first, _) = start(&scheduler, 0);
    assert_eq!(first.len(), 5, "{first:?}");
    assert!(scheduler.offer(item(lane(9), 9000)));
    assert_eq!(start(&scheduler, 0).0, [9000], "a host that is not slow has a slot left");
}

#[test]
fn a_host_gets_what_its_limit_allows() {
    let scheduler = scheduler(&[(lane(1), 10)]);
    assert_eq!(start(&scheduler, 0).0, [0, 1, 2, 3]);
    for number in [0, 1] {
        scheduler.congested(host_of(1));
        scheduler.finished(lane(1), number);
    }
    assert_eq!(start(&scheduler, 0).0, [] as [i64; 0], "two are in flight still, and the limit is two");
    scheduler.succeeded(host_of(1));
    scheduler.finished(lane(1), 2);
    assert_eq!(start(&scheduler, 0).0, [4, 5], "three now");
}

#[test]
fn new_messages_never_pass_older_ones_that_wait_in_the_table() {
    let scheduler = scheduler(&[]);
    scheduler.note(lane(1), 0);
    assert!(!scheduler.offer(item(lane(1), 7)), "it joins the older ones in the table");
    assert_eq!(start(&scheduler, 0).1, [(lane(1), BATCH, false)]);
    assert!(!scheduler.offer(item(lane(1), 8)), "they are being loaded");
    scheduler.loaded(lane(1), Some(rows(vec![item(lane(1), 1)], None)), 0);
    assert!(scheduler.offer(item(lane(1), 9)), "the table has none left");
    assert_eq!(start(&scheduler, 0).0, [1, 9]);
    scheduler.note(lane(1), 500);
    assert!(scheduler.offer(item(lane(1), 10)), "a retry that is due later is not passed");
}

#[test]
fn an_open_circuit_keeps_messages_in_the_table_until_it_is_half_open() {
    let scheduler = scheduler(&[(lane(1), 3), (lane(2), 1)]);
    scheduler.set_circuit(host_of(1), OPEN, 0);
    assert_eq!(start(&scheduler, 0), (vec![1000], vec![]));
    assert!(!scheduler.offer(item(lane(1), 7)), "it waits in the table");
    scheduler.note(lane(1), 0);
    assert_eq!(start(&scheduler, 50), (vec![], vec![]), "noted, but not loaded");
    assert_eq!(scheduler.next_due(), Some(100));

    assert_eq!(start(&scheduler, 100), (vec![], vec![(lane(1), PROBES, true)]));
    scheduler.loaded(lane(1), Some(rows((0..3).map(|number| item(lane(1), number)).collect(), Some(100))), 100);
    assert_eq!(start(&scheduler, 100).0, [0], "one at a time");
    // The probe was claimed: the circuit opens for the next wait, before the request.
    scheduler.set_circuit(host_of(1), HostCircuit::Open { until: 300, half_open_after: true }, 100);
    scheduler.finished(lane(1), 0);
    assert_eq!(start(&scheduler, 100), (vec![], vec![]));
    assert_eq!(start(&scheduler, 300).1, [(lane(1), PROBES, true)]);
}

#[test]
fn probes_go_round_the_webhooks_of_a_host() {
    let scheduler = scheduler(&[]);
    scheduler.set_circuit(host_of(1), OPEN, 0);
    let webhooks = [1, 2, 3].map(|webhook| lane_of(1, 1, webhook));
    for lane in webhooks {
        scheduler.note(lane, 0);
    }
    let mut tried = Vec::new();
    for at in (100..).step_by(100).take(6) {
        let (_, loads) = start(&scheduler, at);
        let [(lane, PROBES, true)] = loads[..] else { panic!("{loads:?}") };
        tried.push(lane);
        scheduler.loaded(lane, Some(rows(vec![item(lane, at)], None)), at);
        assert_eq!(start(&scheduler, at).0, [at]);
        scheduler.set_circuit(host_of(1), HostCircuit::Open { until: at + 100, half_open_after: true }, at);
        // The retry of the message is due again before the next probe: that does not make it the first.
        scheduler.note(lane, at + 1);
        scheduler.finished(lane, at);
    }
    assert_eq!(tried, [webhooks, webhooks].concat());
}

#[test]
fn a_message_that_was_no_probe_leaves_the_turn_to_another_webhook() {
    let scheduler = scheduler(&[]);
    scheduler.set_circuit(host_of(1), OPEN, 0);
    let (first, second) = (lane_of(1, 1, 1), lane_of(1, 1, 2));
    scheduler.note(first, 0);
    scheduler.note(second, 0);
    assert_eq!(start(&scheduler, 100).1, [(first, PROBES, true)]);
    scheduler.loaded(first, Some(rows(vec![item(first, 1)], None)), 100);
    assert_eq!(start(&scheduler, 100).0, [1]);
    scheduler.finished(first, 1);
    assert_eq!(start(&scheduler, 100).1, [(second, PROBES, true)], "its webhook was deleted");
}

#[test]
fn a_circuit_that_closes_begins_with_one_request_and_doubles() {
    let scheduler = scheduler(&[]);
    scheduler.set_circuit(host_of(1), OPEN, 0);
    scheduler.note(lane(1), 0);
    scheduler.set_circuit(host_of(1), HostCircuit::Closed, 50);
    assert_eq!(start(&scheduler, 50).1, [(lane(1), BATCH, false)], "loaded at once");
    let items = (0..20).map(|number| item(lane(1), number)).collect();
    scheduler.loaded(lane(1), Some(rows(items, None)), 50);
    for expected in [1, 2, 4, 4] {
        let (numbers, _) = start(&scheduler, 50);
        assert_eq!(numbers.len(), expected);
        for number in numbers {
            scheduler.succeeded(host_of(1));
            scheduler.finished(lane(1), number);
        }
    }
}

#[test]
fn a_held_host_gets_nothing_until_then_and_everything_afterwards() {
    let scheduler = scheduler(&[(lane(1), 2)]);
    scheduler.set_circuit(host_of(1), HostCircuit::Open { until: 100, half_open_after: false }, 0);
    assert_eq!(start(&scheduler, 99), (vec![], vec![]));
    assert_eq!(start(&scheduler, 100).1, [(lane(1), BATCH, false)]);
    scheduler.loaded(lane(1), Some(rows(vec![item(lane(1), 0), item(lane(1), 1)], None)), 100);
    assert_eq!(start(&scheduler, 100).0, [0, 1]);
}

#[test]
fn tests_and_messages_whose_run_has_ended_need_no_closed_circuit() {
    let scheduler = scheduler(&[]);
    scheduler.set_circuit(host_of(1), OPEN, 0);
    assert!(scheduler.offer(item(urgent(1), 9)));
    assert_eq!(start(&scheduler, 0).0, [9]);
    scheduler.finished(urgent(1), 9);

    scheduler.note(lane(1), 0);
    assert_eq!(start(&scheduler, 100).1, [(lane(1), PROBES, true)]);
    let mut items: Vec<QueueItem> = (0..5).map(|number| item(lane(1), number)).collect();
    items[..3].iter_mut().for_each(|item| item.expired = true);
    scheduler.loaded(lane(1), Some(rows(items, None)), 100);
    assert_eq!(start(&scheduler, 100).0, [0, 1, 2], "ended all at once; the probe comes after them");
    for number in [0, 1, 2] {
        scheduler.finished(lane(1), number);
    }
    assert_eq!(start(&scheduler, 100).0, [3]);
}

#[test]
fn rows_that_were_loaded_for_a_circuit_that_opened_meanwhile_are_loaded_again() {
    let scheduler = scheduler(&[]);
    scheduler.note(lane(1), 0);
    assert_eq!(start(&scheduler, 0).1, [(lane(1), BATCH, false)]);
    scheduler.set_circuit(host_of(1), OPEN, 0);
    scheduler.loaded(lane(1), Some(rows(vec![item(lane(1), 1)], None)), 0);
    assert_eq!(start(&scheduler, 99), (vec![], vec![]));
    assert_eq!(start(&scheduler, 100).1, [(lane(1), PROBES, true)]);
    scheduler.loaded(lane(1), Some(rows(vec![item(lane(1), 1)], None)), 100);
    assert_eq!(start(&scheduler, 100).0, [1]);
}

#[test]
fn fan_outs_are_shared_out_by_account() {
    let scheduler = scheduler(&[(Lane::Events { account: 1 }, 100)]);
    assert_eq!(start(&scheduler, 0).0.len(), 24, "three quarters of 32");
    assert!(scheduler.offer(item(Lane::Events { account: 2 }, 5000)));
    assert_eq!(start(&scheduler, 0).0, [5000]);
}

#[test]
fn an_account_that_fills_its_room_leaves_room_for_others_and_goes_on_as_it_empties() {
    let scheduler = scheduler(&[]);
    let mut offered = 0;
    for webhook in 1..=100 {
        for number in 0..100 {
            offered += usize::from(scheduler.offer(item(lane_of(1, webhook, webhook), webhook * 1000 + number)));
        }
    }
    assert_eq!(offered, 6144, "three quarters of 8,192");
    assert!(scheduler.offer(item(lane_of(2, 1, 1), 1)));
    let waiting = lane_of(1, 500, 500);
    scheduler.note(waiting, 0);
    let (numbers, loads) = start(&scheduler, 0);
    assert_eq!(loads, [], "no room");
    let finished = numbers.into_iter().find(|number| *number >= 1000).unwrap();
    let webhook = finished / 1000;
    scheduler.finished(lane_of(1, webhook, webhook), finished);
    assert_eq!(start(&scheduler, 0).1.first().map(|(lane, ..)| *lane), Some(waiting));
}

#[test]
fn whether_other_webhooks_have_something_due() {
    let scheduler = scheduler(&[(lane_of(1, 1, 1), 1)]);
    assert!(!scheduler.others_due(host_of(1), 1, 10));
    scheduler.note(lane_of(1, 1, 2), 20);
    assert!(!scheduler.others_due(host_of(1), 1, 10) && scheduler.others_due(host_of(1), 1, 20));
    assert!(scheduler.others_due(host_of(1), 2, 10));
    scheduler.note(lane_of(2, 1, 3), 0);
    assert!(!scheduler.others_due(AccountHost { account: 2, host: 1 }, 3, 10), "another account's do not count");
}

#[test]
fn nothing_is_kept_of_what_is_finished() {
    let scheduler = scheduler(&[(lane(1), 6), (lane_of(2, 1, 7), 3), (Lane::Events { account: 3 }, 2), (urgent(4), 1)]);
    let mut lanes = std::collections::HashMap::new();
    for (at, lane) in [lane(1), lane_of(2, 1, 7), Lane::Events { account: 3 }, urgent(4)].into_iter().enumerate() {
        lanes.insert(at, lane);
    }
    while let (numbers, _) = start(&scheduler, 0)
        && !numbers.is_empty()
    {
        for number in numbers {
            let lane = lanes[&usize::try_from(number / 1000).unwrap()];
            if let Lane::Deliveries { host, .. } = lane {
                scheduler.succeeded(host);
            }
            scheduler.finished(lane, number);
        }
    }
    scheduler.state().assert_empty();
}

/// Of two tasks in one thread, the other one runs once per turn.
#[tokio::test]
async fn a_publisher_gives_turns_by_the_messages_of_its_account() {
    let scheduler = scheduler(&[(lane(1), 256 + 100), (lane_of(2, 2, 2), 256)]);
    for (account, turns) in [(1, 3), (2, 0), (3, 0)] {
        let mut others = 0;
        let others_run = async {
            loop {
                others += 1;
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            biased;
            () = scheduler.give_turns(account) => {}
            () = others_run => {}
        }
        assert_eq!(others, turns, "account {account}");
    }
}
