//! What the store holds at the end.

use hookline_core::ids::WebhookId;
use hookline_core::model::Delivery;
use hookline_core::ports::{Deliveries as _, DeliveryQuery, DeliveryScope, Webhooks as _};
use hookline_embedded::Store;

use crate::shadow::Known;
use crate::world::{World, moment};

/// Every record of every webhook that ever was.
pub(crate) async fn records(world: &World, store: &Store) -> Vec<Delivery> {
    let (webhooks, now) = {
        let state = world.lock();
        let of = |(id, known): (&WebhookId, &Known)| (known.account.clone(), *id);
        (state.shadow.webhooks.iter().map(of).collect::<Vec<_>>(), moment(state.now))
    };
    let mut all = Vec::new();
    for (account, webhook) in webhooks {
        let mut older_than = None;
        loop {
            let query = DeliveryQuery {
                scope: DeliveryScope::Webhook(webhook),
                event: Vec::new(),
                outcome: Vec::new(),
                created_at: Vec::new(),
                older_than,
                newer_than: None,
                per_page: 100,
            };
            let page = store.api().list_deliveries(&account, &query, now).await.expect("the store works");
            older_than = page.older;
            all.extend(page.items);
            if older_than.is_none() {
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
