//! No run has more than ten attempts, and none is made twice without a reason (3).

use std::collections::BTreeMap;

use hookline_core::ids::MessageId;
use hookline_core::model::{Delivery, Outcome};

use crate::rules::ATTEMPTS;
use crate::world::State;

/// See the module.
pub(crate) fn check(state: &mut State, records: &[Delivery]) {
    let mut recorded: BTreeMap<(MessageId, u64, u8), usize> = BTreeMap::new();
    for record in records.iter().filter(|record| record.outcome != Outcome::Skipped) {
        *recorded.entry((record.message.clone(), record.run, record.attempt)).or_default() += 1;
    }
    for ((message, run, attempt), count) in recorded {
        if count > 1 || attempt > ATTEMPTS || attempt == 0 {
            state.violation(format!("attempt {attempt} of run {run} of {message} has {count} records (3)"));
        }
    }
    let mut posts: BTreeMap<(MessageId, u64, u8), u32> = BTreeMap::new();
    for post in &state.log.posts {
        let attempt = &post.attempt;
        *posts.entry((attempt.message.id.clone(), attempt.run, attempt.number)).or_default() += 1;
    }
    for (key, count) in posts {
        let (handouts, interruptions) = state.log.handouts.get(&key).copied().unwrap_or_default();
        // The first attempt of a first run has no claim: a queue that hands it out twice makes a second POST.
        let most = if (key.1, key.2) == (0, 1) { handouts } else { handouts.min(1 + interruptions) };
        if count > most {
            state.violation(format!("attempt {key:?} was sent {count} times, {most} are explained (3)"));
        }
    }
}
