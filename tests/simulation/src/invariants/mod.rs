//! What must always hold (section 4 of the architecture): some of it is checked as it happens ([`live`]), the rest when
//! everything has come to rest.

mod attempts;
mod deleted_accounts;
mod ends;
mod jobs;
mod live;
mod mails;
mod secrets;
mod store;
mod wire;

use crate::scratch::Lent;
use crate::world::World;

/// Checks a world at rest.
pub(crate) async fn check(world: &World, lent: &Lent) {
    let store = &lent.store;
    let records = store::records(world, store).await;
    store::webhooks(world, store).await;
    ends::check(world, store, &records).await;
    jobs::check(world, store).await;
    deleted_accounts::check(world, lent).await;
    let mut state = world.lock();
    attempts::check(&mut state, &records);
    wire::check(&mut state);
    mails::check(&mut state);
    secrets::check(&mut state);
}
