//! The newest events of an account that this process accepted, and how a filter fares with them (section 14).

use std::sync::Arc;

use super::yield_now::yield_now;
use crate::errors::{PortResult, UseCaseError, ValidationErrors};
use crate::ids::AccountId;
use crate::model::{Event, EventHead};
use crate::rules::matching::FilteredEvent;
use crate::service::Service;
use crate::values::content_filter::FilterMismatch;
use crate::values::{ContentFilter, Patch};

/// An event of the sample that a filter was tried on.
#[derive(Debug)]
pub struct PreviewedEvent {
    /// The event.
    pub head: Arc<EventHead>,
    /// The condition that it does not meet; `None` if the filter matches.
    pub mismatch: Option<FilterMismatch>,
}

/// The sample, the newest event first. An event that waits for its fan-out, or is kept no longer, is left out.
pub async fn sampled(service: &Service, account: &AccountId) -> PortResult<Vec<Arc<EventHead>>> {
    each(service, account, |event| event.head).await
}

/// Tries a filter on the sample. Nothing is kept.
///
/// # Errors
/// The filter is none; or our own infrastructure failed.
pub async fn preview(
    service: &Service,
    account: &AccountId,
    filter: &Patch<String>,
) -> Result<Vec<PreviewedEvent>, UseCaseError> {
    let filter = match filter {
        Patch::Value(text) => ContentFilter::parse(text).map_err(|error| error.to_string()),
        Patch::Absent | Patch::Null => Err("can't be blank".to_owned()),
        Patch::WrongType => Err("is invalid".to_owned()),
    };
    let filter = filter.map_err(|error| ValidationErrors::of("filter", error))?;
    let tried = each(service, account, |event| PreviewedEvent {
        mismatch: filter.mismatch(&FilteredEvent::of(&event).document(true)),
        head: event.head,
    });
    Ok(tried.await?)
}

/// Reads the sample event by event, and lets other tasks go on after each.
async fn each<T>(service: &Service, account: &AccountId, show: impl Fn(Event) -> T) -> PortResult<Vec<T>> {
    let (now, mut shown) = (service.clock.now(), Vec::new());
    for id in service.sample.ids(account) {
        if let Some(stored) = service.events.event(account, &id, now).await? {
            shown.push(show(stored.event));
        }
        yield_now().await;
    }
    Ok(shown)
}
