//! Spans of the log (section 12): each says what the lines inside are about.
//!
//! They have the highest level. So a line that is shown has its fields, whatever else is not shown.

use tracing::field::Empty;
use tracing::{Span, error_span};

use crate::ids::{AccountId, WebhookId};
use crate::model::{Attempt, EventHead, RecoveryStep, RedeliveryStep};
use crate::ports::MailTopic;

/// The work on a call of the API. Who calls, and what the call is about, is recorded when it is known.
#[must_use]
pub fn call(request_id: &str) -> Span {
    error_span!("call", request_id, account = Empty, person = Empty, route = Empty, webhook = Empty, policy = Empty)
}

/// The fan-out of an event.
#[must_use]
pub fn fan_out(event: &EventHead) -> Span {
    error_span!("fan_out", account = %event.account, event_id = event.id.as_str())
}

/// An attempt to send a message. The host is recorded when it is known.
#[must_use]
pub fn attempt(attempt: &Attempt) -> Span {
    let message = &attempt.message;
    error_span!(
        "attempt",
        account = %message.account(),
        webhook = message.webhook.0,
        event_id = message.event.id.as_str(),
        message_id = message.id.as_str(),
        delivery = %attempt.delivery_id(),
        attempt = attempt.number,
        host = Empty
    )
}

/// A step of a redelivery job. The webhook is recorded when it is known.
#[must_use]
pub fn job(step: &RedeliveryStep) -> Span {
    error_span!("job", account = %step.account, job = %step.job, webhook = Empty)
}

/// A try to recover a disabled webhook.
#[must_use]
pub fn recovery(step: &RecoveryStep) -> Span {
    error_span!("recovery", account = %step.account, webhook = step.webhook.0, number = step.number)
}

/// A mail about a webhook.
#[must_use]
pub fn mail(account: &AccountId, webhook: WebhookId, kind: MailTopic) -> Span {
    error_span!("mail", account = %account, webhook = webhook.0, kind = kind.as_str())
}
