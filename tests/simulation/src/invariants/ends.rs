//! Every accepted event has its end, for every webhook that matched, in every run (1); an event id makes one message for
//! each (2).

use std::collections::BTreeMap;

use hookline_core::ids::MessageId;
use hookline_core::model::{Delivery, MessageKind, Outcome};
use hookline_core::ports::Events as _;
use hookline_embedded::Store;

use crate::world::{World, moment};

/// See the module.
pub(crate) async fn check(world: &World, store: &Store, records: &[Delivery]) {
    let (accepted, now) = {
        let state = world.lock();
        // The events of a deleted account are gone with it.
        let accepted = state.log.accepted.iter().filter(|(account, _)| !state.is_gone(account));
        (accepted.cloned().collect::<Vec<_>>(), moment(state.now))
    };
    for (account, id) in accepted {
        let stored = store.api().event(&account, &id, now).await.expect("the store works");
        let mut state = world.lock();
        let Some(stored) = stored else {
            state.violation(format!("event {id} of {account} was accepted and is gone (1)"));
            continue;
        };
        let Some(matched) = stored.matched else {
            state.violation(format!("event {id} of {account} was accepted and never fanned out (1)"));
            continue;
        };
        let expected = state.log.matching.get(&(account.clone(), id.clone())).cloned().unwrap_or_default();
        if matched != expected {
            state.violation(format!("event {id} of {account} matched {matched:?} and should {expected:?} (1)"));
        }
        for webhook in matched {
            let message = MessageId::derive(&account, &id, stored.event.head.accepted_at, webhook);
            if !state.log.runs.contains_key(&(message.clone(), 0)) {
                state.violation(format!("event {id} of {account} has no message for webhook {webhook} (1)"));
            }
        }
    }
    runs(world, records);
}

/// Every run has exactly one end.
fn runs(world: &World, records: &[Delivery]) {
    let mut ends: BTreeMap<(MessageId, u64), Vec<(u8, Outcome)>> = BTreeMap::new();
    for record in records.iter().filter(|record| record.outcome != Outcome::Skipped) {
        ends.entry((record.message.clone(), record.run)).or_default().push((record.attempt, record.outcome));
    }
    let mut state = world.lock();
    let (runs, gone) = (state.log.runs.clone(), state.shadow.gone.clone());
    for ((message, run), first) in runs.iter().filter(|(_, first)| !gone.contains_key(first.message.account())) {
        let mut ends = ends.get(&(message.clone(), *run)).cloned().unwrap_or_default();
        ends.sort_unstable_by_key(|(attempt, _)| *attempt);
        let count = |outcomes: &[Outcome]| ends.iter().filter(|(_, outcome)| outcomes.contains(outcome)).count();
        let successes = count(&[Outcome::Succeeded]);
        let good = match first.message.kind {
            // A test that waited for three days is dropped like any message.
            MessageKind::Test => ends.len() == 1 && count(&[Outcome::Waiting]) == 0,
            MessageKind::Event | MessageKind::Verify => match count(&[Outcome::Dropped, Outcome::Cancelled]) {
                0 => successes > 0 && count(&[Outcome::Waiting]) == 0,
                1 => successes == 0,
                _ => false,
            },
        };
        if !good {
            state.violation(format!("run {run} of message {message} ended like this: {ends:?} (1)"));
        }
    }
    for record in records.iter().filter(|record| record.outcome != Outcome::Skipped) {
        if !runs.contains_key(&(record.message.clone(), record.run)) {
            state.violation(format!("a record of a run that never was: {record:?}"));
        }
    }
}
