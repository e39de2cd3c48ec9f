//! Fan-out: an accepted event becomes one message for each webhook that matches.
//!
//! One conditional write claims the event: *begun*, with a lease and a progress mark. A repeat that comes while the
//! lease runs is handed back untouched; after it, fan-out goes on at the mark; once *done*, a repeat is acknowledged.
//! Message ids are derived, so a message that is put on the queue twice is recognised. Nothing is acknowledged before
//! *done*.
//!
//! A webhook that would have got the event, were it enabled and verified, is noted in a chunk of those that missed it.

use std::time::Duration;

use jiff::Timestamp;

use super::match_event;
use crate::errors::PortResult;
use crate::ids::WebhookId;
use crate::model::{Attempt, ErrorClass, Event, Hour, Message, Outcome, SkippedChunk, SkippedWebhook, Subscriber};
use crate::ports::{Disposition, EventClaim, Measurement};
use crate::rules::{MatchReason, matching, verification};
use crate::service::Service;

/// How long a claim lasts without progress.
pub const LEASE: Duration = Duration::from_mins(1);

/// How many messages are put on the queue between two progress marks.
const PAGE: usize = 500;

/// How many chunks of skipped messages are written between two progress marks.
const CHUNKS: usize = 20;

/// Handles one event of the events queue.
pub async fn handle(service: &Service, event: Event) -> PortResult<Disposition> {
    let now = service.clock.now();
    let (event, after) = match service.events.claim_event(&event, now, now + LEASE).await? {
        EventClaim::Done => return Ok(Disposition::Done),
        EventClaim::Busy { until } => return Ok(Disposition::HandBack { until }),
        EventClaim::Begun { event, after } => (event, after),
    };
    let MatchedSubscribers { matched, skipping, filtered } = find(service, &event, now).await?;
    let skipped: Vec<WebhookId> = skipping.iter().map(|webhook| webhook.id).collect();
    let ids: Vec<WebhookId> = matched.iter().map(|subscriber| subscriber.webhook).collect();
    let custom_url = if ids.is_empty() && skipping.is_empty() {
        None
    } else {
        service.accounts.custom_url(&event.head.account, now).await?
    };
    let rest: Vec<Subscriber> =
        matched.into_iter().filter(|subscriber| after.is_none_or(|mark| subscriber.webhook > mark)).collect();
    let mut pages = rest.chunks(PAGE).peekable();
    while let Some(page) = pages.next() {
        let attempts: Vec<(u64, Attempt)> = page
            .iter()
            .map(|subscriber| {
                let name = subscriber.name.clone();
                let message = Message::new(&event.head, subscriber.webhook, name, custom_url.clone());
                // Due at acceptance, so that a repeat of the fan-out makes the same delivery again.
                (subscriber.host_hash, Attempt::first(message, &event.payload, event.head.accepted_at))
            })
            .collect();
        service.queues.put_attempts(&attempts).await?;
        if let (Some(last), true) = (page.last(), pages.peek().is_some()) {
            service.events.event_progress(&event, last.webhook, service.clock.now() + LEASE).await?;
        }
    }
    let mark = ids.last().copied().max(after).unwrap_or(WebhookId(0));
    let chunks = SkippedChunk::all(&event.head, custom_url.as_deref(), skipping);
    let mut pages = chunks.chunks(CHUNKS).peekable();
    while let Some(page) = pages.next() {
        service.deliveries.record_skipped(page).await?;
        if pages.peek().is_some() {
            service.events.event_progress(&event, mark, service.clock.now() + LEASE).await?;
        }
    }
    service.events.event_done(&event, &ids).await?;
    // Last, so that a fan-out that is repeated counts once.
    count_missed(service, &event, &skipped, &filtered);
    let (matched, skipped, filtered) = (ids.len(), skipped.len(), filtered.len());
    tracing::info!(target: "hookline::success", matched, skipped, filtered, "event fanned out");
    Ok(Disposition::Done)
}

/// Counts webhooks that missed an event, and those whose filter kept it out.
fn count_missed(service: &Service, event: &Event, skipped: &[WebhookId], filtered: &[WebhookId]) {
    let (account, hour) = (&event.head.account, Hour::of(service.clock.now()));
    service.counts.count_filtered(account, filtered, hour);
    for webhook in skipped {
        service.counts.count(account, *webhook, hour, Outcome::Skipped, None);
        let class = Some(ErrorClass::Cancelled);
        service.metrics.record(Measurement::DeliveryEnded { outcome: Outcome::Skipped, class });
    }
}

/// The webhooks that an event concerns.
struct MatchedSubscribers {
    /// Those that get a message, by id.
    matched: Vec<Subscriber>,
    /// Those that miss it.
    skipping: Vec<SkippedWebhook>,
    /// Those whose filter keeps it out.
    filtered: Vec<WebhookId>,
}

async fn find(service: &Service, event: &Event, now: Timestamp) -> PortResult<MatchedSubscribers> {
    let mut subscribers = service.webhooks.subscribers(&event.head.account, &event.head.event).await?;
    verification::waive(&service.settings, &mut subscribers);
    let why = match_event::match_reasons(&subscribers, event, &service.settings.domain).await;
    let matched = Vec::with_capacity(subscribers.len());
    let mut found = MatchedSubscribers { matched, skipping: Vec::new(), filtered: Vec::new() };
    for (subscriber, why) in subscribers.into_iter().zip(why) {
        match (why, matching::skip_reason(&subscriber, why, now)) {
            (MatchReason::Matches, _) => found.matched.push(subscriber),
            (_, Some(reason)) => {
                found.skipping.push(SkippedWebhook { id: subscriber.webhook, reason, name: subscriber.name });
            }
            (MatchReason::Filtered, None) => found.filtered.push(subscriber.webhook),
            (
                MatchReason::OtherEvent | MatchReason::NotNamed | MatchReason::Disabled | MatchReason::Unverified,
                None,
            ) => {}
        }
    }
    found.matched.sort_unstable_by_key(|subscriber| subscriber.webhook);
    Ok(found)
}
