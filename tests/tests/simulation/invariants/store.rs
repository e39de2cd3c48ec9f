//! What the store holds at the end.

use std::collections::BTreeSet;

use hookline_core::account::AccountId;
use hookline_core::delivery::Delivery;
use hookline_core::message::MessageId;
use hookline_core::ports::{Deliveries as _, DeliveryQuery, DeliveryScope, Webhooks as _};
use hookline_embedded::Store;

use crate::world::{World, moment};

/// The records of every message that was ever put on a queue.
pub(crate) async fn records(world: &World, store: &Store) -> Vec<Delivery> {
    let (messages, now) = {
        let state = world.lock();
        let of = |((message, _), first): (&(MessageId, u64), &hookline_core::message::Attempt)| {
            (first.message.account().clone(), message.clone())
        };
        (state.log.runs.iter().map(of).collect::<BTreeSet<(AccountId, MessageId)>>(), moment(state.now))
    };
    let mut all = Vec::new();
    for (account, message) in messages {
        let mut older_than = None;
        loop {
            let query = DeliveryQuery {
                scope: DeliveryScope::Message(message.clone()),
                event: Vec::new(),
                outcome: Vec::new(),
                created_at: Vec::new(),
                older_than,
                newer_than: None,
                per_page: 100,
            };
            let page = store.api().list_deliveries(&account, &query, now).await.expect("the store works");
            older_than = page.items.last().map(|last| last.id);
            all.extend(page.items);
            if !page.older {
                break;
            }
        }
    }
    all
}

/// Every webhook is what its last writer wrote (5).
pub(crate) async fn webhooks(world: &World, store: &Store) {
    let known: Vec<_> = world.lock().shadow.webhooks.iter().map(|(id, known)| (*id, known.clone())).collect();
    for (id, known) in known {
        let stored = store.api().webhook(&known.account, id).await.expect("the store works");
        let expected = (!known.deleted).then(|| {
            let mut webhook = known.now().webhook.clone();
            webhook.last_error.clone_from(&known.health.last_error);
            webhook
        });
        if stored != expected {
            world.lock().violation(format!("webhook {id} is {stored:?} and should be {expected:?} (5)"));
        }
    }
}
