//! What would become of an event (section 4, `POST /events/explain`). Nothing is sent and nothing is kept.

use serde_json::value::RawValue;

use super::publish;
use crate::errors::UseCaseError;
use crate::ids::AccountId;
use crate::model::{Subscriber, Webhook};
use crate::rules::{MatchReason, matching, verification};
use crate::service::Service;
use crate::use_cases::webhooks::all;
use crate::values::content_filter::FilterMismatch;

/// Whether a webhook would get an event.
#[derive(Debug)]
pub struct ExplainedMatch {
    /// The webhook.
    pub webhook: Webhook,
    /// Whether it would get the event, and why.
    pub why: MatchReason,
    /// The condition of its filter that the event does not meet.
    pub mismatch: Option<FilterMismatch>,
}

/// For every webhook of the account, by id, whether it would get the event, and why.
pub async fn explain(
    service: &Service,
    account: &AccountId,
    event: &RawValue,
) -> Result<Vec<ExplainedMatch>, UseCaseError> {
    let event = publish::read(service, event, Some(account)).await.map_err(|refused| refused.error)?;
    let webhooks = all::all_webhooks(service, account, Vec::new()).await?;
    let mut subscribers: Vec<Subscriber> = webhooks.iter().map(Subscriber::of).collect();
    verification::waive(&service.settings, &mut subscribers);
    let why = matching::match_reasons(&subscribers, &event, &service.settings.domain);
    let explained = webhooks.into_iter().zip(why).map(|(webhook, why)| {
        let filter = webhook.filter.as_ref().filter(|_| why == MatchReason::Filtered);
        let mismatch = filter.and_then(|filter| matching::filter_mismatch(filter, &event));
        ExplainedMatch { webhook, why, mismatch }
    });
    Ok(explained.collect())
}
