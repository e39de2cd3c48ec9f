//! What would become of an event (section 4, `POST /events/explain`). Nothing is sent and nothing is kept.

use serde_json::value::RawValue;

use crate::account::AccountId;
use crate::matching::{self, Subscriber, Why};
use crate::ports::Service;
use crate::problems::Error;
use crate::publish;
use crate::register::host_hash;
use crate::verify;
use crate::walk;
use crate::webhook::Webhook;

/// For every webhook of the account, by id, whether it would get the event, and why.
pub async fn explain(service: &Service, account: &AccountId, event: &RawValue) -> Result<Vec<(Webhook, Why)>, Error> {
    let event = publish::read(service, event, Some(account)).await.map_err(|refused| refused.error)?;
    let webhooks = walk::webhooks(service, account, Vec::new()).await?;
    let mut subscribers: Vec<Subscriber> = webhooks.iter().map(subscriber).collect();
    verify::waive(&service.settings, &mut subscribers);
    let why = matching::explain(&subscribers, &event.head, &service.settings.domain);
    Ok(webhooks.into_iter().zip(why).collect())
}

fn subscriber(webhook: &Webhook) -> Subscriber {
    Subscriber {
        webhook: webhook.id,
        name: webhook.name.clone(),
        subscription: webhook.event.clone(),
        host_hash: host_hash(&webhook.uri),
        enabled: !webhook.disabled,
        disabling: webhook.disabling,
        verified: webhook.verified,
    }
}
