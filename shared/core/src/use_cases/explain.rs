//! What would become of an event (section 4, `POST /events/explain`). Nothing is sent and nothing is kept.

use serde_json::value::RawValue;

use super::{match_event, publish};
use crate::errors::UseCaseError;
use crate::ids::AccountId;
use crate::model::{Subscriber, Webhook};
use crate::rules::{MatchReason, verification};
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
    let (event, _) = publish::read(service, event, Some(account)).await.map_err(|refused| refused.error)?;
    let webhooks = all::all_webhooks(service, account, Vec::new()).await?;
    let mut subscribers: Vec<Subscriber> = webhooks.iter().map(Subscriber::of).collect();
    verification::waive(&service.settings, &mut subscribers);
    let matches = match_event::explain_matches(&subscribers, &event, &service.settings.domain).await;
    let explained = webhooks.into_iter().zip(matches);
    Ok(explained.map(|(webhook, (why, mismatch))| ExplainedMatch { webhook, why, mismatch }).collect())
}
